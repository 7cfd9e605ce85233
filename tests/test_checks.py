"""Faults of configuration are told by system checks, each with its id."""

import hashlib

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import OperationalError

from catalog import checks
from catalog.features import weights
from catalog.models import FeatureSpace
from catalog.services import spaces

from .services.conftest import open_folder, without_rights

__all__ = ["open_folder"]


@pytest.fixture(autouse=True)
def no_extractor_of_other_tests():
    spaces._extractor.cache_clear()


def told(check=checks.the_network_in_use) -> list[tuple[str, str]]:
    return [(message.id, message.msg) for message in check()]


def test_the_compact_network_is_a_warning(db):
    ((number, sentence),) = told()
    assert number == "catalog.W001"
    assert "small bundled network" in sentence
    assert "fetch_weights" in sentence


def test_the_compact_network_of_a_catalogue_is_a_warning_whatever_the_settings_prefer_now(catalogue, settings):
    settings.EXTRACTOR = "auto"
    assert [number for number, _ in told()] == ["catalog.W001"]


def test_vgg16_is_no_warning(db, settings, tmp_path, monkeypatch):
    settings.EXTRACTOR, settings.VGG16_WEIGHTS = "auto", tmp_path / "mine.h5"
    settings.VGG16_WEIGHTS.write_bytes(b"weights")
    monkeypatch.setattr(weights, "VGG16_MD5", hashlib.md5(b"weights", usedforsecurity=False).hexdigest())
    assert told() == []


def test_named_weights_that_are_not_there_are_an_error(catalogue, settings, tmp_path):
    settings.VGG16_WEIGHTS = tmp_path / "gone.h5"
    ((number, sentence),) = told()
    assert number == "catalog.E001"
    assert "gone.h5" in sentence
    assert "unset IMAGESEARCH_VGG16_WEIGHTS" in sentence


def test_named_weights_with_a_wrong_digest_are_an_error(db, settings, tmp_path):
    settings.VGG16_WEIGHTS = tmp_path / "wrong.h5"
    settings.VGG16_WEIGHTS.write_bytes(b"something else")
    ((number, sentence),) = told()
    assert number == "catalog.E001"
    assert "its MD5 is" in sentence


def test_weights_that_are_asked_for_and_missing_are_an_error(db, settings, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    settings.EXTRACTOR = "vgg16"
    assert [number for number, _ in told()] == ["catalog.E001"]


def test_a_catalogue_whose_own_weights_are_gone_is_an_error(catalogue):
    space = spaces.active().space
    FeatureSpace.objects.update(description={**space.description, "weights_digest": "0" * 64})
    ((number, sentence),) = told()
    assert number == "catalog.E001"
    assert sentence.startswith("The catalogue was described by vgg16-compact with weights of the digest 000000000000…")


def test_a_database_without_tables_is_no_matter_of_these_checks(monkeypatch):
    def no_table() -> None:
        raise OperationalError("no such table: catalog_generation")

    monkeypatch.setattr(spaces, "active", no_table)
    assert told() == []


def test_a_folder_that_can_be_written_to_is_no_error(settings):
    assert told(checks.the_data_folder_is_writable) == []


@pytest.mark.parametrize("below", [".", "var", "not/there/yet"])
def test_a_folder_that_cannot_be_written_to_is_an_error(settings, open_folder, below):
    settings.VAR_DIR = open_folder / below
    (open_folder / "var").mkdir()
    (open_folder / "var").chmod(0o555)
    open_folder.chmod(0o555)
    found = without_rights(lambda: [(one.id, one.msg, one.hint) for one in checks.the_data_folder_is_writable()])
    assert "catalog.E002" in found
    assert f"{open_folder}" in found
    assert "set IMAGESEARCH_DATA_DIR to a folder where it has it" in found


def test_both_checks_run_with_every_other(db):
    assert "catalog.W001" in [message.id for message in run_checks()]


def test_an_error_stops_the_command_check(db, settings, tmp_path):
    from django.core.management.base import SystemCheckError

    settings.VGG16_WEIGHTS = tmp_path / "gone.h5"
    with pytest.raises(SystemCheckError, match=r"catalog\.E001"):
        call_command("check")
