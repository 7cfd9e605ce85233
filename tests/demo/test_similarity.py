import numpy as np
import pytest

from catalog.demo.drawing import KINDS
from catalog.features.extractors import Extractor, space_for_network
from catalog.features.networks.efficientnet_lite import efficientnet_lite2_network


@pytest.fixture(scope="session")
def extractor() -> Extractor:
    network = efficientnet_lite2_network()
    return Extractor.from_network(network, space_for_network(network), runtime="openvino", threads=2)


def extract_descriptors(extractor: Extractor, demo_pictures) -> np.ndarray:
    return extractor.extract([extractor.prepare(each) for _, _, each in demo_pictures])


@pytest.fixture(scope="session")
def descriptors(extractor, demo_pictures) -> np.ndarray:
    return extract_descriptors(extractor, demo_pictures)


@pytest.mark.slow
def test_queries_find_their_kind_with_the_bundled_network(extractor, descriptors, demo_pictures, query_pictures):
    kinds = np.array([kind for kind, _, _ in demo_pictures])
    found = []
    for (kind, _, _), scores in zip(
        query_pictures, extract_descriptors(extractor, query_pictures) @ descriptors.T, strict=True
    ):
        first = kinds[np.argsort(-scores)[:5]]
        assert first[0] == kind
        found.append((first == kind).sum())
        assert found[-1] >= 3, f"{kind}: {first}"
    assert sum(found) >= 27


def test_pictures_find_their_kind_with_the_bundled_network(descriptors, demo_pictures):
    kinds = np.array([kind for kind, _, _ in demo_pictures])
    scores = descriptors @ descriptors.T
    np.fill_diagonal(scores, -1)
    nearest = kinds[scores.argmax(axis=1)]
    for kind in KINDS:
        assert (nearest[kinds == kind] == kind).mean() >= 0.75, kind
