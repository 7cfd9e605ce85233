"""Summaries of a generation for its operator, as the admin and the commands show them."""

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from catalog.models import Generation
from catalog.services.index.trained_parameters import calibration_of
from catalog.similarity_labels import similarity_label
from catalog.vectors import calibration, two_stage, whitening
from catalog.vectors.calibration import SimilarityLevel


def describe_whitening(generation: Generation) -> str:
    """Return whether a generation whitens descriptors, and why."""
    image_count = generation.training_image_count
    if generation.whitening_id:
        return _("whitened, fitted to {count} images").format(count=f"{image_count:,}")
    if not image_count:
        return _("not whitened: not trained yet")
    if image_count < whitening.MIN_IMAGES:
        return _("not whitened: fewer than {count} images").format(count=whitening.MIN_IMAGES)
    return _("not whitened: all images have the same descriptor")


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
