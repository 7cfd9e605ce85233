import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest

from catalog.features.runtimes import open_runtime
from catalog.features.runtimes.conversion import convert_to_ncnn
from tests.features.conftest import network_batch


@pytest.fixture(params=[False, True], ids=["one picture at a time", "parallel pictures"])
def runtime(request, compact_weights, models_dir):
    return open_runtime(
        "ncnn",
        compact_weights,
        layer="block5_conv3",
        cache_dir=models_dir,
        threads=2,
        parallel_pictures=request.param,
    )


def test_each_picture_has_feature_maps(runtime):
    maps = runtime.feature_maps(network_batch(3, 128))

    assert maps.shape == (3, 8, 8, 128)
    assert maps.dtype == np.float32
    assert np.isfinite(maps).all()
    assert maps.min() == 0
    assert maps.max() > 0


def test_no_pictures_give_no_maps(runtime):
    assert runtime.feature_maps(np.empty((0, 128, 128, 3), np.uint8)).shape == (0, 8, 8, 128)


def test_maps_do_not_depend_on_batch(runtime):
    pictures = network_batch(5, 128)

    together = runtime.feature_maps(pictures)

    for index in range(5):
        np.testing.assert_array_equal(runtime.feature_maps(pictures[index : index + 1])[0], together[index])


def test_concurrent_threads_get_the_same_maps(runtime):
    pictures = network_batch(8, 128)
    expected = [runtime.feature_maps(pictures[index : index + 1]) for index in range(8)]

    with ThreadPoolExecutor(4) as threads:
        for _ in range(5):
            at_once = threads.map(runtime.feature_maps, [pictures[index : index + 1] for index in range(8)])
            for found, alone in zip(at_once, expected, strict=True):
                np.testing.assert_array_equal(found, alone)


def test_a_network_accepts_pictures_of_any_size(runtime):
    assert [runtime.feature_maps(network_batch(1, size)).shape for size in (192, 16, 100, 80)] == [
        (1, 12, 12, 128),
        (1, 1, 1, 128),
        (1, 6, 6, 128),
        (1, 5, 5, 128),
    ]


def test_maps_are_not_changed_by_later_passes_that_reuse_memory(runtime):
    first = runtime.feature_maps(network_batch(3, 128))
    before = first.copy()

    for size in (128, 192, 80, 128):
        runtime.feature_maps(255 - network_batch(5, size))

    np.testing.assert_array_equal(first, before)


def test_alternating_sizes_in_the_same_memory_do_not_change_maps(runtime):
    sizes = (80, 128, 192)
    alone = {size: runtime.feature_maps(network_batch(4, size)) for size in sizes}

    for size in sizes * 3:
        np.testing.assert_array_equal(runtime.feature_maps(network_batch(4, size)), alone[size])


@pytest.mark.slow
def test_more_threads_than_memory_pools_get_the_right_maps(runtime):
    queries = [(size, seed) for seed in range(4) for size in (80, 128, 192)] * 3
    pictures = {one: network_batch(one[1] + 1, one[0])[-1:] for one in queries}
    alone = {one: runtime.feature_maps(picture) for one, picture in pictures.items()}
    assert len({maps.tobytes() for maps in alone.values()}) == 12
    together = Barrier(12)

    def maps(one):
        together.wait()
        return runtime.feature_maps(pictures[one])

    with ThreadPoolExecutor(12) as threads:
        for one, found in zip(queries, threads.map(maps, queries), strict=True):
            np.testing.assert_array_equal(found, alone[one])


def test_a_damaged_conversion_is_replaced(compact_weights, tmp_path):
    def maps():
        runtime = open_runtime("ncnn", compact_weights, layer="block5_pool", cache_dir=tmp_path, threads=1)
        return runtime.feature_maps(network_batch(1, 64))

    before = maps()
    _, model = convert_to_ncnn(compact_weights, tmp_path)
    content = bytearray(model.read_bytes())
    content[1000:200000] = bytes(199000)
    model.write_bytes(content)

    np.testing.assert_array_equal(maps(), before)


@pytest.mark.parametrize("layer", ["block6_conv1", "predictions"])
def test_an_unknown_layer_is_rejected_when_the_network_is_opened(compact_weights, models_dir, layer):
    with pytest.raises(ValueError, match=layer):
        open_runtime("ncnn", compact_weights, layer=layer, cache_dir=models_dir, threads=1)


def test_an_unknown_runtime_is_rejected_with_the_available_ones(compact_weights, models_dir):
    with pytest.raises(ValueError, match=r"openvino.*auto, ncnn, keras"):
        open_runtime("openvino", compact_weights, layer="block5_pool", cache_dir=models_dir, threads=1)


SCRIPT = """
import sys
import numpy as np
from pathlib import Path
from catalog.features import extractors, weights
chosen = weights.compact_weights()
space = extractors.space_for_weights(chosen)
options = {"runtime": sys.argv[2], "cache_dir": Path(sys.argv[1]), "threads": 1}
extractor = extractors.Extractor.from_weights(chosen, space, **options)
extractor.extract([tuple(np.zeros((size, size, 3), np.uint8) for size in space.input_sizes)])
assert not [name for name in sys.modules if name.split(".")[0] in ("tensorflow", "keras", "django")], "imported"
"""


@pytest.mark.parametrize("runtime", ["ncnn", "auto"])
def test_extraction_without_a_gpu_prints_nothing_and_imports_neither_tensorflow_nor_django(models_dir, runtime):
    if runtime == "auto" and any(Path("/dev").glob("nvidia[0-9]*")):
        pytest.skip("auto may use the GPU of this machine")
    completed = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(models_dir), runtime], capture_output=True, text=True, check=False
    )

    assert (completed.returncode, completed.stdout, completed.stderr) == (0, "", "")


def test_all_other_modules_can_be_imported_without_tensorflow():
    script = (
        "import sys; from catalog.features import attribution, extractors, feature_space, networks, pooling,"
        "preprocessing, weights, weights_download; from catalog.features.runtimes import conversion, ncnn_runtime;"
        "sys.exit(any(name.split('.')[0] in ('tensorflow', 'keras') for name in sys.modules))"
    )

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
