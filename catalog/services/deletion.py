"""Taking images out of the catalogue: gone from the next search on, in every process."""

from django.db import transaction

from catalog.models import Image
from catalog.querysets import ImageQuerySet
from catalog.services import store


def delete(images: ImageQuerySet) -> int:
    """Delete images, their rows first and their files once that is committed; how many.

    Their rows in the store die with them: the foreign key from `Descriptor` is set to NULL.
    """
    with transaction.atomic():
        chosen = list(Image.objects.filter(pk__in=images.values("pk")).select_for_update())
        names = [name for image in chosen for name in (str(image.original), str(image.thumbnail))]
        Image.objects.filter(pk__in=[image.pk for image in chosen]).delete()
        transaction.on_commit(lambda: store.delete_unnamed_media(names))
    return len(chosen)
