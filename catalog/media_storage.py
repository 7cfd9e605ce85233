"""Storage of originals and thumbnails on the local disk."""

from pathlib import Path

from django.core.files import File
from django.core.files.storage import FileSystemStorage

from catalog.atomic_write import atomic_write


class AtomicFileSystemStorage(FileSystemStorage):
    """A file storage that writes atomically and keeps the name it is given.

    Names contain digests, so files of the same name have the same bytes. An existing file is replaced, because it may
    be damaged.
    """

    def _save(self, name: str, content: File) -> str:
        with atomic_write(Path(self.path(name))) as temp_path, temp_path.open("wb") as output:
            for chunk in content.chunks():
                output.write(chunk)
        return name

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return name
