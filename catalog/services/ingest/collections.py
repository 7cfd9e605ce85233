"""Collections that new images are added to."""

from catalog.models import Collection

MAX_NAME_LENGTH = 120


def get_or_create_collection(name: str) -> Collection | None:
    """Return the collection with this name, created if necessary; None for an empty name."""
    name = name.strip()[:MAX_NAME_LENGTH]
    return Collection.objects.get_or_create(name=name)[0] if name else None
