from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from catalog.demo.drawing import ASKED, KINDS, PICTURES_A_KIND, draw


def test_the_same_number_draws_the_same_picture(drawn):
    for kind, name, picture in drawn[::PICTURES_A_KIND]:
        assert draw(kind, 1).tobytes() == picture.tobytes(), name


def test_a_kind_nobody_draws_is_refused():
    with pytest.raises(KeyError):
        draw("Dragons", 1)


def test_the_catalogue_holds_every_kind_equally_often(drawn):
    assert Counter(kind for kind, _, _ in drawn) == dict.fromkeys(KINDS, PICTURES_A_KIND)


def test_file_names_tell_the_kind_and_are_unique(drawn):
    names = [name for _, name, _ in drawn]
    assert len(set(names)) == len(names)
    assert all(name.startswith(kind.lower()) and name.endswith(".jpg") for kind, name, _ in drawn)


def test_pictures_are_rgb_and_of_a_photos_proportions(drawn):
    assert {picture.mode for _, _, picture in drawn} == {"RGB"}
    assert all(480 <= side <= 640 for _, _, picture in drawn for side in picture.size)


def test_some_pictures_are_upright_and_some_are_not(drawn):
    assert {picture.width > picture.height for _, _, picture in drawn} == {True, False}


def test_no_two_pictures_are_alike(drawn, asked):
    small = [np.asarray(picture.resize((64, 64)), dtype=float) for _, _, picture in drawn + asked]
    assert min(np.abs(one - other).mean() for one, other in combinations(small, 2)) > 5


def test_the_queries_ask_for_six_kinds_of_the_catalogue(asked):
    kinds = [kind for kind, _, _ in asked]
    assert kinds == list(ASKED)
    assert len(set(kinds) & set(KINDS)) == 6
