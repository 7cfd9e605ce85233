"""Tests of the system checks of the configuration."""

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import OperationalError

from catalog import checks
from catalog.features import weights
from catalog.models import FeatureSpace
from catalog.services.index import spaces
from tests.features.random_weights import write_random_vgg16
from tests.processes import run_unprivileged
from tests.removed_network import use_removed_network


@pytest.fixture(autouse=True)
def clear_extractor_cache():
    spaces._build_extractor.cache_clear()


def check_messages(check=checks.check_extractor) -> list[tuple[str, str]]:
    return [(message.id, message.msg) for message in check()]


def test_the_bundled_network_is_an_information_on_how_to_choose(db, settings, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert check_messages() == []
    settings.EXTRACTOR = "auto"
    ((check_id, message),) = check_messages()
    assert check_id == "catalog.I001"
    assert "compare_networks" in message


def test_own_weights_of_vgg16_are_a_warning(db, settings, tmp_path, monkeypatch):
    settings.EXTRACTOR, settings.VGG16_WEIGHTS = "auto", write_random_vgg16(tmp_path / "mine.h5").path
    assert [check_id for check_id, _ in check_messages()] == ["catalog.W001"]
    monkeypatch.setattr(weights, "VGG16_MD5", weights.file_digest(settings.VGG16_WEIGHTS, "", "md5"))
    assert check_messages() == []


def test_a_catalogue_of_the_removed_network_is_an_error(catalogue):
    use_removed_network()
    ((check_id, message),) = check_messages()
    assert check_id == "catalog.E001"
    assert "no longer part of the program. Run: python manage.py rebuild_index --reextract" in message


def test_missing_configured_weights_are_an_error(catalogue, settings, tmp_path):
    settings.VGG16_WEIGHTS = tmp_path / "gone.h5"
    ((check_id, message),) = check_messages()
    assert check_id == "catalog.E001"
    assert "gone.h5" in message
    assert "unset IMAGESEARCH_VGG16_WEIGHTS" in message


def test_a_configured_file_without_the_layers_of_vgg16_is_an_error(db, settings, tmp_path):
    settings.VGG16_WEIGHTS = tmp_path / "wrong.h5"
    settings.VGG16_WEIGHTS.write_bytes(b"something else")
    ((check_id, message),) = check_messages()
    assert check_id == "catalog.E001"
    assert "does not contain the weights of vgg16" in message


def test_missing_weights_of_the_requested_network_are_an_error(db, settings, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    settings.EXTRACTOR = "vgg16"
    assert [check_id for check_id, _ in check_messages()] == ["catalog.E001"]


def test_missing_weights_of_the_catalogue_are_an_error(catalogue):
    space = spaces.active_generation().space
    FeatureSpace.objects.update(description={**space.description, "weights_digest": "0" * 64})
    ((check_id, message),) = check_messages()
    assert check_id == "catalog.E001"
    assert message.startswith("The catalogue was indexed with efficientnet-lite2 weights of SHA-256 000000000000…")


def test_checks_ignore_missing_tables(monkeypatch):
    def no_table() -> None:
        raise OperationalError("no such table: catalog_generation")

    monkeypatch.setattr(spaces, "active_generation", no_table)
    assert check_messages() == []


def test_a_writable_data_folder_is_no_error(settings):
    assert check_messages(checks.check_data_dir) == []


@pytest.mark.parametrize("below", [".", "var", "not/there/yet"])
def test_a_data_folder_that_cannot_be_written_to_is_an_error(settings, public_folder, below):
    settings.VAR_DIR = public_folder / below
    (public_folder / "var").mkdir()
    (public_folder / "var").chmod(0o555)
    public_folder.chmod(0o555)
    found = run_unprivileged(lambda: [(one.id, one.msg, one.hint) for one in checks.check_data_dir()])
    assert "catalog.E002" in found
    assert f"{public_folder}" in found
    assert "set IMAGESEARCH_DATA_DIR to another folder" in found


def test_the_checks_are_registered(db, settings, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    settings.EXTRACTOR = "auto"
    assert "catalog.I001" in [message.id for message in run_checks()]


def test_an_error_fails_the_check_command(db, settings, tmp_path):
    from django.core.management.base import SystemCheckError

    settings.VGG16_WEIGHTS = tmp_path / "gone.h5"
    with pytest.raises(SystemCheckError, match=r"catalog\.E001"):
        call_command("check")


def test_a_network_that_is_not_converted_yet_stops_no_command(db, settings, tmp_path):
    settings.EXTRACTOR, settings.MODELS_DIR = "keras:MobileNetV3Small", tmp_path / "converted"
    (message,) = checks.check_extractor()
    assert message.id == "catalog.I002"
    assert "MobileNetV3Small is not converted yet" in message.msg
    assert not settings.MODELS_DIR.exists()  # a check, which web processes also run, converts nothing
