"""System checks: faults of configuration, told before they are met. `python manage.py check`."""

import os
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.db import DatabaseError

from catalog.exceptions import IndexUnavailable, WeightsUnavailable
from catalog.services import health, live_index, spaces


@register("catalog")
def the_network_in_use(**_: Any) -> list[CheckMessage]:
    """W001: the compact network stands in for VGG16. E001: the weights that were named, or are needed, are no good."""
    try:
        spaces.check_named_weights()
        generation = spaces.active()
        if generation:
            spaces.extractor(generation.space)
        if spaces.stand_in_is_used(generation):
            return [Warning(health.compact_sentence(), id="catalog.W001")]
    except WeightsUnavailable as fault:
        return [Error(str(fault), id="catalog.E001")]
    except DatabaseError:
        pass  # before the first migration there is no catalogue to speak of
    return []


@register("catalog")
def the_data_folder_is_writable(**_: Any) -> list[CheckMessage]:
    """E002: nothing can be kept where the data belongs."""
    place = next(folder for folder in (settings.VAR_DIR, *settings.VAR_DIR.parents) if folder.exists())
    if not os.access(place, os.W_OK | os.X_OK):
        hint = "Give this user the right to write there, or set IMAGESEARCH_DATA_DIR to a folder where it has it."
        return [Error(f"{place} cannot be written to.", hint=hint, id="catalog.E002")]
    return []


@register("catalog")
def the_vector_index_answers(**_: Any) -> list[CheckMessage]:
    """W002: the Milvus server that ranks is away. A warning, for the site starts and takes pictures without it."""
    try:
        live_index.engine().check()
    except IndexUnavailable as fault:
        return [Warning(str(fault), id="catalog.W002")]
    return []
