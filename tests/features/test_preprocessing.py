import numpy as np
from PIL import Image

from catalog.features.preprocessing import preprocess_input, resize_to_square
from tests.features.conftest import draw_blobs


def test_a_picture_of_any_shape_becomes_a_square():
    for shape in ((300, 40), (1, 1), (40, 300), (128, 128)):
        square = resize_to_square(Image.new("RGB", shape, (10, 20, 30)), 128)
        assert square.shape == (128, 128, 3)
        assert square.dtype == np.uint8
        assert (square == (10, 20, 30)).all()


def test_a_fine_pattern_is_averaged_and_does_not_alias():
    stripes = np.zeros((640, 640, 3), np.uint8)
    stripes[:, ::2] = 255

    square = resize_to_square(Image.fromarray(stripes), 128).astype(int)

    assert abs(square - 127).max() <= 3


def test_the_edges_of_the_picture_are_kept():
    halves = Image.new("RGB", (400, 100), "red")
    halves.paste("blue", (200, 0, 400, 100))

    square = resize_to_square(halves, 64)

    assert (square[:, 0] == (255, 0, 0)).all()
    assert (square[:, -1] == (0, 0, 255)).all()


def test_network_input_is_bgr_with_the_imagenet_means_subtracted():
    network_input = preprocess_input(np.full((1, 2, 2, 3), (200, 100, 50), np.uint8))

    assert network_input.dtype == np.float32
    np.testing.assert_allclose(network_input[0, 0, 0], [50 - 103.939, 100 - 116.779, 200 - 123.68], rtol=1e-5)


def test_resizing_does_not_change_the_picture():
    picture = draw_blobs(1)
    before = picture.tobytes()

    resize_to_square(picture, 32)

    assert picture.tobytes() == before
