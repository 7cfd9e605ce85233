"""The HTTP API, version 1. Its OpenAPI description is at /api/docs."""

from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, ValidationError
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation

from catalog.api.access import TokenAuth, anonymous_search
from catalog.api.images import router as images_router
from catalog.api.search import router as search_router
from catalog.error_messages import ErrorDescription, describe_error
from catalog.exceptions import ImageSearchError

RESPONSE_DESCRIPTIONS = {
    HTTPStatus.OK: "The request succeeded.",
    HTTPStatus.NO_CONTENT: "The image was deleted.",
    HTTPStatus.UNAUTHORIZED: "The request needs a token, or the token is unknown, expired or revoked.",
    HTTPStatus.FORBIDDEN: "The token lacks the scope of this operation, or its account the permission.",
    HTTPStatus.NOT_FOUND: "The image, collection or tag does not exist.",
    HTTPStatus.CONFLICT: "No image is searchable yet, or this image is not.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The file or the request is larger than the server accepts.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "A parameter is invalid, or the file is not an accepted picture.",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many requests. Try again after `Retry-After` seconds.",
    HTTPStatus.SERVICE_UNAVAILABLE: "The site is busy, or the database, the index or the model weights are not "
    "available. Try again after `Retry-After` seconds.",
    HTTPStatus.INSUFFICIENT_STORAGE: "The storage is full or not accessible.",
}


# Headers of responses, by status.
RESPONSE_HEADERS = {
    HTTPStatus.UNAUTHORIZED: ("WWW-Authenticate", "string", "How to authenticate."),
    HTTPStatus.TOO_MANY_REQUESTS: ("Retry-After", "integer", "Seconds after which to try again."),
    HTTPStatus.SERVICE_UNAVAILABLE: ("Retry-After", "integer", "Seconds after which to try again."),
}


class CatalogueSchema(OpenAPISchema):
    """An OpenAPI description that explains every response, and says which scope an operation needs."""

    # Any: of ninja.
    def operation_details(self, operation: Operation) -> dict[str, Any]:
        details = super().operation_details(operation)
        (scope,) = (auth.scope for auth in operation.auth_callbacks if isinstance(auth, TokenAuth))
        details["description"] += f"\n\nA token needs the scope `{scope}`."
        return details

    def operation_security(self, operation: Operation) -> list[dict[str, Any]]:
        security = super().operation_security(operation) or []
        used = [scheme for scheme in security if "BasicAuth" not in scheme or settings.BASIC_AUTH]
        is_public = anonymous_search in operation.auth_callbacks and not settings.SEARCH_REQUIRES_LOGIN
        return [{}, *used] if is_public else used

    def get_components(self) -> dict[str, Any]:
        if not settings.BASIC_AUTH:
            self.securitySchemes.pop("BasicAuth", None)
        return super().get_components()

    def responses(self, operation: Operation) -> dict[int, dict[str, Any]]:
        responses = super().responses(operation)
        for status, response in responses.items():
            response["description"] = RESPONSE_DESCRIPTIONS[HTTPStatus(status)]
            if status in RESPONSE_HEADERS:
                name, kind, description = RESPONSE_HEADERS[HTTPStatus(status)]
                response["headers"] = {name: {"schema": {"type": kind}, "description": description}}
        return responses


class CatalogueAPI(NinjaAPI):
    """An API whose operations are named after their functions."""

    def get_openapi_operation_id(self, operation: Operation) -> str:
        return operation.view_func.__name__

    def get_openapi_schema(
        self, *, path_prefix: str | None = None, path_params: dict[str, Any] | None = None
    ) -> OpenAPISchema:
        return CatalogueSchema(self, self.get_root_path(path_params or {}) if path_prefix is None else path_prefix)


api = CatalogueAPI(
    title="imagesearch",
    version="1",
    description="Search a catalogue of pictures by photo, and manage its images. "
    "Programs authenticate with an API token, which is made in the admin or by the command `api_token`. "
    "The pages of the site use their session, with the header `X-CSRFToken`. "
    "Errors are returned as a JSON object with one key, `detail`.",
)
api.add_router("", search_router)
api.add_router("/images", images_router)


@api.exception_handler(ImageSearchError)
@api.exception_handler(OperationalError)
@api.exception_handler(RequestDataTooBig)
@api.exception_handler(TooManyFilesSent)
@api.exception_handler(TooManyFieldsSent)
def handle_error(request: HttpRequest, error: Exception) -> HttpResponse:
    """Return the message of an error that the client or the operator can act on."""
    description = describe_error(error) or ErrorDescription(500, "", str(error), {})
    response = api.create_response(request, {"detail": description.message}, status=description.status)
    for name, value in description.headers.items():
        response.headers[name] = value
    return response


@api.exception_handler(AuthenticationError)
def handle_missing_account(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    """Say how to authenticate."""
    message = "Send a valid API token in the header Authorization: Bearer TOKEN."
    response = api.create_response(request, {"detail": message}, status=error.status_code)
    response.headers["WWW-Authenticate"] = "Bearer"
    return response


@api.exception_handler(ValidationError)
def handle_validation_error(request: HttpRequest, validation_error: ValidationError) -> HttpResponse:
    """Return which parameters are invalid, and why, as one message."""
    message = "; ".join(f"{error['loc'][-1]}: {error['msg']}" for error in validation_error.errors)
    return api.create_response(request, {"detail": f"{message}."}, status=422)
