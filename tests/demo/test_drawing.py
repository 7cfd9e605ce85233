from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from catalog.demo.drawing import KINDS, PICTURES_PER_KIND, QUERY_KINDS, draw_picture


@pytest.mark.slow
def test_the_same_number_draws_the_same_picture(demo_pictures):
    for kind, name, picture in demo_pictures[::PICTURES_PER_KIND]:
        assert draw_picture(kind, 1).tobytes() == picture.tobytes(), name


def test_an_unknown_kind_is_rejected():
    with pytest.raises(KeyError):
        draw_picture("Dragons", 1)


def test_the_catalogue_has_equally_many_pictures_of_each_kind(demo_pictures):
    assert Counter(kind for kind, _, _ in demo_pictures) == dict.fromkeys(KINDS, PICTURES_PER_KIND)


def test_file_names_contain_the_kind_and_are_unique(demo_pictures):
    names = [name for _, name, _ in demo_pictures]
    assert len(set(names)) == len(names)
    assert all(name.startswith(kind.lower()) and name.endswith(".jpg") for kind, name, _ in demo_pictures)


def test_pictures_are_rgb_and_have_the_size_of_small_photos(demo_pictures):
    assert {picture.mode for _, _, picture in demo_pictures} == {"RGB"}
    assert all(480 <= side <= 640 for _, _, picture in demo_pictures for side in picture.size)


def test_pictures_are_in_landscape_and_portrait_format(demo_pictures):
    assert {picture.width > picture.height for _, _, picture in demo_pictures} == {True, False}


@pytest.mark.slow
def test_all_pictures_differ(demo_pictures, query_pictures):
    small = [np.asarray(picture.resize((64, 64)), dtype=float) for _, _, picture in demo_pictures + query_pictures]
    assert min(np.abs(one - other).mean() for one, other in combinations(small, 2)) > 5


def test_there_are_query_photos_of_six_kinds(query_pictures):
    kinds = [kind for kind, _, _ in query_pictures]
    assert kinds == list(QUERY_KINDS)
    assert len(set(kinds) & set(KINDS)) == 6
