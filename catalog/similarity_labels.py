"""The names of the similarity levels, as pages, commands and the API description show them."""

from django.utils.translation import gettext, gettext_noop

from catalog.vectors.calibration import SimilarityLevel

SIMILARITY_LABELS: dict[SimilarityLevel, str] = {
    SimilarityLevel.SAME: gettext_noop("Same picture"),
    SimilarityLevel.VERY_SIMILAR: gettext_noop("Very similar"),
    SimilarityLevel.SIMILAR: gettext_noop("Similar"),
    SimilarityLevel.WEAK: gettext_noop("Weak match"),
}


def similarity_label(level: SimilarityLevel) -> str:
    """Return the name of a level in the active language."""
    return gettext(SIMILARITY_LABELS[level])
