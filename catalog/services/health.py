"""How the catalogue stands, in numbers and in a sentence."""

from django.conf import settings
from django.db.models import Count
from django.utils.translation import gettext as _

from catalog.exceptions import IndexUnavailable, StoreUnavailable, WeightsUnavailable
from catalog.models import Image
from catalog.services import spaces
from catalog.services.live_index import INDEX, engine


def counts() -> dict[str, int]:
    """Images by status."""
    found = dict(Image.objects.order_by().values_list("status").annotate(Count("pk")))
    return {status: found.get(status, 0) for status in Image.Status.values}


def notice() -> str | None:
    """What everybody should know about this catalogue, in a sentence; None where all is well."""
    generation = spaces.active()
    try:
        if generation and INDEX.view(generation).damaged:
            return _(
                "A part of the index is damaged, and its pictures are not found. "
                "To mend it, run: python manage.py check_index --repair"
            )
        engine().check()
        return compact_sentence() if spaces.stand_in_is_used(generation) else None
    except (IndexUnavailable, StoreUnavailable, WeightsUnavailable) as fault:
        return str(fault)


def compact_sentence() -> str:
    """That the compact network stands in for VGG16, and how to change it."""
    if settings.EXTRACTOR == "vgg16-compact":
        return _(
            "Pictures are compared with the small bundled network, as IMAGESEARCH_EXTRACTOR says; for better results "
            "unset it and run: python manage.py fetch_weights, then python manage.py rebuild_index --reextract"
        )
    return _(
        "Pictures are compared with the small bundled network, because VGG16's ImageNet weights were not at hand; "
        "for better results run: python manage.py fetch_weights, then python manage.py rebuild_index --reextract"
    )
