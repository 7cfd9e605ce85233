"""Train the compact network: `python -m tools.train_compact FOLDER --out FILE.h5`.

FOLDER contains a folder of pictures for each class. Needs PyTorch (tools/requirements.txt). See docs/training.md.
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
from catalog.features.networks import VGG16_COMPACT
from catalog.features.weights import file_digest
from tools.training.export import fold_batch_norms, write, write_error
from tools.training.network import ClassifyingNetwork
from tools.training.pictures import read_folder
from tools.training.recipe import MIN_INPUT_SIZE, Stage, top_1_accuracy, train

STAGES = (Stage(32, 10), Stage(48, 4), Stage(64, 4))


def main(arguments: Sequence[str] | None = None) -> None:
    try:
        run(parse_arguments(arguments))
    except ImageSearchError as error:
        sys.exit(str(error))


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.train_compact", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="a folder that contains a folder of pictures for each class")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the weights file to write")
    parser.add_argument(
        "--validate", type=Path, metavar="FOLDER", help="print the top-1 accuracy on these after each epoch"
    )
    parser.add_argument(
        "--epochs",
        type=parse_stage,
        nargs="+",
        default=STAGES,
        metavar="SIZE:EPOCHS",
        help="stages of the training: input size in pixels and number of epochs (default: 32:10 48:4 64:4)",
    )
    parser.add_argument("--batch", type=integer_from(2), default=128, help="batch size (default: %(default)s)")
    parser.add_argument("--seed", type=integer_from(0), default=0, help="random seed (default: %(default)s)")
    parser.add_argument("--threads", type=integer_from(1), default=os.cpu_count(), help="default: number of CPUs")
    return parser.parse_args(arguments)


def parse_stage(text: str) -> Stage:
    size, _, epochs = text.partition(":")
    try:
        return Stage(integer_from(MIN_INPUT_SIZE)(size), integer_from(1)(epochs))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not SIZE:EPOCHS, such as 32:10") from None


def integer_from(minimum: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if int(text) < minimum:
            raise argparse.ArgumentTypeError(f"{text} is too small, it must be at least {minimum}")
        return int(text)

    number.__name__ = "whole number"  # argparse writes "invalid whole number value"
    return number


def run(options: argparse.Namespace) -> None:
    """Read the pictures, train the network and write its weights.

    Raises:
        FolderRejected: the training or validation folder cannot be used.
        StoreUnavailable: the weights cannot be written.
        ImageSearchError: the training diverged.
    """
    check_writable(options.out)
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    largest = max(stage.size for stage in options.epochs)
    training_pictures = read_folder(options.folder, largest, options.threads)
    validation_pictures = options.validate and read_folder(
        options.validate, largest, options.threads, training_pictures.classes
    )
    print(f"{len(training_pictures.labels)} pictures of {len(training_pictures.classes)} classes", flush=True)

    network = ClassifyingNetwork(VGG16_COMPACT, len(training_pictures.classes))
    network.to("cuda" if torch.cuda.is_available() else "cpu", memory_format=torch.channels_last)
    for epoch in train(network, training_pictures, options.epochs, options.batch):
        accuracy = (
            f", top-1 {top_1_accuracy(network, validation_pictures, options.batch):.1%}" if validation_pictures else ""
        )
        print(f"epoch {epoch.number}, {epoch.size} px: loss {epoch.loss:.3f}{accuracy}", flush=True)

    write(fold_batch_norms(network), options.out)
    print(f"{options.out} has the SHA-256 {file_digest(options.out, 'Check the disk.')}")


def check_writable(path: Path) -> None:
    """Check that `path` can be written to, before hours of training.

    Raises:
        StoreUnavailable: no file can be written there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError("it is a folder")
        with TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise write_error(path, error) from error


if __name__ == "__main__":
    main()
