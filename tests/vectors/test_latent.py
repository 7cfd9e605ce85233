"""Codes that labels teach."""

import numpy as np
import pytest

from catalog.vectors import codes, latent
from catalog.vectors.codes import Coder
from catalog.vectors.latent import Labelled
from tests import described

KINDS, EACH = 8, 20


@pytest.fixture(scope="module")
def all_() -> Labelled:
    return Labelled(described.kinds(KINDS, EACH, spread=0.9), np.repeat(np.arange(KINDS), EACH))


@pytest.fixture(scope="module")
def taught(all_) -> Labelled:
    return all_.of(~latent.held_out(all_.labels))


@pytest.fixture(scope="module")
def layers(taught) -> latent.Layers:
    return latent.train(taught, 16)


def test_a_bit_is_what_the_sigmoid_says_of_a_half(layers, all_):
    activations = 1 / (1 + np.exp(-(all_.vectors @ layers.latent + layers.latent_bias)))
    bits = np.unpackbits(layers.coder().encode(all_.vectors), axis=1)
    assert (bits == (activations > 0.5)).mean() > 0.999  # but for rounding at a half itself


def test_learned_codes_rank_held_out_images_better_than_codes_without_labels(layers, all_, taught):
    asking = all_.of(latent.held_out(all_.labels))
    learned = latent.hamming_map(layers.coder(), asking, taught)
    assert learned > latent.hamming_map(codes.quantised(taught.vectors, 16), asking, taught) + 0.1
    assert learned > latent.hamming_map(codes.rotated(taught.vectors.shape[1], 16), asking, taught) + 0.1


def test_quality_is_of_the_images_that_did_not_teach(all_, layers):
    coder, quality = latent.learn(all_, 16)
    assert np.allclose(coder.directions, layers.coder().directions, atol=1e-4)
    assert (quality.labels, quality.held_out) == (KINDS, KINDS * EACH // 5)
    asking = all_.of(latent.held_out(all_.labels))
    assert quality.accuracy == pytest.approx((layers.labels_of(asking.vectors) == asking.labels).mean(), abs=0.04)


def test_of_each_label_a_fifth_is_held_out_and_one_at_least():
    labels = np.repeat([0, 1, 2], [5, 20, 7])
    out = latent.held_out(labels)
    assert np.bincount(labels[out]).tolist() == [1, 4, 1]
    assert (latent.held_out(labels) == out).all()
    assert (latent.held_out(labels, seed=1) != out).any()


def test_codes_that_are_the_labels_rank_perfectly_and_equal_codes_by_chance(all_):
    perfect = Labelled(np.eye(KINDS, dtype=np.float32)[all_.labels], all_.labels)
    coder = Coder(np.eye(KINDS, dtype=np.float32), np.full(KINDS, 0.5, np.float32))
    assert latent.hamming_map(coder, perfect, perfect) == 1
    blind = Coder(np.zeros((8, KINDS), np.float32), np.ones(8, np.float32))
    assert latent.hamming_map(blind, perfect, perfect) < 0.25
