"""The demo catalogue: something to search on a site that has no pictures yet."""

import io

from catalog.demo.drawing import ASKED, catalogue
from catalog.models import Image
from catalog.services import uploads
from catalog.services.uploads import Incoming

# What the pictures' file names begin with: by it the search page knows that the demo is there.
FOLDER = "demo/"


def load() -> int:
    """Draw the demo catalogue and add it; how many pictures are new."""
    files = []
    for kind, name, picture in catalogue():
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=90)
        files.append(Incoming(FOLDER + name, out.getvalue, uploads.collection_named(kind)))
    return sum(outcome.kind is uploads.Kind.ADDED for outcome in uploads.add_all(files))


def examples() -> list[tuple[str, str]]:
    """Photos to try, by name and label; none on a site without the demo."""
    if not Image.objects.filter(source__startswith=FOLDER, status=Image.Status.INDEXED).exists():
        return []
    return [(kind.lower(), kind) for kind in ASKED]
