"""Decoder processes: what they return, what they withstand, and that they end."""

import math
import os
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from multiprocessing import Pipe
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from catalog.exceptions import CatalogueBusy, CropRejected, Overloaded, PictureRejected
from catalog.features.preprocessing import resize_to_input
from catalog.imaging.crops import Box, crop
from catalog.imaging.decoders import DecoderPool, Renderer, Rendering, Request, messages
from catalog.imaging.decoding import decode
from catalog.imaging.limits import PictureLimits
from catalog.imaging.thumbnails import encode_jpeg_thumbnail, encode_webp_thumbnail
from tests.imaging.bad_pictures import REJECTED_FILES
from tests.imaging.decoders import renderers
from tests.imaging.sample_pictures import FORMATS, coloured_corners, encode, encode_with_orientation

PICTURE = encode(coloured_corners(1300, 1100), "JPEG")
ONE_SECOND = PictureLimits(max_seconds=1)


@pytest.fixture(scope="module")
def pool() -> Iterator[DecoderPool]:
    pool = DecoderPool(1)
    yield pool
    pool.close()


def render(pool: DecoderPool, *functions: Renderer, data: bytes = PICTURE, **options: object) -> Rendering:
    limits = options.pop("limits", PictureLimits())
    return pool.render(data, Request(limits, functions, **options))


def rejection(pool: DecoderPool, *functions: Renderer, **options: object) -> PictureRejected:
    with pytest.raises(PictureRejected) as excinfo:
        render(pool, *functions, **options)
    assert "{" not in str(excinfo.value)
    return excinfo.value


def pid_of(pool: DecoderPool) -> int:
    return int(render(pool, renderers.pid).files[0])


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("min_decoded_side", [None, 100])
def test_the_results_are_those_of_decoding_in_this_process(pool, format, min_decoded_side):
    data = encode(coloured_corners(650, 550), format)
    resize = partial(resize_to_input, side=64, aspect="kept")
    rendering = render(pool, encode_jpeg_thumbnail, resize, np.asarray, data=data, min_decoded_side=min_decoded_side)
    picture = decode(data, PictureLimits(), min_decoded_side=min_decoded_side)
    assert rendering.files == (encode_jpeg_thumbnail(picture.rgb),)
    assert [array.tobytes() for array in rendering.arrays] == [resize(picture.rgb).tobytes(), picture.rgb.tobytes()]
    assert rendering.arrays[1].shape == (picture.rgb.height, picture.rgb.width, 3)
    assert rendering.decoded_size == picture.rgb.size
    for name in ("format", "extension", "width", "height"):
        assert getattr(rendering, name) == getattr(picture, name)


def test_an_area_of_an_upright_picture_is_rendered(pool):
    data = encode_with_orientation("JPEG", 6)
    box = Box(4, 50, 20, 30)
    (array,) = render(pool, np.asarray, data=data, box=box).arrays
    assert array.tobytes() == crop(decode(data, PictureLimits()), box).tobytes()


def test_an_area_outside_the_picture_is_rejected_with_a_message(pool):
    with pytest.raises(CropRejected, match="which is 1300 × 1100 pixels"):
        render(pool, np.asarray, box=Box(0, 0, 1301, 4))


@pytest.mark.parametrize("name", REJECTED_FILES)
def test_rejections_are_those_of_decoding_in_this_process(pool, name):
    data = REJECTED_FILES[name][1]
    with pytest.raises(PictureRejected) as expected:
        decode(data, PictureLimits())
    error = rejection(pool, data=data)
    assert (error.code, str(error)) == (expected.value.code, str(expected.value))


def test_one_process_serves_many_pictures(pool):
    assert len({pid_of(pool) for _ in range(5)}) == 1


@pytest.mark.parametrize("end", [renderers.crash, renderers.exit_at_once])
def test_a_process_that_crashes_is_replaced_and_the_picture_rejected(pool, end):
    before = pid_of(pool)
    assert rejection(pool, end).code == "decoder_crashed"
    assert pid_of(pool) != before
    assert not is_running(before)


def test_a_process_that_works_too_long_is_ended(pool):
    error = rejection(pool, renderers.spin, limits=ONE_SECOND)
    assert error.code == "too_slow"
    assert "longer than 1 seconds" in str(error)
    assert render(pool).width == 1300


def test_a_process_that_waits_too_long_is_ended(pool):
    assert rejection(pool, renderers.stall, limits=ONE_SECOND).code == "too_slow"
    assert render(pool).width == 1300


