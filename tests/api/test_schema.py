"""The OpenAPI description is valid, and responses conform to it."""

import jsonschema
import pytest
from openapi_spec_validator import validate

from catalog.models import Tag
from tests.api.conftest import token_headers
from tests.views.conftest import uploaded_file

pytestmark = pytest.mark.django_db


@pytest.fixture
def openapi_schema(client) -> dict:
    return client.get("/api/openapi.json").json()


def check_response(openapi_schema: dict, path: str, method: str, response) -> None:
    """Validate a response against the description of its status."""
    responses = openapi_schema["paths"][path][method]["responses"]
    assert str(response.status_code) in responses, response.status_code
    schema = responses[str(response.status_code)]["content"]["application/json"]["schema"]
    jsonschema.validate(response.json(), {**schema, "components": openapi_schema["components"]})


def test_schema_is_valid(openapi_schema):
    validate(openapi_schema)


def test_documentation_page_loads(client):
    response = client.get("/api/docs")
    assert response.status_code == 200
    assert "swagger" in response.content.decode()


def test_responses_conform_to_schema(client, openapi_schema, catalogue, picture, uploader):
    catalogue[0].tags.add(Tag.objects.create(name="red"))
    pk = catalogue[0].pk
    check_response(openapi_schema, "/api/health", "get", client.get("/api/health"))
    check_response(openapi_schema, "/api/images", "get", client.get("/api/images"))
    check_response(openapi_schema, "/api/images/{pk}", "get", client.get(f"/api/images/{pk}"))
    check_response(openapi_schema, "/api/images/{pk}/similar", "get", client.get(f"/api/images/{pk}/similar"))
    photo = {"photo": uploaded_file(picture(0))}
    check_response(openapi_schema, "/api/search", "post", client.post("/api/search", photo))
    files = {"files": [uploaded_file(picture(40)), uploaded_file(b"")]}
    check_response(
        openapi_schema, "/api/images", "post", client.post("/api/images", files, headers=token_headers("ursula"))
    )


def test_error_responses_conform_to_schema(client, openapi_schema, catalogue, picture, uploader, settings):
    check_response(openapi_schema, "/api/images/{pk}", "get", client.get("/api/images/0"))
    check_response(openapi_schema, "/api/images", "get", client.get("/api/images", {"status": "lost"}))
    check_response(openapi_schema, "/api/images", "get", client.get("/api/images", {"start": "x"}))
    check_response(openapi_schema, "/api/search", "post", client.post("/api/search", {"photo": uploaded_file(b"")}))
    check_response(openapi_schema, "/api/search", "post", client.post("/api/search", {}))
    check_response(
        openapi_schema, "/api/images", "post", client.post("/api/images", {}, headers=token_headers("ursula"))
    )
    check_response(openapi_schema, "/api/images", "post", client.post("/api/images", {}))
    check_response(
        openapi_schema,
        "/api/images/{pk}",
        "delete",
        client.delete("/api/images/1", headers=token_headers("ursula")),
    )
    settings.MAX_UPLOAD_BYTES = 1000
    check_response(
        openapi_schema, "/api/search", "post", client.post("/api/search", {"photo": uploaded_file(picture(0))})
    )
    settings.SEARCH_REQUIRES_LOGIN = True
    check_response(openapi_schema, "/api/images", "get", client.get("/api/images"))
