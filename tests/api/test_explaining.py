"""Why two images are alike, through the API."""

import jsonschema
import numpy as np
import pytest
from django.core.files.storage import default_storage

from .conftest import basic

pytestmark = pytest.mark.django_db


def why(client, pk: int, other: int, **options: object):
    return client.get(f"/api/images/{pk}/why/{other}", **options)


def test_the_contributions_of_both_sum_to_the_score(client, catalogue):
    first, second = catalogue[:2]
    told = why(client, first.pk, second.pk).json()
    scores = {hit["image"]["id"]: hit["score"] for hit in client.get(f"/api/images/{first.pk}/similar").json()["hits"]}
    assert told["score"] == pytest.approx(scores[second.pk], abs=1e-4)
    assert told["feature_space"].startswith("vgg16-compact")
    for which in ("photo", "image"):
        grid = np.array(told[which]["contributions"])
        assert grid.shape == (12, 12)
        assert grid.sum() == pytest.approx(told["score"], abs=1e-4)
        assert client.get(told[which]["overlay_url"])["Content-Type"] == "image/webp"


def test_answers_are_what_the_description_says(client, catalogue):
    described = client.get("/api/openapi.json").json()
    responses = described["paths"]["/api/images/{pk}/why/{other}"]["get"]["responses"]
    schema = responses["200"]["content"]["application/json"]["schema"]
    answer = why(client, catalogue[0].pk, catalogue[1].pk).json()
    jsonschema.validate(answer, {**schema, "components": described["components"]})
    assert {"401", "404", "409", "422", "503", "507"} <= responses.keys()


def test_what_cannot_be_explained_is_told(client, catalogue):
    first, second, third = (image.pk for image in catalogue[:3])
    catalogue[0].descriptors.all().delete()
    default_storage.delete(str(catalogue[1].original))
    for pk, other, status in (
        *((first, third, 409), (third, first, 409)),
        *((second, third, 422), (third, second, 422)),
        *((0, third, 404), (third, 10**30, 404)),
    ):
        answer = why(client, pk, other)
        assert answer.status_code == status, (pk, other)
        assert answer.json()["detail"]


def test_a_setting_has_explaining_need_an_account(strict, catalogue, settings, uploader):
    settings.SEARCH_REQUIRES_LOGIN = True
    pks = catalogue[0].pk, catalogue[1].pk
    assert why(strict, *pks).status_code == 401
    assert why(strict, *pks, headers=basic("ursula")).status_code == 200
