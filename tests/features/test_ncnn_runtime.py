import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest

from catalog.features.runtimes import open_runtime
from catalog.features.runtimes.conversion import convert
from tests.features.conftest import batch


@pytest.fixture(params=[False, True], ids=["together", "side by side"])
def runtime(request, compact, models_dir):
    return open_runtime(
        "ncnn",
        compact,
        layer="block5_conv3",
        cache=models_dir,
        threads=2,
        side_by_side=request.param,
    )


def test_maps_come_one_for_each_picture_and_are_alive(runtime):
    maps = runtime.maps(batch(3, 128))

    assert maps.shape == (3, 8, 8, 128)
    assert maps.dtype == np.float32
    assert np.isfinite(maps).all()
    assert maps.min() == 0
    assert maps.max() > 0


def test_no_pictures_give_no_maps(runtime):
    assert runtime.maps(np.empty((0, 128, 128, 3), np.uint8)).shape == (0, 8, 8, 128)


def test_a_picture_gives_the_same_maps_in_any_company(runtime):
    pictures = batch(5, 128)

    together = runtime.maps(pictures)

    for index in range(5):
        np.testing.assert_array_equal(runtime.maps(pictures[index : index + 1])[0], together[index])


def test_threads_that_compute_at_once_get_the_maps_they_would_get_alone(runtime):
    pictures = batch(8, 128)
    alone = [runtime.maps(pictures[index : index + 1]) for index in range(8)]

    with ThreadPoolExecutor(4) as threads:
        for _ in range(5):
            at_once = threads.map(runtime.maps, [pictures[index : index + 1] for index in range(8)])
            for expected, found in zip(alone, at_once, strict=True):
                np.testing.assert_array_equal(found, expected)


def test_one_network_takes_pictures_of_any_size(runtime):
    assert [runtime.maps(batch(1, size)).shape for size in (192, 16, 100, 80)] == [
        (1, 12, 12, 128),
        (1, 1, 1, 128),
        (1, 6, 6, 128),
        (1, 5, 5, 128),
    ]


def test_maps_stay_as_they_are_when_the_next_passes_take_over_their_memory(runtime):
    first = runtime.maps(batch(3, 128))
    before = first.copy()

    for size in (128, 192, 80, 128):
        runtime.maps(255 - batch(5, size))

    np.testing.assert_array_equal(first, before)


def test_sizes_that_take_turns_in_the_same_memory_do_not_disturb_each_other(runtime):
    sizes = (80, 128, 192)
    alone = {size: runtime.maps(batch(4, size)) for size in sizes}

    for size in sizes * 3:
        np.testing.assert_array_equal(runtime.maps(batch(4, size)), alone[size])


def test_more_threads_than_there_is_memory_for_get_their_own_maps_of_every_size(runtime):
    asked = [(size, seed) for seed in range(4) for size in (80, 128, 192)] * 3
    pictures = {one: batch(one[1] + 1, one[0])[-1:] for one in asked}
    alone = {one: runtime.maps(picture) for one, picture in pictures.items()}
    assert len({maps.tobytes() for maps in alone.values()}) == 12
    together = Barrier(12)

    def maps(one):
        together.wait()
        return runtime.maps(pictures[one])

    with ThreadPoolExecutor(12) as threads:
        for one, found in zip(asked, threads.map(maps, asked), strict=True):
            np.testing.assert_array_equal(found, alone[one])


def test_a_network_with_a_damaged_conversion_gives_the_same_maps(compact, tmp_path):
    def maps():
        runtime = open_runtime("ncnn", compact, layer="block5_pool", cache=tmp_path, threads=1)
        return runtime.maps(batch(1, 64))

    before = maps()
    _, model = convert(compact, tmp_path)
    content = bytearray(model.read_bytes())
    content[1000:200000] = bytes(199000)
    model.write_bytes(content)

    np.testing.assert_array_equal(maps(), before)


@pytest.mark.parametrize("layer", ["block6_conv1", "predictions"])
def test_a_layer_that_is_not_there_is_refused_when_the_network_is_opened(compact, models_dir, layer):
    with pytest.raises(ValueError, match=layer):
        open_runtime("ncnn", compact, layer=layer, cache=models_dir, threads=1)


def test_an_unknown_runtime_is_refused_with_those_there_are(compact, models_dir):
    with pytest.raises(ValueError, match=r"openvino.*auto, ncnn, keras"):
        open_runtime("openvino", compact, layer="block5_pool", cache=models_dir, threads=1)


SCRIPT = """
import sys
import numpy as np
from pathlib import Path
from catalog.features import extractors, weights
chosen = weights.compact()
space = extractors.space_of(chosen)
extractor = extractors.Extractor.of(chosen, space, runtime=sys.argv[2], cache=Path(sys.argv[1]), threads=1)
extractor.describe([tuple(np.zeros((size, size, 3), np.uint8) for size in space.input_sizes)])
assert not [name for name in sys.modules if name.split(".")[0] in ("tensorflow", "keras", "django")], "imported"
"""


@pytest.mark.parametrize("runtime", ["ncnn", "auto"])
def test_describing_without_a_gpu_prints_nothing_and_imports_neither_tensorflow_nor_django(models_dir, runtime):
    if runtime == "auto" and any(Path("/dev").glob("nvidia[0-9]*")):
        pytest.skip("auto may take the GPU of this machine")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(models_dir), runtime], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_other_module_can_be_imported_without_tensorflow():
    script = (
        "import sys; from catalog.features import architectures, download, extractors, pooling, preprocessing,"
        "spaces, weights; from catalog.features.runtimes import conversion, ncnn_runtime;"
        "sys.exit(any(name.split('.')[0] in ('tensorflow', 'keras') for name in sys.modules))"
    )

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
