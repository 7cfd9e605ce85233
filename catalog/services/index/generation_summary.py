"""Summaries of a generation for its operator, as the admin and the commands show them."""

from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from catalog.models import Generation
from catalog.services.index.training.projection_comparison import MIN_IMAGES
from catalog.services.index.training.trained_parameters import calibration_of
from catalog.similarity_labels import similarity_label
from catalog.vectors import calibration, two_stage
from catalog.vectors.calibration import SimilarityLevel


def describe(generation: Generation) -> list[str]:
    """Return how a generation compares descriptors, what labels teach, and its codes."""
    lines = [describe_projection(generation), describe_teaching(generation), describe_codes(generation)]
    return [line for line in lines if line]


def describe_projection(generation: Generation) -> str:
    """Return how a generation compares descriptors, and why."""
    choice = generation.projection_choice
    if generation.projection_id and not choice:
        return _("whitened by an earlier version of the program: rebuild the index for a better ranking")
    if not generation.training_image_count or not choice:
        return _("compared as they are: not trained yet")
    if generation.training_image_count < MIN_IMAGES:
        return _("compared as they are: fewer than {count} images").format(count=MIN_IMAGES)
    text = _option_label(choice["name"])
    if choice["options"]:
        text = pgettext("list separator", ", ").join([text, _describe_comparison(choice)])
    if not choice["augmented"]:
        text = pgettext("list separator", ", ").join([text, _("without neighbours, since they did not help")])
    return text


def describe_teaching(generation: Generation) -> str:
    """Return what labels taught the ranking, or would teach it; empty if neither was measured."""
    choice = generation.projection_choice or {}
    if teaching := choice.get("teaching"):
        consequence = "" if teaching["weight"] else _("So the labels do not take part in the ranking.")
    elif teaching := choice.get("suggestion"):
        consequence = {
            "collection": _("A rebuild with collections as labels would teach this to the ranking."),
            "tag": _("A rebuild with tags as labels would teach this to the ranking."),
        }[teaching["kind"]]
    else:
        return ""
    return " ".join(text for text in (*_teaching_figures(teaching), consequence) if text)


def _teaching_figures(teaching: dict) -> Iterator[str]:
    messages = {
        "collection": _("Held-out images of known collections: mAP {after} instead of {before}."),
        "tag": _("Held-out images with known tags: mAP {after} instead of {before}."),
    }
    before, after = teaching["held_out_images_before"], teaching["held_out_images"]
    yield messages[teaching["kind"]].format(after=f"{after:.3f}", before=f"{before:.3f}")
    if teaching["held_out_labels"] is not None:
        before, after = teaching["held_out_labels_before"], teaching["held_out_labels"]
        yield _("Images of kinds that taught nothing: mAP {after} instead of {before}.").format(
            after=f"{after:.3f}", before=f"{before:.3f}"
        )


def _option_label(name: str) -> str:
    kind, _space, shrinkage = name.partition(" ")
    labels = {
        "plain": _("compared as they are"),
        "centred": _("centred: what all images have in common does not count"),
        "taught": _("taught by labels"),
    }
    return labels.get(kind) or _("whitened, with a shrinkage of {shrinkage}").format(shrinkage=shrinkage)


def _describe_comparison(choice: dict) -> str:
    """Return the figures of all options, for example "mAP plain 0.61, centred 0.65"."""
    measures = {
        "collection": _("by mAP over collections"),
        "tag": _("by mAP over tags"),
        "copies": _("by the mean reciprocal rank of altered copies"),
    }
    quality = "quality_augmented" if choice["augmented"] else "quality"
    figures = pgettext("list separator", ", ").join(
        f"{option['name']} {option[quality]:.3f}" for option in choice["options"]
    )
    return _("chosen {measure} of {count} images: {figures}").format(
        measure=measures[choice["measured_by"]], count=f"{choice['images']:,}", figures=figures
    )


def describe_codes(generation: Generation) -> str:
    """Return the size and quality of a generation's binary codes, and when searches use them."""
    if generation.encoder is None or generation.candidate_count is None or generation.recall_at_10 is None:
        return _("none; every search compares the query with all images")
    text = _(
        "{bits} bits; {candidates} candidates contain {recall} of the {depth} best hits. "
        "Searches among {exact_rows} or fewer images compare the query with all of them"
    ).format(
        bits=generation.encoder.bits,
        candidates=f"{generation.candidate_count:,}",
        recall=f"{generation.recall_at_10:.1%}",
        depth=two_stage.RECALL_AT,
        exact_rows=f"{two_stage.MAX_EXACT_ROWS:,}",
    )
    if not generation.code_quality:
        return text
    return _("{codes}. {training}").format(codes=text, training=_describe_training(generation.code_quality))


def _describe_training(quality: dict) -> str:
    messages = {
        "collection": _(
            "Trained on {labels} collections; {accuracy} of {held_out} held-out images were assigned to their own "
            "collection; ranking by codes alone has an mAP of {map}"
        ),
        "tag": _(
            "Trained on {labels} tags; {accuracy} of {held_out} held-out images were assigned their own tag; "
            "ranking by codes alone has an mAP of {map}"
        ),
    }
    return messages[quality["label_kind"]].format(
        labels=quality["labels"],
        held_out=f"{quality['held_out']:,}",
        accuracy=f"{quality['accuracy']:.1%}",
        map=f"{quality['map']:.3f}",
    )


def describe_score_levels(generation: Generation) -> str:
    """Return the lowest score of each similarity level but the weakest."""
    score_calibration = calibration_of(generation)
    if score_calibration is None:
        return _("not calibrated: fewer than {count} different images").format(count=calibration.MIN_IMAGES)
    return pgettext("list separator", ", ").join(
        _("{level} from {score}").format(
            level=similarity_label(level), score=f"{score_calibration.min_score(level):.2f}"
        )
        for level in SimilarityLevel
        if level is not SimilarityLevel.WEAK
    )
