"""Originals and thumbnails on the local disk."""

from pathlib import Path

from django.core.files import File
from django.core.files.storage import FileSystemStorage

from catalog.durability import whole_file


class DurableFileSystemStorage(FileSystemStorage):
    """Names are made from digests, so a file of the same name has the same bytes: it is replaced in one step,
    which mends what a killed process left undone."""

    def _save(self, name: str, content: File) -> str:
        with whole_file(Path(self.path(name))) as draft, draft.open("wb") as out:
            for chunk in content.chunks():
                out.write(chunk)
        return name

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return name
