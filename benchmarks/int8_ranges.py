"""Activation ranges of VGG16 in int8: `python -m benchmarks.int8_ranges FOLDER WEIGHTS [--photographs 100] [--write]`.

Runs VGG16 in float32 over photographs in the subfolders of FOLDER and takes the largest activation of each convolution.
With `--write`, they replace the ranges that the program uses; descriptors change then, so that catalogues need to be
extracted again. Then compares int8 with float32 on other photographs. The last line is one JSON object.
"""

import argparse
import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from catalog.features.extractors import Extractor, PreparedPicture, space_for_network
from catalog.features.networks import vgg16
from catalog.features.networks.vgg16 import Vgg16, vgg16_network
from catalog.features.preprocessing import resize_to_input
from catalog.features.runtimes.openvino_runtime import OpenVinoRuntime


def main() -> None:
    options = parse_arguments()
    network = vgg16_network(options.weights)
    paths = sorted(path for path in options.folder.glob("*/*") if path.is_file())
    order = np.random.default_rng(0).permutation(len(paths))
    found = measure_ranges(network, [paths[index] for index in order[: options.photographs]])
    print(found)
    if options.write:
        data = {"photographs": options.photographs, "statistic": "maximum", "ranges": found}
        vgg16.RANGES_FILE.write_text(json.dumps(data, indent=1) + "\n")
        vgg16.activation_ranges.cache_clear()
    others = order[options.photographs : 2 * options.photographs]
    print(json.dumps(compare(network, [paths[index] for index in others])))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="photographs, in subfolders")
    parser.add_argument("weights", type=Path, help="VGG16's ImageNet weights")
    parser.add_argument("--photographs", type=int, default=100)
    parser.add_argument("--write", action="store_true", help="replace the ranges that the program uses")
    return parser.parse_args()


def read_picture(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        return ImageOps.exif_transpose(picture).convert("RGB")


def measure_ranges(network: Vgg16, paths: Sequence[Path]) -> dict[str, float]:
    """Return the largest activation of each convolution in the photographs."""
    side, aspect = network.recipe.input_sizes[0], network.recipe.aspect
    pictures = [resize_to_input(read_picture(path), side, aspect) for path in paths]
    ranges = {}
    for layer in vgg16.convolutions():
        runtime = OpenVinoRuntime(network, layer=layer.name, precision="float32", threads=os.cpu_count() or 1)
        ranges[layer.name] = round(max(float(runtime.feature_maps([one])[0].max()) for one in pictures), 1)
    return ranges


def compare(network: Vgg16, paths: Sequence[Path]) -> dict[str, float]:
    """Return the lowest and the median cosine similarity of descriptors in int8 and float32."""
    int8, float32 = (
        Extractor.from_network(
            network,
            replace(space_for_network(network), precision=precision),
            runtime="openvino",
            threads=os.cpu_count() or 1,
            parallel_pictures=True,
        )
        for precision in ("int8", "float32")
    )
    pictures: list[PreparedPicture] = [int8.prepare(read_picture(path)) for path in paths]
    cosines = (int8.extract(pictures) * float32.extract(pictures)).sum(axis=1)
    return {
        "photographs": len(paths),
        "min_cosine": round(float(cosines.min()), 5),
        "median_cosine": round(float(np.median(cosines)), 5),
    }


if __name__ == "__main__":
    main()
