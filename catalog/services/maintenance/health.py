"""The state of the catalogue: counts, and a warning for staff."""

from django.conf import settings
from django.db.models import Count
from django.utils.translation import gettext as _

from catalog.error_messages import error_message
from catalog.exceptions import IndexUnavailable, StoreUnavailable, WeightsUnavailable
from catalog.models import Image
from catalog.services.index import spaces
from catalog.services.index.live_index import INDEX, engine


def count_by_status() -> dict[str, int]:
    """The number of images with each status."""
    by_status = dict(Image.objects.order_by().values_list("status").annotate(Count("pk")))
    return {status: by_status.get(status, 0) for status in Image.Status.values}


def status_message() -> str | None:
    """A warning for staff, in the active language; None if all is well."""
    generation = spaces.active_generation()
    try:
        if generation and INDEX.view(generation).damaged:
            return _(
                "Part of the index is damaged, so some images are not found. "
                "Repair it with: python manage.py check_index --repair"
            )
        engine().check()
        return compact_network_message() if spaces.uses_compact_fallback(generation) else None
    except (IndexUnavailable, StoreUnavailable, WeightsUnavailable) as error:
        return error_message(error)


def compact_network_message() -> str:
    """Return why the compact network is used instead of VGG16, and how to change that. For staff only."""
    if settings.EXTRACTOR == "vgg16-compact":
        return _(
            "The catalogue uses the bundled compact network, as set in IMAGESEARCH_EXTRACTOR. For better results, "
            "unset it and run: python manage.py fetch_weights, then python manage.py rebuild_index --reextract"
        )
    return _(
        "The catalogue uses the bundled compact network, because VGG16's ImageNet weights were not found. For better "
        "results, run: python manage.py fetch_weights, then python manage.py rebuild_index --reextract"
    )