def test_time_of_earlier_pictures_does_not_count(pool):
    for _ in range(30):
        render(pool, partial(encode_webp_thumbnail, max_side=1300), limits=ONE_SECOND)


def test_memory_is_limited(pool):
    limits = PictureLimits(max_memory=200 * 1024**2)
    assert render(pool, partial(renderers.allocate, size=150 * 1024**2), limits=limits).files == (b"157286400",)
    assert rejection(pool, partial(renderers.allocate, size=600 * 1024**2), limits=limits).code == "too_much_memory"
    assert render(pool).width == 1300


def test_a_process_that_was_killed_from_outside_is_replaced_and_the_picture_decoded(pool, tmp_path):
    marker = tmp_path / "first time"
    marker.mkdir()
    assert render(pool, partial(renderers.kill_once, path=marker)).files == (b"second time",)
    os.kill(pid_of(pool), signal.SIGKILL)
    assert render(pool).width == 1300


def test_a_process_writes_no_file(pool, tmp_path):
    rejection(pool, partial(renderers.write_file, path=tmp_path / "file"))
    assert not (tmp_path / "file").exists() or not (tmp_path / "file").read_bytes()


def test_a_process_has_no_secrets_and_no_libraries_for_the_network(pool, monkeypatch):
    monkeypatch.setenv("IMAGESEARCH_SECRET_KEY", "hush")
    (file,) = render(pool, renderers.surroundings).files
    assert b"hush" not in file
    for module in (b'"django"', b'"celery"', b'"requests"', b'"ssl"', b'"h5py"', b'"openvino"'):
        assert module not in file


def test_more_pictures_than_processes_wait_for_their_turn():
    pool = DecoderPool(2)
    with ThreadPoolExecutor(8) as threads:
        pids = {int(file) for file in threads.map(lambda _: render(pool, renderers.pid).files[0], range(40))}
    assert len(pids) <= 2
    pool.close()
    assert not any(map(is_running, pids))


def test_a_picture_that_waits_too_long_for_a_process_is_refused(pool):
    with ThreadPoolExecutor(1) as threads:
        busy = threads.submit(rejection, pool, renderers.stall, limits=ONE_SECOND)
        wait_until(lambda: pool._idle.qsize() == 0)
        with pytest.raises(Overloaded, match="busy"):
            pool.render(PICTURE, Request(PictureLimits(), []), wait_seconds=0.05)
        busy.result()
    assert render(pool).width == 1300


