import numpy as np
from PIL import Image

from catalog.demo.photograph import simulate_photo


def test_a_photo_has_the_size_and_mode_of_the_picture():
    photo = simulate_photo(Image.new("RGB", (320, 240), (200, 200, 200)), seed=1)
    assert (photo.size, photo.mode) == ((320, 240), "RGB")


def test_the_same_seed_gives_the_same_photo_and_another_seed_a_different_one():
    picture = Image.linear_gradient("L").convert("RGB")
    assert simulate_photo(picture, seed=1).tobytes() == simulate_photo(picture, seed=1).tobytes()
    assert simulate_photo(picture, seed=1).tobytes() != simulate_photo(picture, seed=2).tobytes()


def test_rotation_leaves_no_empty_corner():
    for size in ((640, 480), (480, 640), (300, 300)):
        for seed in range(4):
            pixels = np.asarray(simulate_photo(Image.new("RGB", size, (255, 255, 255)), seed))
            assert pixels.min() > 120


def test_corners_are_darker_than_the_centre():
    pixels = np.asarray(simulate_photo(Image.new("RGB", (320, 240), (200, 200, 200)), seed=1), dtype=float)
    assert pixels[:20, :20].mean() < pixels[110:130, 150:170].mean() - 20
