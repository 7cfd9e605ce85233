"""The state of the catalogue: counts, and a warning for staff."""

from django.conf import settings
from django.db.models import Count
from django.utils.translation import gettext as _

from catalog.error_messages import staff_message
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
        spaces.check_network(generation)
        return unpublished_weights_message() if spaces.uses_unpublished_weights(generation) else None
    except (IndexUnavailable, StoreUnavailable, WeightsUnavailable) as error:
        return staff_message(error)


def unpublished_weights_message() -> str:
    """Return that VGG16's weights are not those that Keras publishes. For staff only."""
    return _(
        "VGG16 uses the weights in {path}, which is not the file that Keras publishes. The descriptors depend on it, "
        "so keep it."
    ).format(path=settings.VGG16_WEIGHTS)


def network_note() -> str | None:
    """Return how to choose a network, if VGG16's weights were not found. For staff only.

    It is no warning: the bundled network is a good choice.
    """
    if settings.EXTRACTOR != "auto" or not spaces.uses_bundled_network(spaces.active_generation()):
        return None
    return _(
        "The catalogue uses the bundled network EfficientNet-Lite2. To compare it with other networks on your own "
        "pictures, run: python manage.py compare_networks"
    )
