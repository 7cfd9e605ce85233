"""What depends on the catalogue: bases of other kinds, kinds of few photographs, and what labels teach."""

from collections.abc import Iterator

import numpy as np

from benchmarks.retrieval.rankings import PLAIN, RANKING_IN_USE, Ranking, average_precisions
from benchmarks.retrieval.vectors import CATALOGUE, Photographs, Vectors
from catalog.features.basis import Basis
from catalog.vectors.neighbours.augmentation import PLAIN_SHARE
from catalog.vectors.projections.discriminants import fit_discriminants
from catalog.vectors.projections.projection import Projection
from catalog.vectors.projections.unsupervised import fit_centring

# Of a basis that is made from half of the kinds.
DIMENSIONS = 512
# Alterations that take part in it.
BASIS_ALTERATIONS = ("crop10", "turn5", "mirror")
# Weights of the discriminant directions; see `catalog.vectors.projections.discriminants`.
WEIGHTS = (1.0, 1.35, 2.0, 3.0)
SEEDS = range(3)
# Photographs of each kind in a small catalogue, and the rankings that are compared on it.
SMALL_KINDS = (4, 8, 12)
SMALL_RANKINGS = (
    PLAIN,
    RANKING_IN_USE,
    *(
        Ranking("other parameters", *parameters, plain_share=PLAIN_SHARE)
        for parameters in ((5, 5, 2), (10, 5, 1), (10, 5, 3))
    ),
)


def basis_rows(pooled: Vectors, with_bundled: Vectors, photographs: Photographs) -> list[dict[str, object]]:
    """Evaluate bases on one half of the kinds and then on the other. "other kinds": it was made from those left out.

    Args:
        pooled: without a basis.
        with_bundled: projected on the bundled basis, which was made from all of these kinds, if so.
    """
    parts = [photographs.labels % 2 == half for half in (0, 1)]
    variants = {
        "none": [pooled[CATALOGUE][part] for part in parts],
        "bundled": [with_bundled[CATALOGUE][part] for part in parts],
        "other kinds": [
            make_basis(pooled, ~part, photographs.copied).project(pooled[CATALOGUE][part]) for part in parts
        ],
    }
    rows: list[dict[str, object]] = []
    for basis, vectors in variants.items():
        for projection, ranking in (("plain", PLAIN), ("centred", PLAIN), ("centred", RANKING_IN_USE)):
            values = [
                mean_precision(half, photographs.labels[part], projection, ranking)
                for half, part in zip(vectors, parts, strict=True)
            ]
            row: dict[str, object] = {"catalogue": "half of the kinds", "basis": basis, "projection": projection}
            row |= {"combination": ranking.combination, "map": round(float(np.mean(values)), 4)}
            print("  ".join(f"{name} {value}" for name, value in row.items()), flush=True)
            rows.append(row)
    return rows


def make_basis(pooled: Vectors, learned: np.ndarray, copied: np.ndarray) -> Basis:
    """Make a basis as `benchmarks.bases` does, from the photographs for which `learned`, bool, n, is true."""
    copies = [pooled[name][learned[copied]] for name in BASIS_ALTERATIONS]
    vectors = np.concatenate([pooled[CATALOGUE][learned], *copies])
    mean = vectors.mean(axis=0)
    directions = np.linalg.svd(vectors - mean, full_matrices=False)[2][:DIMENSIONS]
    return Basis("", mean, directions)


def mean_precision(vectors: np.ndarray, labels: np.ndarray, projection: str, ranking: Ranking) -> float:
    """Return the mean average precision of a catalogue of its own."""
    centring = fit_centring(vectors) if projection == "centred" else None
    return float(average_precisions(ranking.scores(centring.apply(vectors) if centring else vectors), labels).mean())


def small_kind_rows(vectors: np.ndarray, labels: np.ndarray) -> list[dict[str, object]]:
    """Evaluate neighbours on a few photographs of each kind: means of several random draws."""
    rows: list[dict[str, object]] = []
    for size in SMALL_KINDS:
        draws = [_draw(labels, size, seed) for seed in SEEDS]
        for ranking in SMALL_RANKINGS:
            values = [mean_precision(vectors[chosen], labels[chosen], "centred", ranking) for chosen in draws]
            row: dict[str, object] = {"catalogue": f"{size} of each kind", "projection": "centred"}
            row |= vars(ranking) | {"map": round(float(np.mean(values)), 4)}
            print("  ".join(f"{name} {value}" for name, value in row.items()), flush=True)
            rows.append(row)
    return rows


def _draw(labels: np.ndarray, size: int, seed: int) -> np.ndarray:
    """Return the positions of `size` images of each kind, or of all if there are fewer: int64."""
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.permutation(np.flatnonzero(labels == kind))[:size] for kind in np.unique(labels)])


def teaching_rows(vectors: np.ndarray, labels: np.ndarray) -> list[dict[str, object]]:
    """Evaluate projections taught by half the images of all kinds, and of half of the kinds.

    All other images are a catalogue whose images are queries for each other. The rows have the mAP of images of taught
    kinds and of kinds that taught nothing, by plain similarity and as in use: means of several random splits. The row
    with the weight 0 is centred only.
    """
    rows: list[dict[str, object]] = []
    for taught_kinds, share in (("all", 1.0), ("half", 0.5)):
        splits = [_split(labels, share, seed) for seed in SEEDS]
        for weight in (0.0, *WEIGHTS):
            figures = [list(_precisions(vectors, labels, *split, weight)) for split in splits]
            names = ("images_plain", "images_in_use", "other_kinds_plain", "other_kinds_in_use")
            means = [round(float(np.mean(values)), 4) for values in zip(*figures, strict=True)]
            rows.append({"taught_kinds": taught_kinds, "weight": weight} | dict(zip(names, means, strict=False)))
    return rows


def _split(labels: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which images teach, half of those of each taught kind, and which images are of a taught kind: bool, n."""
    rng = np.random.default_rng(seed)
    kinds = rng.permutation(labels.max() + 1)
    kinds = kinds[: int(len(kinds) * share)]
    teaches = np.zeros(len(labels), bool)
    for kind in kinds:
        positions = rng.permutation(np.flatnonzero(labels == kind))
        teaches[positions[: len(positions) // 2]] = True
    return teaches, np.isin(labels, kinds)


def _precisions(
    vectors: np.ndarray, labels: np.ndarray, teaches: np.ndarray, is_known: np.ndarray, weight: float
) -> Iterator[float]:
    """Yield the mAP of images of taught kinds, plain and as in use, and then of other kinds, if there are any."""
    mean = vectors.mean(axis=0)
    projection = Projection(mean)
    if weight:
        projection = fit_discriminants(vectors[teaches], labels[teaches], mean).projection(weight)
    catalogue, known = projection.apply(vectors[~teaches]), is_known[~teaches]
    precisions = [
        average_precisions(ranking.scores(catalogue), labels[~teaches]) for ranking in (PLAIN, RANKING_IN_USE)
    ]
    for queries in (known, ~known):
        if queries.any():
            yield from (float(values[queries].mean()) for values in precisions)