def test_threads_that_share_processes_get_their_own_pictures():
    pool = DecoderPool(3)
    colours = [(number, 255 - number, number // 2) for number in range(60)]

    def colour_of(colour: tuple[int, int, int]) -> tuple[int, ...]:
        data = encode(Image.new("RGB", (40, 40), colour), "PNG")
        return tuple(render(pool, np.asarray, data=data).arrays[0][0, 0])

    with ThreadPoolExecutor(12) as threads:
        assert list(threads.map(colour_of, colours)) == colours
    pool.close()


LARGE_PICTURE = encode(Image.new("RGB", (6000, 6000)), "PNG", compress_level=1)


def test_large_pictures_are_decoded_one_at_a_time_and_others_meanwhile():
    lock, held = threading.Lock(), []

    @contextmanager
    def memory_lock(wait_seconds: float) -> Iterator[None]:
        with lock:
            held.append(wait_seconds)
            yield

    pool = DecoderPool(3, memory_lock)
    with ThreadPoolExecutor(2) as threads:
        with lock:  # another process decodes a large picture
            waiting = [threads.submit(render, pool, data=LARGE_PICTURE) for _ in range(2)]
            wait_until(lambda: pool._idle.qsize() == 1)
            assert render(pool).width == 1300
            assert not held
        assert [each.result().width for each in waiting] == [6000, 6000]
    assert held == [math.inf] * 2
    pool.close()


def test_a_large_picture_that_waits_too_long_for_others_is_refused_and_the_next_decoded():
    def busy(wait_seconds: float) -> None:
        raise CatalogueBusy("Another process decodes a large picture.")

    pool = DecoderPool(1, busy)
    with pytest.raises(Overloaded, match="busy"):
        pool.render(LARGE_PICTURE, Request(PictureLimits(), []), wait_seconds=0.05)
    assert render(pool).width == 1300
    pool.close()


def test_the_reason_is_given_although_the_decoder_cannot_allocate_what_a_webp_asks_for(pool):
    """libwebp allocates two canvases when it opens a file."""
    body = b"VP8X" + struct.pack("<IB3x", 10, 0) + (9_999).to_bytes(3, "little") * 2
    data = b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body + encode(coloured_corners(), "WEBP")[12:]
    assert rejection(pool, data=data, limits=PictureLimits(max_pixels=40_000_000)).code == "too_many_pixels"
    assert rejection(pool, data=data, limits=PictureLimits(max_memory=500_000_000)).code == "too_much_memory"


def receive(files: Sequence[bytes], arrays: Sequence[np.ndarray]) -> Rendering:
    """The reply of a decoder that was asked for two outputs in 1,000 bytes."""
    program, decoder = Pipe()
    with program, decoder:
        messages.send_rendering(decoder, Rendering("JPEG", "jpg", 8, 8, (8, 8), tuple(files), tuple(arrays)))
        decoder.close()
        request = Request(PictureLimits(max_memory=1000), [encode_jpeg_thumbnail, np.asarray])
        return messages.receive_rendering(program, request, nullcontext)


PIXELS = np.zeros((10, 10, 3), np.uint8)


def test_a_decoder_sends_one_output_for_each_renderer_within_the_memory_of_decoding():
    rendering = receive([bytes(700)], [PIXELS])
    assert (rendering.files, rendering.arrays[0].shape) == ((bytes(700),), PIXELS.shape)


@pytest.mark.parametrize(
    ("files", "arrays"),
    [([b"1"], []), ([b"1", b"2", b"3"], []), ([], [PIXELS] * 3), ([bytes(701)], [PIXELS]), ([bytes(1001), b"2"], [])],
    ids=["too few", "too many files", "too many arrays", "too much together", "too much in one"],
)
def test_other_outputs_of_a_decoder_are_refused(files, arrays):
    with pytest.raises((ValueError, OSError)):
        receive(files, arrays)


def test_an_interrupted_request_does_not_answer_the_next_one(pool, monkeypatch):
    def interrupt(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(messages, "receive_rendering", interrupt)
        with pytest.raises(KeyboardInterrupt):
            render(pool, data=encode(coloured_corners(700, 500), "PNG"))
    assert render(pool).width == 1300


PROGRAM = """
import sys, threading, time
from catalog.imaging.decoders import DecoderPool, Request
from catalog.imaging.limits import PictureLimits
from tests.imaging.decoders import renderers
from tests.imaging.decoders.test_pool import PICTURE, pid_of
pool = DecoderPool(1)
print(pid_of(pool), flush=True)
if sys.argv[1] == "busy":
    request = Request(PictureLimits(max_seconds=1), [renderers.stall])
    threading.Thread(target=pool.render, args=(PICTURE, request)).start()
sys.stdin.read()
"""


@pytest.mark.slow
@pytest.mark.parametrize("state", ["idle", "busy"])
def test_processes_end_when_the_program_is_killed(state):
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, state], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    pid = int(program.stdout.readline())
    if state == "busy":
        time.sleep(0.5)
    program.kill()
    program.communicate()
    wait_until(lambda: not is_running(pid))


LIMITED_PROGRAM = """
import resource, sys
from catalog.imaging.decoders import DecoderPool, Request
from catalog.imaging.limits import PictureLimits

for kind, limit in ((resource.RLIMIT_AS, 1 << 35), (resource.RLIMIT_CPU, 3600)):
    resource.setrlimit(kind, (limit, limit))
pool = DecoderPool(1)
print(pool.render(sys.stdin.buffer.read(), Request(PictureLimits(), [])).format)
"""


def test_a_program_with_limits_of_its_own_decodes():
    """Without the privilege of root, nobody may raise them."""
    program = subprocess.run([sys.executable, "-c", LIMITED_PROGRAM], input=PICTURE, capture_output=True, check=True)
    assert program.stdout == b"JPEG\n"


def test_signals_of_the_terminal_do_not_end_a_process(pool):
    pid = pid_of(pool)
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(pid, number)
    assert pid_of(pool) == pid


def test_a_thread_that_started_a_process_may_end(pool):
    pids: list[int] = []
    thread = threading.Thread(target=lambda: pids.append(pid_of(pool)))
    thread.start()
    thread.join()
    assert pid_of(pool) == pids[0]
