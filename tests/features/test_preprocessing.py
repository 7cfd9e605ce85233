import numpy as np
from PIL import Image

from catalog.features.preprocessing import network_input, prepare
from tests.features.conftest import blobs


def test_a_picture_of_any_shape_becomes_a_square_of_bytes():
    for shape in ((300, 40), (1, 1), (40, 300), (128, 128)):
        square = prepare(Image.new("RGB", shape, (10, 20, 30)), 128)
        assert square.shape == (128, 128, 3)
        assert square.dtype == np.uint8
        assert (square == (10, 20, 30)).all()


def test_a_fine_pattern_becomes_its_mean_and_not_a_coarse_pattern():
    stripes = np.zeros((640, 640, 3), np.uint8)
    stripes[:, ::2] = 255

    square = prepare(Image.fromarray(stripes), 128).astype(int)

    assert abs(square - 127).max() <= 3


def test_the_whole_picture_is_kept_up_to_its_edges():
    halves = Image.new("RGB", (400, 100), "red")
    halves.paste("blue", (200, 0, 400, 100))

    square = prepare(halves, 64)

    assert (square[:, 0] == (255, 0, 0)).all()
    assert (square[:, -1] == (0, 0, 255)).all()


def test_the_network_gets_blue_first_and_the_means_of_imagenet_subtracted():
    fed = network_input(np.full((1, 2, 2, 3), (200, 100, 50), np.uint8))

    assert fed.dtype == np.float32
    np.testing.assert_allclose(fed[0, 0, 0], [50 - 103.939, 100 - 116.779, 200 - 123.68], rtol=1e-5)


def test_preparing_leaves_the_picture_as_it_was():
    picture = blobs(1)
    before = picture.tobytes()

    prepare(picture, 32)

    assert picture.tobytes() == before
