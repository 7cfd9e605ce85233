"""What binary codes are worth by themselves: `python -m benchmarks.codes FOLDER [--bits 12 24 32 48 64] [--splits 5]`.

FOLDER holds a folder of pictures for each kind. A fifth of each kind is held out and asks; the rest is the catalogue,
and all that is learned is learned from it: the whitening, the codes of Lin et al. 2015 from its labels, ITQ from its
descriptors. Signs of random projections learn nothing. Ranked by Hamming distance alone, mAP@1000 as the paper reports
it, the mean over several splits. Prints a table in Markdown; the last line is one JSON list.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.realistic import pictures
from catalog.features.extractors import Extractor, choose, space_of
from catalog.vectors import codes, latent, metrics, projection
from catalog.vectors.codes import Coder
from catalog.vectors.latent import Labelled

Learner = Callable[[Labelled, int], Coder]

LEARNERS: dict[str, Learner] = {
    "learned from labels": lambda taught, bits: latent.train(taught, bits).coder(),
    "ITQ": lambda taught, bits: codes.quantised(taught.vectors, bits),
    "random projections": lambda taught, bits: codes.rotated(taught.vectors.shape[1], bits),
}


def main() -> None:
    options = arguments()
    described = labelled(options.folder)
    splits = [split(described, seed) for seed in range(options.splits)]
    asked, kinds = len(splits[0][0].labels), described.labels.max() + 1
    print(f"{len(described.labels)} pictures of {kinds} kinds, {asked} of them asking, {options.splits} splits\n")
    rows = []
    print("| bits | " + " | ".join(LEARNERS) + " |\n| --- |" + " --- |" * len(LEARNERS))
    for bits in options.bits:
        row = {name: mean_map(learner, splits, bits) for name, learner in LEARNERS.items()}
        rows.append({"bits": bits} | row)
        print(f"| {bits} | " + " | ".join(f"{value:.3f}" for value in row.values()) + " |", flush=True)
    print(f"\nwhitened cosine, without codes: {np.mean([cosine_map(*one) for one in splits]):.3f}")
    print(json.dumps(rows))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--bits", type=int, nargs="+", default=[12, 24, 32, 48, 64])
    parser.add_argument("--splits", type=int, default=5, help="how often another fifth is held out")
    return parser.parse_args()


def labelled(folder: Path) -> Labelled:
    """The pictures as the compact network describes them, and their kinds, numbered from 0 on."""
    weights = choose("vgg16-compact", None)
    with TemporaryDirectory() as cache:
        network = Extractor.of(
            weights, space_of(weights), runtime="ncnn", cache=Path(cache), threads=2, side_by_side=True
        )
        vectors = network.describe([network.prepare(picture) for picture in pictures(folder)])
    kinds = [path.parent.name for path in sorted(folder.glob("*/*")) if path.is_file()]
    return Labelled(vectors, np.unique(kinds, return_inverse=True)[1])


def split(described: Labelled, seed: int) -> tuple[Labelled, Labelled]:
    """Those that ask and those that teach, whitened by what the latter teach."""
    out = latent.held_out(described.labels, seed=seed)
    learned = projection.learn(described.vectors[~out])
    if learned is None:
        raise SystemExit(f"{(~out).sum()} pictures are too few: whitening takes {projection.ENOUGH}.")
    whitened = Labelled(learned.whitened(described.vectors), described.labels)
    return whitened.of(out), whitened.of(~out)


def mean_map(learner: Learner, splits: list[tuple[Labelled, Labelled]], bits: int) -> float:
    found = [latent.hamming_map(learner(taught, bits), asking, taught) for asking, taught in splits]
    return round(float(np.mean(found)), 4)


def cosine_map(asking: Labelled, taught: Labelled) -> float:
    """mAP@1000 by the descriptors themselves."""
    order = np.argsort(-(asking.vectors @ taught.vectors.T), axis=1)[:, : latent.AT]
    return float(metrics.average_precision(taught.labels[order] == asking.labels[:, np.newaxis]).mean())


if __name__ == "__main__":
    main()
