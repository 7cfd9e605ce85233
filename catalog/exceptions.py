"""Errors that a user or an operator can act on.

Each carries a message template and its parameters, so that every interface can show it in the reader's language. Code
that raises one of these has cleaned up after itself. The exception is a segment file whose commit failed: whether its
row exists is unknown then, so the file is left to the sweep of orphans.
"""


class Message:
    """A message template and its parameters, for a parameter of an error that is translated too."""

    def __init__(self, template: str, **params: object) -> None:
        self.template = template
        self.params = params

    def __str__(self) -> str:
        return self.template.format(**self.params)


class Internal:
    """A parameter that visitors do not see, such as the address of a server. They see no folders of a path either."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __str__(self) -> str:
        return str(self.value)


class ImageSearchError(Exception):
    """An error with a message that says what is wrong and what to do.

    Args:
        message: an English template with `{name}` placeholders, as for `str.format`.
        **params: the values of the placeholders.
    """

    def __init__(self, message: str, **params: object) -> None:
        super().__init__(message, params)
        self.message = message
        self.params = params

    def __str__(self) -> str:
        return self.message.format(**self.params)


def gettext_noop(message: str) -> str:
    """Return `message` unchanged, and mark it for translation. As Django's, without importing Django."""
    return message


class PictureRejected(ImageSearchError):
    """The file is not accepted as a picture. `code` names the rule that it breaks."""

    def __init__(self, code: str, message: str, **params: object) -> None:
        super().__init__(message, **params)
        self.code = code


class MetadataNotRemovable(ImageSearchError):
    """The structure of a picture file is not understood, so visitors do not get the original."""

    def __init__(self) -> None:
        super().__init__(
            gettext_noop("The place and camera in this file cannot be removed, so only those who edit images get it.")
        )


class ImageGone(ImageSearchError):
    """The catalogue has no image with this digest (any more)."""


class CropRejected(ImageSearchError):
    """The crop is not a rectangle inside the picture."""


class ArchiveRejected(ImageSearchError):
    """The archive cannot be read."""


class FolderRejected(ImageSearchError):
    """The folder or file on the server cannot be imported."""


class WeightsUnavailable(ImageSearchError):
    """The network's weights are neither on disk nor could they be downloaded."""


class NetworkNotConverted(WeightsUnavailable):
    """A network of Keras is not converted yet. A worker or a command does this when it first needs the network."""


class WeightsDamaged(WeightsUnavailable):
    """A weights file does not match its digest."""


class SegmentDamaged(ImageSearchError):
    """A segment file is missing, truncated or altered."""


class FeatureFileRejected(ImageSearchError):
    """The feature file cannot be imported."""


class StoreUnavailable(ImageSearchError):
    """The disk is full, read-only or not accessible."""


class IndexUnavailable(ImageSearchError):
    """The vector server does not respond. The feature store is not affected."""


class CatalogueBusy(ImageSearchError):
    """Another process holds a lock that this operation needs."""


class Overloaded(ImageSearchError):
    """The site is at one of its limits. `retry_after`: seconds after which to try again."""

    def __init__(self, message: str, *, retry_after: int = 5, **params: object) -> None:
        super().__init__(message, **params)
        self.retry_after = retry_after


class TooManyRequests(Overloaded):
    """One address or account has reached its limit."""


class QueryPhotoExpired(ImageSearchError):
    """The query photo has expired or never existed."""


class NoIndexedImages(ImageSearchError):
    """No image is searchable yet."""


class BackupRejected(ImageSearchError):
    """The backup cannot be written or restored."""
