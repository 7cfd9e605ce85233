"""Retrieval by binary codes alone: `python -m benchmarks.codes FOLDER [--bits 12 24 32 48 64] [--splits 5]`.

FOLDER contains a folder of pictures for each kind. A fifth of each kind is held out as queries. The rest is the
catalogue and the training set: for the centring, for the codes of Lin et al. 2015 (with labels), and for ITQ (without
labels). Random projections need no training. The catalogue is ranked by Hamming distance alone. The metric is mAP@1000
as in the paper, averaged over several splits. Prints a Markdown table; the last line is one JSON list.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.itq import train_itq
from benchmarks.synthetic_descriptors import load_pictures
from catalog.features.extractors import Extractor, space_for_network
from catalog.features.networks.efficientnet_lite import efficientnet_lite2_network
from catalog.vectors import metrics
from catalog.vectors.codes import binary_codes, supervised_hashing
from catalog.vectors.codes.binary_codes import BinaryEncoder
from catalog.vectors.codes.supervised_hashing import LabelledVectors
from catalog.vectors.projections.unsupervised import fit_centring

EncoderTrainer = Callable[[LabelledVectors, int], BinaryEncoder]

ENCODER_TRAINERS: dict[str, EncoderTrainer] = {
    "learned from labels": lambda training_set, bits: supervised_hashing.train_layers(training_set, bits).encoder(),
    "ITQ": lambda training_set, bits: train_itq(training_set.vectors, bits),
    "random projections": lambda training_set, bits: binary_codes.random_rotation(
        training_set.vectors.mean(axis=0), bits
    ),
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
    without_codes = np.mean([cosine_average_precision(*sets) for sets in splits])
    print(f"\nCosines of centred descriptors, without codes: {without_codes:.3f}")
    print(json.dumps(rows))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--bits", type=int, nargs="+", default=[12, 24, 32, 48, 64])
    parser.add_argument("--splits", type=int, default=5, help="number of random splits")
    return parser.parse_args()


def extract_labelled(folder: Path) -> LabelledVectors:
    """Extract descriptors of the pictures with the bundled network. The labels are their kinds, numbered from 0."""
    network = efficientnet_lite2_network()
    extractor = Extractor.from_network(
        network, space_for_network(network), runtime="openvino", threads=2, parallel_pictures=True
    )
    vectors = extractor.extract([extractor.prepare(picture) for picture in load_pictures(folder)])
    kinds = [path.parent.name for path in sorted(folder.glob("*/*")) if path.is_file()]
    return LabelledVectors(vectors, np.unique(kinds, return_inverse=True)[1])


def split(labelled_vectors: LabelledVectors, seed: int) -> tuple[LabelledVectors, LabelledVectors]:
    """Return queries and training set, both centred on the mean of the training set."""
    held_out = supervised_hashing.split_mask(labelled_vectors.labels, seed=seed)
    centring = fit_centring(labelled_vectors.vectors[~held_out])
    if centring is None:
        raise SystemExit("All pictures have the same descriptor.")
    centred = LabelledVectors(centring.apply(labelled_vectors.vectors), labelled_vectors.labels)
    return centred.of(held_out), centred.of(~held_out)


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
