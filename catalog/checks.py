"""System checks of the configuration, run by `python manage.py check` and when the site starts."""

import os
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Warning, register
from django.db import DatabaseError

from catalog.exceptions import IndexUnavailable, NetworkNotConverted, WeightsUnavailable
from catalog.services.index import live_index, spaces
from catalog.services.maintenance import health


@register("catalog")
def check_extractor(**_: Any) -> list[CheckMessage]:
    """E001: the network is missing. W001: VGG16's weights are not those of Keras. I001: how to choose a network.

    I002: a network of Keras is converted when it is first needed.
    """
    try:
        spaces.configured_vgg16()  # raises if the file is missing, even if another network is used
        generation = spaces.active_generation()
        spaces.check_network(generation)
        if spaces.uses_unpublished_weights(generation):
            return [Warning(health.unpublished_weights_message(), id="catalog.W001")]
        if note := health.network_note():
            return [Info(note, id="catalog.I001")]
    except NetworkNotConverted as error:
        return [Info(str(error), id="catalog.I002")]  # commands would not run with an error, nor convert it
    except WeightsUnavailable as error:
        return [Error(str(error), id="catalog.E001")]
    except DatabaseError:
        pass  # the tables have not been created yet
    return []


@register("catalog")
def check_data_dir(**_: Any) -> list[CheckMessage]:
    """E002: the data folder cannot be written to."""
    existing_folder = next(folder for folder in (settings.VAR_DIR, *settings.VAR_DIR.parents) if folder.exists())
    if not os.access(existing_folder, os.W_OK | os.X_OK):
        hint = "Allow this user to write there, or set IMAGESEARCH_DATA_DIR to another folder."
        return [Error(f"{existing_folder} cannot be written to.", hint=hint, id="catalog.E002")]
    return []


@register("catalog")
def check_vector_index(**_: Any) -> list[CheckMessage]:
    """W002: the Milvus server does not respond. Only a warning, since the site accepts uploads without it."""
    try:
        live_index.engine().check()
    except IndexUnavailable as error:
        return [Warning(str(error), id="catalog.W002")]
    return []
