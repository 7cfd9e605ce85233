"""Migrations keep the data of earlier versions."""

import json

import numpy as np
import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from catalog.models import Generation, SavedPhoto, SavedSearch
from catalog.services.index.training import trained_parameters
from catalog.vectors.calibration import SimilarityLevel


def migrate(name: str):
    """Migrate the catalogue to this migration. Return its models."""
    executor = MigrationExecutor(connection)
    executor.migrate([("catalog", name)])
    return MigrationExecutor(connection).loader.project_state([("catalog", name)]).apps


@pytest.fixture
def latest(transactional_db):
    """Return to the latest schema after the test."""
    yield
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes("catalog"))


def test_a_whitening_becomes_a_projection(latest):
    apps = migrate("0001_initial")
    rng = np.random.default_rng(0)
    mean, matrix = rng.normal(size=7).astype("<f4"), rng.normal(size=(7, 7)).astype("<f4")
    whitening = apps.get_model("catalog", "Whitening").objects.create(
        digest="d" * 64, data=np.vstack([mean, matrix]).tobytes()
    )
    space = apps.get_model("catalog", "FeatureSpace").objects.create(key="space", description={})
    calibration = {"median": 0.1, "spread": 0.05}
    generation = apps.get_model("catalog", "Generation").objects.create(
        space=space, state="active", whitening=whitening, training_image_count=500, calibration=calibration
    )
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes("catalog"))

    converted = Generation.objects.get(pk=generation.pk)
    projection = trained_parameters.projection_of(converted)
    assert np.array_equal(projection.mean, mean)
    assert np.array_equal(projection.matrix, matrix)
    assert (converted.training_image_count, converted.projection_choice) == (500, None)
    assert not converted.is_augmented  # until the next rebuild
    assert json.loads(json.dumps(converted.calibration)) == calibration
    assert trained_parameters.calibration_of(converted).level(0.95, 0.95) is SimilarityLevel.SAME


def test_a_generation_without_whitening_has_no_projection(latest):
    apps = migrate("0001_initial")
    space = apps.get_model("catalog", "FeatureSpace").objects.create(key="space", description={})
    generation = apps.get_model("catalog", "Generation").objects.create(space=space, state="active")
    migrate("0002_projections")
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes("catalog"))
    assert trained_parameters.projection_of(Generation.objects.get(pk=generation.pk)) is None


def test_photos_of_saved_searches_are_kept_with_their_tokens(latest):
    apps = migrate("0004_segment_digests")
    bag, shoe, expiring = (
        apps.get_model("catalog", "QueryPhoto").objects.create(
            token=character * 22, label="bag.jpg", picture=b"12345", space_key="s", descriptor=b"678"
        )
        for character in "abc"
    )
    user = apps.get_model("auth", "User").objects.create(username="ursula")
    for name, photos in (("one", [bag]), ("two", [bag, shoe]), ("three", [])):
        apps.get_model("catalog", "SavedSearch").objects.create(name=name, user=user, url="/").photos.set(photos)
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes("catalog"))
    tokens = {search.name: [photo.token for photo in search.photos.all()] for search in SavedSearch.objects.all()}
    assert tokens == {"one": [bag.token], "two": [bag.token, shoe.token], "three": []}
    photo = SavedPhoto.objects.first()
    assert (photo.label, bytes(photo.picture), photo.space_key, bytes(photo.descriptor)) == (
        *("bag.jpg", b"12345"),
        *("s", b"678"),
    )
    assert not SavedPhoto.objects.filter(token=expiring.token).exists()
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            assert cursor.execute("PRAGMA auto_vacuum").fetchone() == (2,)  # incremental
