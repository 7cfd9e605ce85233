import numpy as np
from PIL import Image

from catalog.demo.photograph import photograph


def test_a_photo_has_its_pictures_size_and_mode():
    photo = photograph(Image.new("RGB", (320, 240), (200, 200, 200)), seed=1)
    assert (photo.size, photo.mode) == ((320, 240), "RGB")


def test_the_same_seed_takes_the_same_photo_and_another_seed_another():
    picture = Image.linear_gradient("L").convert("RGB")
    assert photograph(picture, seed=1).tobytes() == photograph(picture, seed=1).tobytes()
    assert photograph(picture, seed=1).tobytes() != photograph(picture, seed=2).tobytes()


def test_turning_leaves_no_bare_corner_for_any_proportions():
    for size in ((640, 480), (480, 640), (300, 300)):
        for seed in range(4):
            pixels = np.asarray(photograph(Image.new("RGB", size, (255, 255, 255)), seed))
            assert pixels.min() > 120


def test_corners_are_darker_than_the_middle():
    pixels = np.asarray(photograph(Image.new("RGB", (320, 240), (200, 200, 200)), seed=1), dtype=float)
    assert pixels[:20, :20].mean() < pixels[110:130, 150:170].mean() - 20
