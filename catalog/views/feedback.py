"""Relevance feedback in the URL of a results page.

`?positive=12,8&negative=TOKEN` lists images of the catalogue by id, and further photos by token.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from django.http import HttpRequest, QueryDict

from catalog.models import Image
from catalog.services.search import query_photos
from catalog.services.search.feedback import MAX_FEEDBACK_IMAGES, Feedback

DIRECTIONS = ("positive", "negative")
IMAGE_ID_PATTERN = re.compile(r"[0-9]{1,15}", re.ASCII)
PHOTO_TOKEN_PATTERN = re.compile(r"[A-Za-z0-9_-]{16,40}", re.ASCII)


@dataclass(frozen=True)
class FeedbackItem:
    """An image or photo with feedback.

    Attributes:
        key: the id of an image, or the token of a photo.
        vector: the descriptor of a photo, float32, d; None for an image.
    """

    key: str
    label: str
    picture_url: str
    vector: np.ndarray | None = None


@dataclass(frozen=True)
class FeedbackItems:
    """The images and photos with feedback, in the order in which it was given."""

    positive: list[FeedbackItem]
    negative: list[FeedbackItem]

    def __bool__(self) -> bool:
        return bool(self.positive or self.negative)

    def positive_ids(self) -> tuple[int, ...]:
        return tuple(int(item.key) for item in self.positive if item.vector is None)

    def negative_ids(self) -> tuple[int, ...]:
        return tuple(int(item.key) for item in self.negative if item.vector is None)

    def to_feedback(self) -> Feedback:
        """Return the feedback in the form that searches take."""
        positive_vectors, negative_vectors = (
            tuple(item.vector for item in items if item.vector is not None) for items in (self.positive, self.negative)
        )
        return Feedback(self.positive_ids(), self.negative_ids(), positive_vectors, negative_vectors)


def parse_feedback(query: QueryDict) -> FeedbackItems:
    """Load the images and photos that a URL lists. Those that are gone or beyond MAX_FEEDBACK_IMAGES are ignored."""
    keys = {direction: _parse_keys(query, direction) for direction in DIRECTIONS}
    all_keys = [key for direction in DIRECTIONS for key in keys[direction]]
    images = Image.objects.for_tiles().in_bulk({int(key) for key in all_keys if IMAGE_ID_PATTERN.fullmatch(key)})
    items = {str(image.pk): FeedbackItem(str(image.pk), image.label, image.thumbnail_url) for image in images.values()}
    for photo in query_photos.unexpired_photos([key for key in all_keys if not IMAGE_ID_PATTERN.fullmatch(key)]):
        items[photo.token] = FeedbackItem(
            photo.token, photo.label, photo.picture_url, query_photos.photo_query(photo).vector
        )
    return FeedbackItems(*([items[key] for key in keys[direction] if key in items] for direction in DIRECTIONS))


def toggled_url(request: HttpRequest) -> str | None:
    """Return the URL after a click on a feedback button, `?feedback=positive-12`; None if none was clicked."""
    if "feedback" not in request.GET:
        return None
    query = request.GET.copy()
    direction, _, key = str(query.pop("feedback")[-1]).partition("-")
    query.pop("page", None)
    if direction in DIRECTIONS and _is_key(key):
        was_selected = key in _parse_keys(query, direction)
        for each_direction in DIRECTIONS:
            _set_keys(query, each_direction, (other for other in _parse_keys(query, each_direction) if other != key))
        if not was_selected:
            _set_keys(query, direction, [*_parse_keys(query, direction), key])
    return build_url(request.path, query)


def url_with_photo(path: str, query: QueryDict, token: str) -> str:
    """Return the URL of a results page with a photo added to the positive feedback."""
    query = query.copy()
    query.pop("page", None)
    _set_keys(query, "positive", [*_parse_keys(query, "positive"), token])
    return build_url(path, query)


def photo_tokens(query: QueryDict) -> list[str]:
    """Return the tokens of the photos that a URL lists."""
    return [
        key for direction in DIRECTIONS for key in _parse_keys(query, direction) if not IMAGE_ID_PATTERN.fullmatch(key)
    ]


def build_url(path: str, query: QueryDict) -> str:
    """Join a path and its parameters; commas stay readable."""
    return f"{path}?{query.urlencode(safe=',')}".rstrip("?")


def _is_key(text: str) -> bool:
    return bool(IMAGE_ID_PATTERN.fullmatch(text) or PHOTO_TOKEN_PATTERN.fullmatch(text))


def _parse_keys(query: QueryDict, direction: str) -> list[str]:
    keys = [
        str(int(key)) if IMAGE_ID_PATTERN.fullmatch(key) else key
        for key in query.get(direction, "").split(",")
        if _is_key(key)
    ]
    return list(dict.fromkeys(keys))[:MAX_FEEDBACK_IMAGES]


def _set_keys(query: QueryDict, direction: str, keys: Iterable[str]) -> None:
    query[direction] = ",".join(keys)
    if not query[direction]:
        del query[direction]
