"""The operation that explains the similarity of two images."""

import jsonschema
import numpy as np
import pytest
from django.core.files.storage import default_storage

from tests.api.conftest import token_headers

pytestmark = pytest.mark.django_db


def explain(client, pk: int, other: int, **options: object):
    return client.get(f"/api/images/{pk}/why/{other}", **options)


def test_contributions_of_both_images_sum_to_score(client, catalogue):
    first, second = catalogue[:2]
    body = explain(client, first.pk, second.pk).json()
    scores = {hit["image"]["id"]: hit["score"] for hit in client.get(f"/api/images/{first.pk}/similar").json()["hits"]}
    assert body["score"] == pytest.approx(scores[second.pk], abs=1e-4)
    assert body["feature_space"].startswith("efficientnet-lite2")
    for side in ("photo", "image"):
        grid = np.array(body[side]["contributions"])
        assert grid.shape == (7, 10)
        assert grid.sum() == pytest.approx(body["score"], abs=1e-4)
        assert client.get(body[side]["overlay_url"])["Content-Type"] == "image/webp"


def test_responses_conform_to_schema(client, catalogue):
    openapi_schema = client.get("/api/openapi.json").json()
    responses = openapi_schema["paths"]["/api/images/{pk}/why/{other}"]["get"]["responses"]
    schema = responses["200"]["content"]["application/json"]["schema"]
    data = explain(client, catalogue[0].pk, catalogue[1].pk).json()
    jsonschema.validate(data, {**schema, "components": openapi_schema["components"]})
    assert {"401", "404", "409", "422", "503", "507"} <= responses.keys()


def test_unexplainable_pair_is_reported(client, catalogue):
    first, second, third = (image.pk for image in catalogue[:3])
    catalogue[0].descriptors.all().delete()
    default_storage.delete(str(catalogue[1].original))
    for pk, other, status in (
        *((first, third, 409), (third, first, 409)),
        *((second, third, 422), (third, second, 422)),
        *((0, third, 404), (third, 10**30, 404)),
    ):
        response = explain(client, pk, other)
        assert response.status_code == status, (pk, other)
        assert response.json()["detail"]


def test_explanation_requires_search_access(csrf_client, catalogue, settings, uploader):
    settings.SEARCH_REQUIRES_LOGIN = True
    pks = catalogue[0].pk, catalogue[1].pk
    assert explain(csrf_client, *pks).status_code == 401
    assert explain(csrf_client, *pks, headers=token_headers("ursula")).status_code == 200
