"""Train the compact network anew: `python -m tools.train_compact FOLDER --out FILE.h5`.

FOLDER holds a folder of pictures for each class. Needs PyTorch (tools/requirements.txt). See docs/training.md.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryFile

try:
    import torch
except ModuleNotFoundError:
    sys.exit("PyTorch is not installed. Run `pip install -r tools/requirements.txt`.")

from catalog.exceptions import ImageSearchError
from catalog.features.architectures import VGG16_COMPACT
from catalog.features.weights import digest
from tools.training.export import cannot_write, folded, write
from tools.training.network import ClassifyingNetwork
from tools.training.pictures import read_folder
from tools.training.recipe import SMALLEST_SIZE, Stage, top_1, train

STAGES = (Stage(32, 10), Stage(48, 4), Stage(64, 4))


def main(arguments: Sequence[str] | None = None) -> None:
    try:
        run(parsed(arguments))
    except ImageSearchError as fault:
        sys.exit(str(fault))


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.train_compact", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="holds a folder of pictures for each class")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the weights file to write")
    parser.add_argument("--validate", type=Path, metavar="FOLDER", help="print top-1 on these after each epoch")
    parser.add_argument(
        "--epochs",
        type=stage,
        nargs="+",
        default=STAGES,
        metavar="SIZE:EPOCHS",
        help="pixels a side and the number of epochs with them, one after another (default: 32:10 48:4 64:4)",
    )
    parser.add_argument("--batch", type=at_least(2), default=128, help="pictures a step (default: %(default)s)")
    parser.add_argument("--seed", type=at_least(0), default=0, help="of all chance (default: %(default)s)")
    parser.add_argument("--threads", type=at_least(1), default=os.cpu_count(), help="default: one a processor")
    return parser.parse_args(arguments)


def stage(text: str) -> Stage:
    size, _, epochs = text.partition(":")
    try:
        return Stage(at_least(SMALLEST_SIZE)(size), at_least(1)(epochs))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not SIZE:EPOCHS, as in 32:10") from None


def at_least(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if int(text) < least:
            raise argparse.ArgumentTypeError(f"{text} is too small: {least} is the least")
        return int(text)

    number.__name__ = "whole number"  # argparse says "invalid … value"
    return number


def run(options: argparse.Namespace) -> None:
    """Read, train, write.

    Raises:
        FolderRefused: there is nothing to train on, or to validate with.
        StoreUnavailable: the weights cannot be written.
        ImageSearchError: training went astray.
    """
    prove_writable(options.out)
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    largest = max(stage.size for stage in options.epochs)
    labelled = read_folder(options.folder, largest, options.threads)
    unseen = options.validate and read_folder(options.validate, largest, options.threads, labelled.classes)
    print(f"{len(labelled.labels)} pictures of {len(labelled.classes)} classes", flush=True)

    network = ClassifyingNetwork(VGG16_COMPACT, len(labelled.classes))
    network.to("cuda" if torch.cuda.is_available() else "cpu", memory_format=torch.channels_last)
    for epoch in train(network, labelled, options.epochs, options.batch):
        accuracy = f", top-1 {top_1(network, unseen, options.batch):.1%}" if unseen else ""
        print(f"epoch {epoch.number}, {epoch.size} px: loss {epoch.loss:.3f}{accuracy}", flush=True)

    write(folded(network), options.out)
    print(f"{options.out} has the SHA-256 {digest(options.out, 'Is the disk well?')}")


def prove_writable(path: Path) -> None:
    """Find out now what would otherwise be found out after hours of training.

    Raises:
        StoreUnavailable: no file can be written there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError("it is a folder")
        with TemporaryFile(dir=path.parent):
            pass
    except OSError as fault:
        raise cannot_write(path, fault) from fault


if __name__ == "__main__":
    main()
