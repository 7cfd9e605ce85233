"""Summaries of a generation for its operator."""

import numpy as np

from catalog.models import Generation
from catalog.services.index import generation_summary, rebuilding, spaces
from catalog.services.index.training import trained_parameters
from catalog.services.index.training.code_specs import CodeSpec
from catalog.vectors.calibration import SimilarityLevel
from tests import indexed_images


def add_labelled_images() -> None:
    names = [f"Kind {kind}" for kind in range(12) for _ in range(10)]
    indexed_images.add_indexed_images(indexed_images.clustered_vectors(12, 10), collections=names)


def test_missing_training_is_described(db):
    indexed_images.add_indexed_images(indexed_images.clustered_vectors(1, 5))
    generation = spaces.active_generation()
    assert generation_summary.describe_projection(generation) == "compared as they are: not trained yet"
    generation = rebuilding.rebuild().generation
    assert generation_summary.describe_projection(generation) == "compared as they are: fewer than 100 images"
    assert generation_summary.describe_teaching(generation) == ""
    text = generation_summary.describe_score_levels(generation)
    assert text == "not calibrated: fewer than 100 different images"


def test_images_that_are_all_the_same_are_described(db):
    indexed_images.add_indexed_images(np.repeat(indexed_images.clustered_vectors(1, 1), 120, axis=0))
    generation = rebuilding.rebuild().generation
    assert generation_summary.describe_projection(generation) == "compared as they are"
    text = generation_summary.describe_score_levels(generation)
    assert text == "not calibrated: fewer than 100 different images"


def test_a_projection_that_could_not_be_measured_is_described(db):
    indexed_images.add_indexed_images(indexed_images.clustered_vectors(12, 10))
    text = generation_summary.describe_projection(rebuilding.rebuild().generation)
    assert text == "centred: what all images have in common does not count"


def test_the_comparison_of_projections_is_described(db):
    add_labelled_images()
    generation = rebuilding.rebuild().generation
    figures = [
        f"{option['name']} {option['quality_augmented']:.3f}" for option in generation.projection_choice["options"]
    ]
    assert len(figures) == 5
    text = generation_summary.describe_projection(generation)
    assert text.startswith("centred: what all images have in common does not count, ")
    assert text.endswith("chosen by mAP over collections of 120 images: " + ", ".join(figures))


def test_a_ranking_without_neighbours_is_described():
    choice = {"name": "whitened 16", "augmented": False, "options": [], "measured_by": ""}
    generation = Generation(training_image_count=100, projection_choice=choice)
    text = generation_summary.describe_projection(generation)
    assert text == "whitened, with a shrinkage of 16, without neighbours, since they did not help"


def teaching_summary(**values: object) -> str:
    teaching = {"kind": "tag", "weight": 2.0, "held_out_images": 0.75, "held_out_images_before": 0.5}
    teaching |= {"held_out_labels": None, "held_out_labels_before": None, "known_share": 1.0, **values}
    return generation_summary.describe_teaching(Generation(projection_choice={"teaching": teaching}))


def test_what_labels_taught_is_described():
    assert teaching_summary() == "Held-out images with known tags: mAP 0.750 instead of 0.500."
    assert teaching_summary(kind="collection", held_out_labels=0.4, held_out_labels_before=0.25) == (
        "Held-out images of known collections: mAP 0.750 instead of 0.500. "
        "Images of kinds that taught nothing: mAP 0.400 instead of 0.250."
    )
    assert teaching_summary(weight=0.0).endswith("So the labels do not take part in the ranking.")


def test_level_description_gives_min_scores(db):
    indexed_images.add_indexed_images(indexed_images.clustered_vectors(12, 10))
    generation = rebuilding.rebuild().generation
    min_score = trained_parameters.calibration_of(generation).min_score
    same, very_similar, similar = (
        f"{min_score(level):.2f}"
        for level in (SimilarityLevel.SAME, SimilarityLevel.VERY_SIMILAR, SimilarityLevel.SIMILAR)
    )
    text = f"Same picture from {same}, Very similar from {very_similar}, Similar from {similar}"
    assert generation_summary.describe_score_levels(generation) == text


def test_codes_are_described(db):
    indexed_images.add_indexed_images(indexed_images.clustered_vectors(12, 10))
    assert generation_summary.describe_codes(spaces.active_generation()).startswith("none; ")
    text = generation_summary.describe_codes(rebuilding.rebuild(CodeSpec(64)).generation)
    assert text.startswith("64 bits; ")
