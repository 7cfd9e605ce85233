"""Retrieval quality: `python -m benchmarks.quality FOLDER [--network vgg16 --weights FILE] [--vectors FOLDER]`.

FOLDER contains a folder of photographs for each kind. Each photograph is a query for the others of its kind (mean
average precision, precision at 1 and at 10). With the input in use, altered copies of some are queries for their
originals (share that finds the original first). Prints a row for each combination; the last line is one JSON
list. With --labels-half, measures what labels teach instead; with --words, the similarity levels.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.retrieval import catalogues, levels
from benchmarks.retrieval.rankings import COMBINATIONS, PARAMETERS, PLAIN, RANKING_IN_USE, Ranking
from benchmarks.retrieval.vectors import (
    CATALOGUE,
    POOLINGS,
    Input,
    Photographs,
    Vectors,
    find_photographs,
    load_vectors,
    sum_scales,
)
from catalog.features.basis import bundled_basis
from catalog.features.networks import Network, NetworkSources
from catalog.features.networks.opening import open_network
from catalog.imaging.alterations import MILD_ALTERATIONS
from catalog.vectors import metrics
from catalog.vectors.projections.unsupervised import fit_centring, fit_whitening

# The projections that a rebuild compares, with the ε of the whitening.
PROJECTIONS: dict[str, float] = {"plain": 0, "centred": 0, "whitened 64": 64, "whitened 16": 16, "whitened 4": 4}
SAMPLE_SIZES = (20, 50, 100, 200, 500)


@dataclass(frozen=True)
class Recipe:
    """How descriptors are made. The attributes are keys of the rows.

    Attributes:
        scales: input sizes, separated by "+".
        basis: "bundled" if the pooled vector is projected on the basis of the network, else "none".
    """

    network: str
    scales: str
    aspect: str
    precision: str
    layer: str
    pooling: str
    basis: str = "none"


def main() -> None:
    options = parse_arguments()
    sources = NetworkSources(options.network, options.weights, Path("var/models"))
    photographs = find_photographs(options.folder, options.copied_every)
    comparison = Comparison(photographs, open_network(options.network, sources), options.scales, options.vectors)
    labels = photographs.labels
    print(f"{len(labels)} pictures of {labels.max() + 1} kinds, {comparison.network.name}")
    if options.words:
        levels.report(comparison.network.name, comparison.recipe_vectors(), photographs)
        return
    if options.labels_half:
        rows = catalogues.teaching_rows(comparison.recipe_vectors()[CATALOGUE], labels)
        for row in rows:
            print_row(row)
    else:
        rows = comparison.rows()
    print(json.dumps(rows, ensure_ascii=False))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--network", default="efficientnet-lite2", help="as IMAGESEARCH_EXTRACTOR")
    parser.add_argument("--weights", type=Path, help="VGG16's ImageNet weights")
    parser.add_argument("--vectors", type=Path, help="a folder that keeps the extracted vectors for the next time")
    parser.add_argument("--copied-every", type=int, default=5, help="make copies of one in so many photographs")
    parser.add_argument(
        "--scales",
        type=lambda text: tuple(map(int, text.split("+"))),
        nargs="*",
        default=[],
        help="other input sizes to compare; 200+320 sums the descriptors of both",
    )
    parser.add_argument("--labels-half", action="store_true", help="measure what the labels of half the images teach")
    parser.add_argument("--words", action="store_true", help="evaluate the similarity levels")
    return parser.parse_args()


@dataclass(frozen=True)
class Comparison:
    """All rows of one network.

    Attributes:
        scales: other input sizes to compare.
        cache: see `load_vectors`.
    """

    photographs: Photographs
    network: Network
    scales: list[tuple[int, ...]]
    cache: Path | None

    @property
    def copied(self) -> np.ndarray:
        """The positions of the originals of altered copies."""
        return self.photographs.copied

    def rows(self) -> list[dict[str, object]]:
        """Return all rows, and print them meanwhile."""
        return [
            *self.neighbour_rows(),
            *self.sample_size_rows(),
            *catalogues.basis_rows(self.recipe_vectors(basis=False), self.recipe_vectors(), self.photographs),
            *catalogues.small_kind_rows(self.recipe_vectors()[CATALOGUE], self.photographs.labels),
            *self.tutorial_rows(),
            *self.input_rows(),
        ]

    def tutorial_rows(self) -> list[dict[str, object]]:
        """Evaluate the configuration of popular tutorials: squashed to 224 px, maximum after VGG16's last pooling."""
        if self.network.name != "vgg16":
            return []
        vectors = self.vectors((224,), "nearest", "block5_pool")["max"]
        return [self.row(self.recipe("224", "nearest", "max", layer="block5_pool"), "plain", PLAIN, vectors)]

    def input_rows(self) -> list[dict[str, object]]:
        """Evaluate inputs, poolings and projections, ranked by plain similarity and without the basis.

        Only with the pooling in use, descriptors are whitened.
        """
        in_use = self.network.recipe.input_sizes
        rows = []
        for aspect, scales in [("squashed", in_use), ("kept", in_use), *(("kept", sizes) for sizes in self.scales)]:
            for pooling, vectors in self.vectors(scales, aspect).items():
                recipe = self.recipe("+".join(map(str, scales)), aspect, pooling)
                names = list(PROJECTIONS) if pooling == self.network.recipe.pooling else ["plain", "centred"]
                rows += [self.row(recipe, name, PLAIN, project(vectors, name)) for name in names]
        return rows

    def neighbour_rows(self) -> list[dict[str, object]]:
        """Evaluate all ways to rank, on the descriptors in use."""
        recipe, vectors = self.recipe_in_use(), self.recipe_vectors()
        projected = {name: project(vectors, name) for name in PROJECTIONS}
        rows = [self.row(recipe, name, ranking, projected[name]) for name in PROJECTIONS for ranking in COMBINATIONS]
        return rows + [self.row(recipe, "centred", ranking, projected["centred"]) for ranking in PARAMETERS]

    def sample_size_rows(self) -> list[dict[str, object]]:
        """Evaluate projections that are fitted to fewer photographs."""
        recipe, vectors = self.recipe_in_use(), self.recipe_vectors()
        return [
            self.row(recipe, name, RANKING_IN_USE, project(vectors, name, learn_from), learn_from)
            for name in ("centred", "whitened 16")
            for learn_from in SAMPLE_SIZES
            if learn_from < len(vectors[CATALOGUE])
        ]

    def recipe(
        self, scales: str, aspect: str, pooling: str, *, layer: str | None = None, basis: str = "none"
    ) -> Recipe:
        """Return a recipe with the layer and the precision of the network's own."""
        own = self.network.recipe
        return Recipe(self.network.name, scales, aspect, own.precision, layer or own.layer, pooling, basis)

    def recipe_in_use(self) -> Recipe:
        """Return the recipe of the network."""
        own = self.network.recipe
        basis = "bundled" if own.has_basis else "none"
        return self.recipe("+".join(map(str, own.input_sizes)), own.aspect, own.pooling, basis=basis)

    def recipe_vectors(self, *, basis: bool = True) -> Vectors:
        """Return the descriptors in use, or those without the basis."""
        own = self.network.recipe
        vectors = self.vectors(own.input_sizes, own.aspect)[own.pooling]
        bundled = bundled_basis(self.network.name) if basis and own.has_basis else None
        return {name: bundled.project(rows) if bundled else rows for name, rows in vectors.items()}

    def vectors(self, scales: tuple[int, ...], aspect: str, layer: str | None = None) -> dict[str, Vectors]:
        """Return pooled vectors by pooling. With the input in use, altered copies are among them."""
        own = self.network.recipe
        has_copies = (scales, aspect) == (own.input_sizes, own.aspect)
        inputs = [Input(self.network, size, aspect, layer or own.layer, own.precision, has_copies) for size in scales]
        by_scale = [load_vectors(self.photographs, each, self.cache) for each in inputs]
        return {pooling: sum_scales([vectors[pooling] for vectors in by_scale]) for pooling in POOLINGS}

    def row(
        self, recipe: Recipe, projection: str, ranking: Ranking, projected: Vectors, learn_from: int | None = None
    ) -> dict[str, object]:
        """Evaluate one combination and print it."""
        catalogue, labels = projected[CATALOGUE], self.photographs.labels
        parameters = {"projection": projection, "whiten": PROJECTIONS[projection], "learn_from": learn_from}
        row = vars(recipe) | parameters | vars(ranking) | {"add_mirror": 0}
        row |= retrieval_metrics(ranking.scores(catalogue), labels)
        for name in MILD_ALTERATIONS:
            copies = projected.get(name)
            row[name] = None if copies is None else first_hit_rate(ranking.scores(catalogue, copies), self.copied)
        print_row(row)
        return row


