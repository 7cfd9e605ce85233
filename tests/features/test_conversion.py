import hashlib
import subprocess
import sys
import threading

import numpy as np
import pytest

from catalog.exceptions import StoreUnavailable
from catalog.features.runtimes.conversion import convert
from catalog.features.weights import read


def test_the_numbers_are_those_of_the_weights_file_channels_first(tiny, tmp_path):
    _, model = convert(tiny, tmp_path / "cache")

    kernel, bias = read(tiny)["block1_conv1"]
    numbers = np.frombuffer(model.read_bytes(), "<f4")
    assert numbers[0] == 0  # the flag
    np.testing.assert_array_equal(numbers[1 : 1 + kernel.size], kernel.transpose(3, 2, 0, 1).ravel())
    np.testing.assert_array_equal(numbers[1 + kernel.size :][: bias.size], bias)
    assert numbers.size == sum(1 + k.size + b.size for k, b in read(tiny).values())


def test_files_that_are_whole_are_left_alone(tiny, tmp_path):
    before = [path.stat().st_mtime_ns for path in convert(tiny, tmp_path)]
    tiny.path.unlink()  # nor are the weights asked for

    assert [path.stat().st_mtime_ns for path in convert(tiny, tmp_path)] == before


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
    ids=["cut off", "altered", "longer", "empty", "gone"],
)
def test_damaged_files_are_made_anew(tiny, tmp_path, which, damage):
    good = [path.read_bytes() for path in convert(tiny, tmp_path / "cache")]
    damage(convert(tiny, tmp_path / "cache")[which])

    assert [path.read_bytes() for path in convert(tiny, tmp_path / "cache")] == good


def test_the_text_ends_with_the_digest_of_the_numbers(tiny, tmp_path):
    param, model = convert(tiny, tmp_path)

    assert param.read_text().splitlines()[-1] == f"sha256 {hashlib.sha256(model.read_bytes()).hexdigest()}"


def test_threads_that_convert_at_once_leave_whole_files_and_nothing_else(tiny, tmp_path):
    cache = tmp_path / "cache"
    threads = [threading.Thread(target=convert, args=(tiny, cache)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    made = {path: path.stat().st_mtime_ns for path in cache.iterdir()}
    assert set(made) == set(convert(tiny, cache))
    assert {path: path.stat().st_mtime_ns for path in cache.iterdir()} == made


def test_processes_that_convert_at_once_leave_whole_files_and_nothing_else(compact, tmp_path):
    script = (
        "import sys; from pathlib import Path; from catalog.features import weights;"
        "from catalog.features.runtimes.conversion import convert; convert(weights.compact(), Path(sys.argv[1]))"
    )
    running = [subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "cache")]) for _ in range(4)]

    assert [process.wait() for process in running] == [0] * 4
    made = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").iterdir()}
    assert set(made) == set(convert(compact, tmp_path / "cache"))
    assert all(path.stat().st_mtime_ns == time for path, time in made.items())


def test_a_folder_that_cannot_be_written_is_named(tiny, tmp_path):
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(StoreUnavailable, match="file"):
        convert(tiny, tmp_path / "file")
