"""How well regions are proposed: `python -m benchmarks.regions FOLDER --backgrounds KIND…`.

FOLDER contains one folder of photographs for each kind. Every fifth photograph is kept out of the catalogue, which the
program imports into a temporary data folder. What these show is pasted on photographs of the kinds in `--backgrounds`,
which are not in the catalogue either. Both halves of the kinds are reported.

The network is chosen by IMAGESEARCH_EXTRACTOR and IMAGESEARCH_VGG16_WEIGHTS. The last line is one JSON object: of the
first ten hits the share of the right kind with the whole photograph, a box around the most active part of the maps,
the region that the program takes, and the true box; the share of photographs in which the first, or one of all
proposals has an intersection over union of .5 with the true box; the mAP of the photographs without clutter, as they
are and with the region that the program takes; the median time of a proposal and of the whole search without one.
"""

import argparse
import os
from pathlib import Path
from tempfile import TemporaryDirectory


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--backgrounds", nargs="+", required=True, metavar="KIND", help="kinds to paste things on")
    parser.add_argument("--area", type=float, default=0.25, help="share of the photograph that a thing covers (0.25)")
    options = parser.parse_args()
    with TemporaryDirectory() as data:
        os.environ |= {"IMAGESEARCH_DATA_DIR": data, "DJANGO_SETTINGS_MODULE": "imagesearch.settings"}
        import django

        django.setup()
        from benchmarks.regions import measurement

        measurement.measure(options.folder, options.backgrounds, options.area)


if __name__ == "__main__":
    main()
