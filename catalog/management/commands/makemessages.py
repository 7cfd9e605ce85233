"""`makemessages -l zh_Hans`: collects what is said into catalog/locale, the sentences of faults among it."""

import inspect

from django.core.management.commands import makemessages

from catalog import exceptions

# A fault is raised with its sentence; PictureRefused with a code before it.
FAULTS = [
    name
    for name, kind in inspect.getmembers(exceptions, inspect.isclass)
    if issubclass(kind, exceptions.ImageSearchError)
]


class Command(makemessages.Command):
    xgettext_options = [
        *makemessages.Command.xgettext_options,
        *(f"--keyword={name}:{2 if name == 'PictureRefused' else 1}" for name in FAULTS),
        "--keyword=sentence:1",
        "--keyword=noop:1",
    ]
