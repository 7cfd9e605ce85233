#!/usr/bin/env python
"""Commands of the site: `python manage.py help`."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "imagesearch.settings")
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        settings.DEBUG  # noqa: B018 - reads the settings, so that a bad one is told plainly
    except (ImproperlyConfigured, OSError) as fault:
        sys.exit(f"imagesearch cannot start: {fault}")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
