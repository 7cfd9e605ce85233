"""A Milvus server, the engines, and a catalogue with and without neighbour lists."""

import importlib.util
import os
from collections.abc import Iterator
from dataclasses import replace

import pytest

from catalog.features.recipes import EXTRACTOR_CONFIGS
from catalog.models import Image
from catalog.services.index import rebuilding

pytest.register_assert_rewrite("tests.engines.assertions")

from tests.engines.assertions import allow_small_training, snapshot  # noqa: E402, after its registration
from tests.engines.milvus_server import MilvusServer  # noqa: E402, together with the other helpers


@pytest.fixture(scope="package")
def milvus_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MilvusServer]:
    if not importlib.util.find_spec("milvus_lite"):
        (pytest.fail if os.environ.get("REQUIRE_SERVICES") == "1" else pytest.skip)("milvus-lite not installed")
    server = MilvusServer(tmp_path_factory.mktemp("milvus"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def milvus(milvus_server, settings) -> Iterator[MilvusServer]:
    """Search on a Milvus server, which runs when a test starts."""
    settings.VECTOR_INDEX = milvus_server.url()
    yield milvus_server
    if not milvus_server.is_ready():
        milvus_server.start()


@pytest.fixture(params=["local", "milvus"])
def each_engine(request: pytest.FixtureRequest) -> str:
    """Run the test with each engine."""
    if request.param == "milvus":
        request.getfixturevalue("milvus")
    return request.param


@pytest.fixture(params=["plain", "with neighbours"])
def catalogue(request: pytest.FixtureRequest, catalogue: list[Image], monkeypatch: pytest.MonkeyPatch) -> list[Image]:
    """Six images, first compared as they are, and then with a projection and with neighbours."""
    if request.param == "with neighbours":
        allow_small_training(monkeypatch)
        rebuilding.rebuild()
        assert snapshot().projection
        assert snapshot().has_neighbours
    return catalogue


@pytest.fixture
def another_space(db, monkeypatch) -> None:
    """Re-extractions use another feature space: the same weights with another input size."""
    smaller = replace(EXTRACTOR_CONFIGS["efficientnet-lite2"], input_sizes=(96,))
    monkeypatch.setitem(EXTRACTOR_CONFIGS, "efficientnet-lite2", smaller)
