"""Measures proposals of regions with the program's own catalogue. Import this module after Django is set up."""

import json
import time
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
from django.core.management import call_command
from PIL import Image as Pixels
from PIL import ImageOps
from tqdm import tqdm

from benchmarks.regions.clutter import Clutter, paste
from catalog.features.preprocessing import resize_to_input
from catalog.features.windows import input_side
from catalog.imaging.crops import Box
from catalog.models import Image
from catalog.services.index import extraction, rebuilding, spaces
from catalog.services.ingest.foreground_imports import import_paths
from catalog.services.search import queries, ranking
from catalog.services.search.options import SearchOptions
from catalog.services.search.queries import Query
from catalog.services.search.regions.proposals import Proposals, overlaps, propose_regions
from catalog.vectors.metrics import average_precision

HELD_OUT_EVERY, FIRST_HELD_OUT = 5, 2
FIRST_HITS = 10
SAME_THING = 0.5  # intersection over union


class Photograph(NamedTuple):
    path: Path
    kind: str


@dataclass
class Figures:
    """One number for each photograph, by name."""

    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, **numbers: float) -> None:
        for name, number in numbers.items():
            self.values.setdefault(name, []).append(float(number))

    def means(self, selected: np.ndarray | None = None) -> dict[str, float]:
        chosen = slice(None) if selected is None else selected
        return {name: round(float(np.array(numbers)[chosen].mean()), 4) for name, numbers in self.values.items()}


def measure(folder: Path, backgrounds: list[str], area: float) -> None:
    """Fill a catalogue, search it with each photograph that was kept out, and print the figures."""
    rng = np.random.default_rng(0)
    kinds = sorted(path.name for path in folder.iterdir() if path.is_dir() and path.name not in backgrounds)
    held_out = fill_catalogue(folder, kinds)
    background_paths = [path for kind in backgrounds for path in sorted((folder / kind).iterdir())]
    rng.shuffle(background_paths)
    cluttered, clean = Figures(), Figures()
    seconds: dict[str, list[float]] = {"propose": [], "extract": []}
    for number, photograph in enumerate(tqdm(held_out, unit="photo")):
        background = read_picture(background_paths[number % len(background_paths)])
        clutter = paste(read_picture(photograph.path), background, area, rng)
        proposals = timed_proposals(encode(clutter.picture), seconds)
        cluttered.add(**cluttered_figures(clutter, proposals, photograph.kind))
        proposals = timed_proposals(photograph.path.read_bytes(), seconds)
        clean.add(
            map_whole=precision(proposals.whole, photograph.kind),
            map_chosen=precision(proposals.query, photograph.kind),
            takes_region=proposals.meant is not None,
        )
    first_half = np.array([kinds.index(photograph.kind) % 2 == 0 for photograph in held_out])
    print("first half of the kinds:", cluttered.means(first_half), clean.means(first_half))
    print("second half:", cluttered.means(~first_half), clean.means(~first_half))
    times = {f"{name}_ms": round(1000 * median(values), 1) for name, values in seconds.items()}
    print(json.dumps({"photographs": len(held_out), **cluttered.means(), **clean.means(), **times}))


def fill_catalogue(folder: Path, kinds: list[str]) -> list[Photograph]:
    """Import the photographs of all kinds but every fifth, each kind a collection, and return the others."""
    call_command("migrate", verbosity=0)
    held_out: list[Photograph] = []
    for kind in kinds:
        paths = sorted((folder / kind).iterdir())
        held_out += [Photograph(path, kind) for path in paths[FIRST_HELD_OUT::HELD_OUT_EVERY]]
        del paths[FIRST_HELD_OUT::HELD_OUT_EVERY]
        import_paths(paths, collection=kind, wait=False)
    extraction.index_pending()
    rebuilding.rebuild()
    return held_out


def read_picture(path: Path) -> Pixels.Image:
    with Pixels.open(path) as file:
        return ImageOps.exif_transpose(file).convert("RGB")


def encode(picture: Pixels.Image) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def timed_proposals(data: bytes, seconds: dict[str, list[float]]) -> Proposals:
    """Return the proposals for a photo, and record how long they and the descriptor of the whole photo took."""
    started_at = time.perf_counter()
    queries.extract_query(data)
    extracted_at = time.perf_counter()
    proposals = propose_regions(data)
    seconds["extract"].append(extracted_at - started_at)
    seconds["propose"].append(time.perf_counter() - extracted_at)
    return proposals


def cluttered_figures(clutter: Clutter, proposals: Proposals, kind: str) -> dict[str, float]:
    ratios = overlaps(np.array([region.share for region in proposals.regions]), clutter.share)
    active = queries.extract_query(encode(clutter.picture), active_box(clutter.picture))
    true = queries.extract_query(encode(clutter.picture), to_pixels(clutter.share, clutter.picture))
    return {
        "whole": first_hits(proposals.whole, kind),
        "active_box": first_hits(active, kind),
        "chosen": first_hits(proposals.query, kind),
        "true_box": first_hits(true, kind),
        "best_of_four": max(first_hits(region.query, kind) for region in proposals.regions),
        "first_holds_thing": ratios[0] >= SAME_THING,
        "one_holds_thing": ratios.max() >= SAME_THING,
    }


def first_hits(query: Query, kind: str) -> float:
    """Return the share of the first hits that are of a kind."""
    hits = ranking.search(query, SearchOptions(limit=FIRST_HITS)).hits
    return float(np.mean([hit.image.collection.name == kind for hit in hits if hit.image.collection]))


def precision(query: Query, kind: str) -> float:
    """Return the average precision of the complete ranking."""
    hits = ranking.search(query, SearchOptions(limit=Image.objects.count())).hits
    relevant = np.array([hit.image.collection is not None and hit.image.collection.name == kind for hit in hits])
    return float(average_precision(relevant[np.newaxis])[0])


def active_box(picture: Pixels.Image) -> Box:
    """Return the box around the cells of the maps whose activations are above the mean of all."""
    space = queries.require_active_space()
    extractor = spaces.get_extractor(space)
    resized = resize_to_input(picture, input_side(extractor.space), extractor.space.aspect)
    [[maps]] = extractor.feature_maps([(resized,)])
    is_active = maps.sum(axis=2) > maps.sum(axis=2).mean()
    rows, columns = np.nonzero(is_active.any(axis=1))[0], np.nonzero(is_active.any(axis=0))[0]
    top, bottom = rows[0] / len(is_active), (rows[-1] + 1) / len(is_active)
    left, right = columns[0] / is_active.shape[1], (columns[-1] + 1) / is_active.shape[1]
    return to_pixels(np.array([left, top, right - left, bottom - top]), picture)


def to_pixels(share: np.ndarray, picture: Pixels.Image) -> Box:
    left, top, width, height = (share * [*picture.size, *picture.size]).round().astype(int).tolist()
    return Box(left, top, min(width, picture.width - left), min(height, picture.height - top))
