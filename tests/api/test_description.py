"""The OpenAPI description is valid, and what is returned is what it says."""

import jsonschema
import pytest
from openapi_spec_validator import validate

from catalog.models import Tag
from tests.pages.conftest import file_of

from .conftest import basic

pytestmark = pytest.mark.django_db


@pytest.fixture
def described(client) -> dict:
    return client.get("/api/openapi.json").json()


def check(described: dict, path: str, method: str, answer) -> None:
    """Hold an answer to what the description says of its status."""
    responses = described["paths"][path][method]["responses"]
    assert str(answer.status_code) in responses, answer.status_code
    schema = responses[str(answer.status_code)]["content"]["application/json"]["schema"]
    jsonschema.validate(answer.json(), {**schema, "components": described["components"]})


def test_the_description_is_valid(described):
    validate(described)


def test_the_page_of_the_description_loads(client):
    answer = client.get("/api/docs")
    assert answer.status_code == 200
    assert "swagger" in answer.content.decode()


def test_answers_are_what_the_description_says(client, described, catalogue, picture, uploader):
    catalogue[0].tags.add(Tag.objects.create(name="red"))
    pk = catalogue[0].pk
    check(described, "/api/health", "get", client.get("/api/health"))
    check(described, "/api/images", "get", client.get("/api/images"))
    check(described, "/api/images/{pk}", "get", client.get(f"/api/images/{pk}"))
    check(described, "/api/images/{pk}/similar", "get", client.get(f"/api/images/{pk}/similar"))
    photo = {"photo": file_of(picture(0))}
    check(described, "/api/search", "post", client.post("/api/search", photo))
    files = {"files": [file_of(picture(40)), file_of(b"")]}
    check(described, "/api/images", "post", client.post("/api/images", files, headers=basic("ursula")))


def test_refusals_are_what_the_description_says(client, described, catalogue, picture, uploader, settings):
    check(described, "/api/images/{pk}", "get", client.get("/api/images/0"))
    check(described, "/api/images", "get", client.get("/api/images", {"status": "lost"}))
    check(described, "/api/images", "get", client.get("/api/images", {"start": "x"}))
    check(described, "/api/search", "post", client.post("/api/search", {"photo": file_of(b"")}))
    check(described, "/api/search", "post", client.post("/api/search", {}))
    check(described, "/api/images", "post", client.post("/api/images", {}, headers=basic("ursula")))
    check(described, "/api/images", "post", client.post("/api/images", {}))
    check(described, "/api/images/{pk}", "delete", client.delete("/api/images/1", headers=basic("ursula")))
    settings.MAX_UPLOAD_BYTES = 1000
    check(described, "/api/search", "post", client.post("/api/search", {"photo": file_of(picture(0))}))
    settings.SEARCH_REQUIRES_LOGIN = True
    check(described, "/api/images", "get", client.get("/api/images"))
