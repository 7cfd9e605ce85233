#!/usr/bin/env python
"""Management commands. `python manage.py help` lists them."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "imagesearch.settings")
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        settings.DEBUG  # noqa: B018 - loads the settings, to report a bad value in one line
    except (ImproperlyConfigured, OSError) as error:
        sys.exit(f"imagesearch cannot start: {error}")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
