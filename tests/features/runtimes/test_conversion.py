import hashlib
import subprocess
import sys
import threading

import numpy as np
import pytest

from catalog.exceptions import StoreUnavailable
from catalog.features.runtimes.conversion import convert_to_ncnn
from catalog.features.weights import read_layers


def test_the_bin_file_has_the_weights_with_channels_first(tiny_weights, tmp_path):
    _, model = convert_to_ncnn(tiny_weights, tmp_path / "cache")

    kernel, bias = read_layers(tiny_weights)["block1_conv1"]
    numbers = np.frombuffer(model.read_bytes(), "<f4")
    assert numbers[0] == 0  # the flag
    np.testing.assert_array_equal(numbers[1 : 1 + kernel.size], kernel.transpose(3, 2, 0, 1).ravel())
    np.testing.assert_array_equal(numbers[1 + kernel.size :][: bias.size], bias)
    assert numbers.size == sum(1 + k.size + b.size for k, b in read_layers(tiny_weights).values())


def test_intact_files_are_not_written_again(tiny_weights, tmp_path):
    before = [path.stat().st_mtime_ns for path in convert_to_ncnn(tiny_weights, tmp_path)]
    tiny_weights.path.unlink()  # the weights file is not read either

    assert [path.stat().st_mtime_ns for path in convert_to_ncnn(tiny_weights, tmp_path)] == before


@pytest.mark.parametrize("which", [0, 1], ids=["param", "bin"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(path.read_bytes()[:-4]),
        lambda path: path.write_bytes(b"\xff" + path.read_bytes()[1:]),
        lambda path: path.write_bytes(path.read_bytes() + b"more"),
        lambda path: path.write_bytes(b""),
        lambda path: path.unlink(),
    ],
    ids=["truncated", "altered", "longer", "empty", "missing"],
)
def test_damaged_files_are_written_again(tiny_weights, tmp_path, which, damage):
    good = [path.read_bytes() for path in convert_to_ncnn(tiny_weights, tmp_path / "cache")]
    damage(convert_to_ncnn(tiny_weights, tmp_path / "cache")[which])

    assert [path.read_bytes() for path in convert_to_ncnn(tiny_weights, tmp_path / "cache")] == good


def test_the_param_file_ends_with_the_digest_of_the_bin_file(tiny_weights, tmp_path):
    param, model = convert_to_ncnn(tiny_weights, tmp_path)

    assert param.read_text().splitlines()[-1] == f"sha256 {hashlib.sha256(model.read_bytes()).hexdigest()}"


def test_concurrent_threads_leave_intact_files_and_nothing_else(tiny_weights, tmp_path):
    cache = tmp_path / "cache"
    threads = [threading.Thread(target=convert_to_ncnn, args=(tiny_weights, cache)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    times = {path: path.stat().st_mtime_ns for path in cache.iterdir()}
    assert set(times) == set(convert_to_ncnn(tiny_weights, cache))
    assert {path: path.stat().st_mtime_ns for path in cache.iterdir()} == times


@pytest.mark.slow
def test_concurrent_processes_leave_intact_files_and_nothing_else(compact_weights, tmp_path):
    script = (
        "import sys; from pathlib import Path; from catalog.features import weights;"
        "from catalog.features.runtimes.conversion import convert_to_ncnn;"
        "convert_to_ncnn(weights.compact_weights(), Path(sys.argv[1]))"
    )
    running = [subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "cache")]) for _ in range(4)]

    assert [process.wait() for process in running] == [0] * 4
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").iterdir()}
    assert set(times) == set(convert_to_ncnn(compact_weights, tmp_path / "cache"))
    assert all(path.stat().st_mtime_ns == time for path, time in times.items())


def test_a_folder_that_cannot_be_written_to_is_named(tiny_weights, tmp_path):
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(StoreUnavailable, match="file"):
        convert_to_ncnn(tiny_weights, tmp_path / "file")
