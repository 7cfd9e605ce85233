"""`makemessages -l zh_Hans`: collects messages for translation into catalog/locale, including those of exceptions."""

import inspect

from django.core.management.commands import makemessages

from catalog import exceptions

# The first argument of an error is its message; PictureRejected has a code before it.
ERROR_CLASS_NAMES = [
    name
    for name, error_class in inspect.getmembers(exceptions, inspect.isclass)
    if issubclass(error_class, exceptions.ImageSearchError)
]


class Command(makemessages.Command):
    xgettext_options = [
        *makemessages.Command.xgettext_options,
        *(f"--keyword={name}:{2 if name == 'PictureRejected' else 1}" for name in ERROR_CLASS_NAMES),
    ]
