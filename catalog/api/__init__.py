"""The HTTP API, version 1. Its OpenAPI description is at /api/docs."""

from http import HTTPStatus
from typing import Any

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import ValidationError
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation

from catalog.api.images import router as images_router
from catalog.api.search import router as search_router
from catalog.error_messages import ErrorDescription, describe_error
from catalog.exceptions import ImageSearchError

RESPONSE_DESCRIPTIONS = {
    HTTPStatus.OK: "The request succeeded.",
    HTTPStatus.NO_CONTENT: "The image was deleted.",
    HTTPStatus.UNAUTHORIZED: "The request needs an account, or the user name or password is wrong.",
    HTTPStatus.FORBIDDEN: "The account does not have permission for this operation.",
    HTTPStatus.NOT_FOUND: "The image, collection or tag does not exist.",
    HTTPStatus.CONFLICT: "No image is searchable yet, or this image is not.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The file or the request is larger than the server accepts.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "A parameter is invalid, or the file is not an accepted picture.",
    HTTPStatus.SERVICE_UNAVAILABLE: "The database, the index or the model weights are not available. Try again later.",
    HTTPStatus.INSUFFICIENT_STORAGE: "The storage is full or not accessible.",
}


class CatalogueAPI(NinjaAPI):
    """An API whose operations are named after their functions, and whose description explains every response."""

    def get_openapi_operation_id(self, operation: Operation) -> str:
        return operation.view_func.__name__

    # Any: of ninja.
    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        schema = super().get_openapi_schema(**options)
        for operations in schema["paths"].values():
            for operation in operations.values():
                for status, response in operation["responses"].items():
                    response["description"] = RESPONSE_DESCRIPTIONS[HTTPStatus(int(status))]
        return schema


api = CatalogueAPI(
    title="imagesearch",
    version="1",
    description="Search a catalogue of pictures by photo, and manage its images. "
    "Adding and deleting images requires an account: use HTTP Basic authentication or the session of the site. "
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


@api.exception_handler(ValidationError)
def handle_validation_error(request: HttpRequest, validation_error: ValidationError) -> HttpResponse:
    """Return which parameters are invalid, and why, as one message."""
    message = "; ".join(f"{error['loc'][-1]}: {error['msg']}" for error in validation_error.errors)
    return api.create_response(request, {"detail": f"{message}."}, status=422)
