import numpy as np
import pytest

from catalog.demo.drawing import KINDS
from catalog.features.extractors import Extractor, choose, space_of


@pytest.fixture(scope="session")
def extractor(tmp_path_factory) -> Extractor:
    weights = choose("vgg16-compact", None)
    cache = tmp_path_factory.mktemp("networks")
    return Extractor.of(weights, space_of(weights), runtime="auto", cache=cache, threads=2)


def described(extractor: Extractor, drawn) -> np.ndarray:
    return extractor.describe([extractor.prepare(each) for _, _, each in drawn])


@pytest.fixture(scope="session")
def descriptors(extractor, drawn) -> np.ndarray:
    return described(extractor, drawn)


def test_every_query_finds_its_own_kind_with_the_bundled_network(extractor, descriptors, drawn, asked):
    kinds = np.array([kind for kind, _, _ in drawn])
    found = []
    for (kind, _, _), scores in zip(asked, described(extractor, asked) @ descriptors.T, strict=True):
        first = kinds[np.argsort(-scores)[:5]]
        assert first[0] == kind
        found.append((first == kind).sum())
        assert found[-1] >= 3, f"{kind}: {first}"
    assert sum(found) >= 27


def test_the_pictures_of_a_kind_find_one_another_with_the_bundled_network(descriptors, drawn):
    kinds = np.array([kind for kind, _, _ in drawn])
    scores = descriptors @ descriptors.T
    np.fill_diagonal(scores, -1)
    nearest = kinds[scores.argmax(axis=1)]
    for kind in KINDS:
        assert (nearest[kinds == kind] == kind).mean() >= 0.75, kind
