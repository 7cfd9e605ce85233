"""Pictures in ZIP and TAR archives. Nothing is unpacked to disk."""

from catalog.imaging.archives.entries import Entry
from catalog.imaging.archives.reading import is_archive, iter_entries

__all__ = ["Entry", "is_archive", "iter_entries"]
