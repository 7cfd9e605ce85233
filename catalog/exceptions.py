"""Faults a person can do something about.

Each carries a sentence as a template and the values that fill it, so that a face can show it in the
reader's language. Code that raises one of these has tidied up after itself, but for segment files without a row: those
are left to the sweep, since after a failed commit nobody can be sure that there is none.
"""


class ImageSearchError(Exception):
    """A fault with a sentence that says what is wrong and what to do.

    Args:
        message: an English template with `{name}` placeholders.
        **params: what fills them.
    """

    def __init__(self, message: str, **params: object) -> None:
        super().__init__(message, params)
        self.message = message
        self.params = params

    def __str__(self) -> str:
        return self.message.format(**self.params)


def sentence(message: str) -> str:
    """The message itself: marks one that is raised by another name than here as one to be translated."""
    return message


class PictureRefused(ImageSearchError):
    """These bytes cannot be taken as a picture. `code` names the rule, for tests and programs."""

    def __init__(self, code: str, message: str, **params: object) -> None:
        super().__init__(message, **params)
        self.code = code


class CropRefused(ImageSearchError):
    """This is not a rectangle inside the picture."""


class ArchiveRefused(ImageSearchError):
    """This archive cannot be opened as a whole."""


class FolderRefused(ImageSearchError):
    """This folder or file on the server cannot be imported."""


class WeightsUnavailable(ImageSearchError):
    """The network's weights are not on disk and could not be fetched."""


class WeightsDamaged(WeightsUnavailable):
    """A weights file is there, but is not what its digest says."""


class SegmentDamaged(ImageSearchError):
    """A segment file is missing, truncated or altered."""


class FeaturesRefused(ImageSearchError):
    """This file of descriptors cannot be taken in."""


class StoreUnavailable(ImageSearchError):
    """The disk refuses: full, read-only, or without permission."""


class IndexUnavailable(ImageSearchError):
    """The server that ranks the catalogue is away or refuses; the store has everything still."""


class CatalogueBusy(ImageSearchError):
    """Another process is doing what only one may do at a time."""


class QueryGone(ImageSearchError):
    """The photo that somebody searched with has expired, or never was."""


class NothingIndexed(ImageSearchError):
    """There is no image to compare with yet."""
