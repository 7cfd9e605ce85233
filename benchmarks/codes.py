"""Retrieval by binary codes alone: `python -m benchmarks.codes FOLDER [--bits 12 24 32 48 64] [--splits 5]`.

FOLDER contains a folder of pictures for each kind. A fifth of each kind is held out as queries. The rest is the
catalogue and the training set: for the whitening, for the codes of Lin et al. 2015 (with labels), and for ITQ (without
labels). Random projections need no training. The catalogue is ranked by Hamming distance alone. The metric is mAP@1000
as in the paper, averaged over several splits. Prints a Markdown table; the last line is one JSON list.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.itq import train_itq
from benchmarks.synthetic_descriptors import load_pictures
from catalog.features.extractors import Extractor, choose_weights, space_for_weights
from catalog.vectors import binary_codes, metrics, supervised_hashing, whitening
from catalog.vectors.binary_codes import BinaryEncoder
from catalog.vectors.supervised_hashing import LabelledVectors

EncoderTrainer = Callable[[LabelledVectors, int], BinaryEncoder]

ENCODER_TRAINERS: dict[str, EncoderTrainer] = {
    "learned from labels": lambda training_set, bits: supervised_hashing.train_layers(training_set, bits).encoder(),
    "ITQ": lambda training_set, bits: train_itq(training_set.vectors, bits),
    "random projections": lambda training_set, bits: binary_codes.random_rotation(training_set.vectors.shape[1], bits),
}


def main() -> None:
    options = parse_arguments()
    labelled_vectors = extract_labelled(options.folder)
    splits = [split(labelled_vectors, seed) for seed in range(options.splits)]
    query_count, kinds = len(splits[0][0].labels), labelled_vectors.labels.max() + 1
    pictures = len(labelled_vectors.labels)
    print(f"{pictures} pictures of {kinds} kinds, {query_count} of them queries, {options.splits} splits\n")
    rows = []
    print("| bits | " + " | ".join(ENCODER_TRAINERS) + " |\n| --- |" + " --- |" * len(ENCODER_TRAINERS))
    for bits in options.bits:
        row = {name: mean_average_precision(trainer, splits, bits) for name, trainer in ENCODER_TRAINERS.items()}
        rows.append({"bits": bits} | row)
        print(f"| {bits} | " + " | ".join(f"{value:.3f}" for value in row.values()) + " |", flush=True)
    print(f"\nWhitened cosines, without codes: {np.mean([cosine_average_precision(*sets) for sets in splits]):.3f}")
    print(json.dumps(rows))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--bits", type=int, nargs="+", default=[12, 24, 32, 48, 64])
    parser.add_argument("--splits", type=int, default=5, help="number of random splits")
    return parser.parse_args()


def extract_labelled(folder: Path) -> LabelledVectors:
    """Extract descriptors of the pictures with the compact network. The labels are their kinds, numbered from 0."""
    weights = choose_weights("vgg16-compact", None)
    with TemporaryDirectory() as cache:
        network = Extractor.from_weights(
            weights,
            space_for_weights(weights),
            runtime="ncnn",
            cache_dir=Path(cache),
            threads=2,
            parallel_pictures=True,
        )
        vectors = network.extract([network.prepare(picture) for picture in load_pictures(folder)])
    kinds = [path.parent.name for path in sorted(folder.glob("*/*")) if path.is_file()]
    return LabelledVectors(vectors, np.unique(kinds, return_inverse=True)[1])


def split(labelled_vectors: LabelledVectors, seed: int) -> tuple[LabelledVectors, LabelledVectors]:
    """Return queries and training set, both whitened with a whitening fitted to the training set."""
    held_out = supervised_hashing.split_mask(labelled_vectors.labels, seed=seed)
    fitted_whitening = whitening.fit_whitening(labelled_vectors.vectors[~held_out])
    if fitted_whitening is None:
        raise SystemExit(
            f"There are {(~held_out).sum()} pictures to train on, but whitening needs {whitening.MIN_IMAGES}."
        )
    whitened = LabelledVectors(fitted_whitening.whiten(labelled_vectors.vectors), labelled_vectors.labels)
    return whitened.of(held_out), whitened.of(~held_out)


def mean_average_precision(
    trainer: EncoderTrainer, splits: list[tuple[LabelledVectors, LabelledVectors]], bits: int
) -> float:
    """Return the mean of the mAP@1000 over all splits."""
    values = [
        supervised_hashing.hamming_map(trainer(training_set, bits), queries, training_set)
        for queries, training_set in splits
    ]
    return round(float(np.mean(values)), 4)


def cosine_average_precision(queries: LabelledVectors, training_set: LabelledVectors) -> float:
    """Return the mAP@1000 of a ranking by the cosine similarity of descriptors."""
    order = np.argsort(-(queries.vectors @ training_set.vectors.T), axis=1)[:, : supervised_hashing.MAP_DEPTH]
    return float(metrics.average_precision(training_set.labels[order] == queries.labels[:, np.newaxis]).mean())


if __name__ == "__main__":
    main()
