"""Files that no row names: litter of a process that died, or all that is left where the database lost its rows.

Litter is swept. A segment with descriptors that images of the catalogue lack is left alone until a repair takes these
over: the store is the durable record, and whoever has it and the originals has the catalogue's index.
"""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
from django.utils import timezone

from catalog import locks
from catalog.exceptions import SegmentDamaged
from catalog.models import FeatureSpace, Generation, Image, Segment
from catalog.services import originals, spaces, store
from catalog.services.store import Described
from catalog.vectors.segments import Segment as SegmentFile
from catalog.vectors.segments import open_segment, verify

# Digests that one query asks for.
ASKED = 5000


def found() -> list[Path]:
    """Files of the store that no row names."""
    named = {store.path_of(name) for name in Segment.objects.values_list("name", flat=True)}
    return [path for path in store.files() if path not in named]


def sweep() -> int:
    """Remove every original and thumbnail that no row names, and every segment but those that `adopt` would take
    something over from; how many there were.

    Raises:
        CatalogueBusy: files are being written without pause.
    """
    with locks.held(store.lock(), wait=20):
        litter, media = [path for path in found() if not _is_wanted(path)], originals.all_unnamed()
        for path in litter:
            path.unlink(missing_ok=True)
        for name in media:
            originals.delete(name)
    return len(litter) + len(media)


def adopt() -> int:
    """Take over the descriptors that images lack from whole segments that no row names; how many.

    They are those of the active space; where no generation is left, the space that most of them are of becomes it
    again. Images are known by their digests. A segment that is not whole is put aside as `*.damaged`.

    Raises:
        StoreUnavailable: the disk refuses.
    """
    there = list(_whole_segments())
    space = spaces.active_space()
    if space is None and there:
        space = _activated(*_description_of_most(there))
    return sum(_take_over(segment, space) for segment in there if space and segment.path.parent.name == space.key)


def _whole_segments() -> Iterator[SegmentFile]:
    for path in found():
        if path.suffix != store.SUFFIX:
            continue
        try:
            yield verify(path, open_segment(path).checksum)
        except SegmentDamaged:
            store.put_aside(path)


def _description_of_most(segments: list[SegmentFile]) -> tuple[str, str]:
    """The key of a space, and its description as JSON text."""
    rows: Counter[tuple[str, str]] = Counter()
    for segment in segments:
        rows[segment.path.parent.name, segment.space] += len(segment)
    return rows.most_common(1)[0][0]


def _activated(key: str, text: str) -> FeatureSpace:
    description = json.loads(text)
    made = {"extractor": description["extractor"], "description": description}
    space = FeatureSpace.objects.get_or_create(key=key, defaults=made)[0]
    Generation.objects.create(space=space, state=Generation.State.ACTIVE, activated_at=timezone.now())
    return space


def _take_over(segment: SegmentFile, space: FeatureSpace) -> int:
    # Written anew: images that came in again have other ids than the file says.
    rows = [Described(pk, digest, np.array(segment.vectors[row])) for row, digest, pk in _lacking(segment, space)]
    return store.commit(space, rows) if rows else 0


def _is_wanted(path: Path) -> bool:
    """Whether a file holds descriptors that images lack, as far as can be told without reading all of it."""
    space = spaces.active_space()
    if path.suffix != store.SUFFIX or (space and path.parent.name != space.key):
        return False
    with suppress(SegmentDamaged):
        return any(True for _ in _lacking(open_segment(path), space))
    return False


def _lacking(segment: SegmentFile, space: FeatureSpace | None) -> Iterator[tuple[int, str, int]]:
    """Rows whose images have no descriptor in `space`, or are there at all: position, digest in hex, image id."""
    images = Image.objects.filter(~spaces.described_in(space)) if space else Image.objects.all()
    for start in range(0, len(segment), ASKED):
        digests = [bytes(digest).hex() for digest in segment.digests[start : start + ASKED]]
        ids = dict(images.filter(sha256__in=digests).values_list("sha256", "pk"))
        yield from ((start + place, one, ids[one]) for place, one in enumerate(digests) if one in ids)
