"""Progress of long operations: the callback type and the phases of a rebuild."""

from collections.abc import Callable

from catalog.exceptions import gettext_noop

# Called with the name of the current phase, the units done in it, and their total.
Progress = Callable[[str, int, int], None]

# The phases of a rebuild, in order. The admin shows them translated.
EXTRACTING = gettext_noop("extracting")
MERGING = gettext_noop("merging")
TRAINING = gettext_noop("training")
TRAINING_CODES = gettext_noop("training codes")
ENCODING = gettext_noop("encoding")
LINKING = gettext_noop("finding neighbours")
MEASURING = gettext_noop("measuring")
ACTIVATING = gettext_noop("activating")


def ignore_progress(phase: str, done: int, total: int) -> None:
    """The default callback, which does nothing."""
