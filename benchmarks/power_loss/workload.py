"""A process that uses a catalogue until it is stopped: `python -m benchmarks.power_loss.workload FOLDER SEED [NEXT]`.

It first checks that the catalogue in FOLDER has recovered: nothing that was acknowledged is lost or there twice, and
`check_index` has no objection after the sweep. Then it uploads, imports, indexes, merges, rebuilds and deletes at
random. With NEXT, the power fails at a random moment: what may be on the disk then is written to that folder, and the
process exits. What was acknowledged is in the file `acknowledged` in FOLDER's parent.
"""

import hashlib
import io
import json
import os
import random
import sys
import threading
from functools import partial
from pathlib import Path
from typing import Any

import django
import numpy as np
from PIL import Image as PILImage

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "imagesearch.settings")
django.setup()

from django.db import connection  # noqa: E402, needs Django

from benchmarks.power_loss.disk import Disk  # noqa: E402, needs Django
from catalog.models import Descriptor, Image  # noqa: E402, needs Django
from catalog.services.index import extraction, merging, rebuilding  # noqa: E402, needs Django
from catalog.services.index.store import DescriptorRow  # noqa: E402, needs Django
from catalog.services.ingest import uploads  # noqa: E402, needs Django
from catalog.services.ingest.sources import SourceFile  # noqa: E402, needs Django
from catalog.services.jobs.progress import ignore_progress  # noqa: E402, needs Django
from catalog.services.maintenance import integrity, leftovers, orphans  # noqa: E402, needs Django
from catalog.services.media import deletion, files  # noqa: E402, needs Django

# Of so many pictures, some are uploaded again after they were deleted.
PICTURES = 60
MAX_EVENTS = 400
DIMENSIONS = 512


def main(folder: Path, seed: int, following: Path | None) -> None:
    rng = random.Random(seed)  # noqa: S311, not for secrets
    extraction.prepare_image, extraction.extract = _prepare, _extract  # no network
    merging.MERGE_FACTOR = 3
    record = Record(folder.parent / "acknowledged")
    print(json.dumps({"seed": seed, "images": Image.objects.count(), "problems": find_problems(record)}), flush=True)
    if following:
        _fail_at(rng.randrange(1, MAX_EVENTS), folder, following, rng)
    while True:
        rng.choices([_upload, _import, _index, _merge, _rebuild, _delete], [6, 2, 4, 2, 1, 3])[0](record, rng)


class Record:
    """What users were told, by digest of the picture: the last line counts."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, state: str, digests: list[str]) -> None:
        """Write `added`, `deleted`, or `unknown` before somebody is told, for each digest."""
        with self._path.open("a") as file:
            file.write("".join(f"{digest} {state}\n" for digest in digests))

    def states(self) -> dict[str, str]:
        """Return the last state of each digest."""
        lines = self._path.read_text().splitlines() if self._path.exists() else []
        return dict(line.split() for line in lines)


def find_problems(record: Record) -> list[str]:
    """Do what a worker does after a start, and return what is wrong then."""
    extraction.index_pending()
    rebuilding.maintain()
    orphans.sweep()
    leftovers.sweep()
    problems = integrity.check().problems
    images = {image.sha256: image for image in Image.objects.all()}
    for digest, state in record.states().items():
        if state == "added" and digest not in images:
            problems.append(f"{digest} was added and is lost")
        elif state == "added" and hashlib.sha256(files.read(images[digest])).hexdigest() != digest:
            problems.append(f"the original of {digest} is damaged")
        elif state == "deleted" and digest in images:
            problems.append(f"{digest} was deleted and is back")
    searchable = Descriptor.objects.filter(image__isnull=False).values_list("image", flat=True)
    if sorted(searchable) != sorted(image.pk for image in images.values()):
        problems.append("images are searchable twice, or not at all")
    return problems


def _fail_at(event: int, folder: Path, following: Path, rng: random.Random) -> None:
    events, lock = iter(range(event)), threading.Lock()

    def on_event() -> None:
        with lock:
            if next(events, None) is not None:
                return
            with connection.cursor() as cursor:
                keeps_commits = cursor.execute("PRAGMA synchronous").fetchone()[0] >= 2
            disk.lose_power(following, rng, keeps_commits=keeps_commits)
            os._exit(0)

    pins = folder.parent / f"{folder.name}-pins"
    pins.mkdir()
    disk = Disk(folder, pins, on_event)
    disk.start()


def _picture(number: int) -> bytes:
    pixels = np.random.default_rng(number).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    out = io.BytesIO()
    PILImage.fromarray(pixels).resize((64, 64)).save(out, "JPEG")
    return out.getvalue()


def _prepare(image: Image, extractor: object) -> Any:
    return None


def _extract(ready: list, extractor: object) -> list[DescriptorRow]:
    rows = []
    for image, _ in ready:
        vector = np.random.default_rng(int(image.sha256[:8], 16)).random(DIMENSIONS, np.float32)
        rows.append(DescriptorRow(image.pk, image.sha256, vector / np.linalg.norm(vector)))
    return rows


def _upload(record: Record, rng: random.Random) -> None:
    data = _picture(rng.randrange(PICTURES))
    digest = hashlib.sha256(data).hexdigest()
    record.write("unknown", [digest])
    uploads.add_picture(data, "upload.jpg")
    record.write("added", [digest])


def _import(record: Record, rng: random.Random) -> None:
    pictures = [_picture(number) for number in rng.sample(range(PICTURES), 8)]
    digests = [hashlib.sha256(data).hexdigest() for data in pictures]
    record.write("unknown", digests)
    uploads.add_batch([SourceFile("import.jpg", partial(bytes, data)) for data in pictures])
    record.write("added", digests)


def _index(record: Record, rng: random.Random) -> None:
    extraction.index_pending()


def _merge(record: Record, rng: random.Random) -> None:
    rebuilding.maintain(progress=ignore_progress)


def _rebuild(record: Record, rng: random.Random) -> None:
    if Image.objects.indexed().exists():
        rebuilding.rebuild(automatic=True)


def _delete(record: Record, rng: random.Random) -> None:
    digests = list(Image.objects.values_list("sha256", flat=True))
    chosen = rng.sample(digests, min(len(digests), rng.randrange(1, 4)))
    record.write("unknown", chosen)
    deletion.delete(Image.objects.filter(sha256__in=chosen))
    record.write("deleted", chosen)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]) if len(sys.argv) > 3 else None)