def project(vectors: Vectors, name: str, learn_from: int | None = None) -> Vectors:
    """Return descriptors with a projection fitted to the catalogue, or to a random sample of `learn_from` rows."""
    if name == "plain":
        return vectors
    sample = vectors[CATALOGUE]
    if learn_from is not None:
        sample = np.random.default_rng(0).choice(sample, learn_from, replace=False)
    fitted = fit_whitening(sample, PROJECTIONS[name]) if PROJECTIONS[name] else fit_centring(sample)
    assert fitted is not None  # noqa: S101, photographs differ
    return {alteration: fitted.apply(rows) for alteration, rows in vectors.items()}


def retrieval_metrics(scores: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Return mean average precision, P@1 and P@10 of scores of all images for each other."""
    relevant = metrics.relevance(scores, labels)
    figures = {
        "map": metrics.average_precision(relevant),
        "p1": metrics.precision_at(relevant, 1),
        "p10": metrics.precision_at(relevant, 10),
    }
    return {name: round(float(values.mean()), 4) for name, values in figures.items()}


def first_hit_rate(scores: np.ndarray, originals: np.ndarray) -> float:
    """Return the share of altered copies that rank their original first."""
    return round(float((scores.argmax(axis=1) == originals).mean()), 4)


def print_row(row: dict[str, object]) -> None:
    """Print a row."""
    print("  ".join(f"{name} {value}" for name, value in row.items()), flush=True)


if __name__ == "__main__":
    main()
