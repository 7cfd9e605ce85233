import time

import pytest
from PIL import Image

from catalog.exceptions import PictureRejected
from catalog.imaging.decoding import decode
from catalog.imaging.limits import PictureLimits
from catalog.imaging.scans import MAX_SCANS, count_scans
from tests.imaging.sample_pictures import coloured_corners, encode
from tests.imaging.scan_bombs import jpeg_with_scans


@pytest.mark.parametrize(
    ("data", "count"),
    [
        (encode(coloured_corners(), "JPEG"), 1),
        (encode(coloured_corners(), "JPEG", restart_marker_blocks=1), 1),
        (encode(coloured_corners(), "JPEG", comment=b"\xff\xda" * 200), 1),
        (encode(coloured_corners(), "JPEG", progressive=True), 10),
        (encode(coloured_corners(), "JPEG", progressive=True) * 2, 10),
        (jpeg_with_scans(64, 30), 36),
        (b"\xff\xd8\xff\xda", 1),
        (b"\xff\xd8\xff", 0),
    ],
)
def test_scans_are_counted(data, count):
    assert count_scans(data) == count


@pytest.mark.parametrize("min_decoded_side", [None, 100])
def test_a_jpeg_with_thousands_of_scans_is_rejected_at_once(min_decoded_side):
    data, started_at = jpeg_with_scans(2000, 5000), time.process_time()
    with pytest.raises(PictureRejected, match="more than 100 scans") as excinfo:
        decode(data, PictureLimits(), min_decoded_side=min_decoded_side)
    assert excinfo.value.code == "too_many_scans"
    assert time.process_time() - started_at < 1


def test_the_limit_is_far_above_what_programs_write():
    assert decode(jpeg_with_scans(32, MAX_SCANS - 6), PictureLimits()).rgb.size == (32, 32)
    photograph = encode(Image.effect_noise((400, 300), 60).convert("CMYK"), "JPEG", progressive=True)
    assert count_scans(photograph) < 20
