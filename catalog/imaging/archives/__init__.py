"""Pictures out of ZIP and TAR archives. Nothing is ever unpacked to disk."""

from catalog.imaging.archives.entries import ArchiveLimits, Entry
from catalog.imaging.archives.reading import entries, is_archive

__all__ = ["ArchiveLimits", "Entry", "entries", "is_archive"]
