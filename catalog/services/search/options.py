"""The options of a search."""

from dataclasses import dataclass, field

from catalog.services.search.feedback import Feedback
from catalog.services.search.filters import Filters


@dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """Which images a search ranks, how, and which part of the ranking it returns.

    Attributes:
        filters: the images that are ranked.
        start: how many of the best images to skip.
        limit: how many images to return at most.
        exclude_id: the id of an image to leave out: the one that is searched with.
        expansion: how many of the best images are added to the query before the catalogue is ranked again; 0 for
            none, `feedback.MAX_EXPANSION_IMAGES` at most. This finds more images of the same kind, and gives the
            query itself less weight.
        feedback: images and photos that the results should resemble more, or less.
        min_score: images with a lower score are neither returned nor counted; None for no minimum.
        exact: compare the query with every image, even where binary codes could select candidates.
    """

    filters: Filters = field(default_factory=Filters)
    start: int = 0
    limit: int = 24
    exclude_id: int | None = None
    expansion: int = 0
    feedback: Feedback = field(default_factory=Feedback)
    min_score: float | None = None
    exact: bool = False


DEFAULT_OPTIONS = SearchOptions()
