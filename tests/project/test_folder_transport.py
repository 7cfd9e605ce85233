"""Tests of Celery's broker in a folder, with messages written and read at the same time."""

import subprocess
import sys
from pathlib import Path
from queue import Empty

import pytest
from kombu import Connection

from tests.processes import CHECKOUT

SEND = """
import sys
from tests.project.test_folder_transport import open_broker
with open_broker(sys.argv[1]) as connection:
    queue = connection.SimpleQueue("pictures")
    for number in range(int(sys.argv[2])):
        queue.put({"number": number})
"""


def open_broker(folder: str) -> Connection:
    return Connection(
        "filesystem://",
        transport="imagesearch.folder_transport:Transport",
        transport_options={
            "data_folder_in": folder,
            "data_folder_out": folder,
            "control_folder": f"{folder}/control",
            "polling_interval": 0.01,
        },
    )


class ReadingWhileWritten:
    """A part of a message that reads the queue while the message is encoded."""

    def __init__(self, channel) -> None:
        self.channel = channel
        self.found_queue_empty = False

    def __json__(self) -> str:
        with pytest.raises(Empty):
            self.channel._get("pictures")
        self.found_queue_empty = True
        return "done"


def test_a_message_is_not_read_before_it_is_whole(tmp_path):
    with open_broker(str(tmp_path)) as connection:
        channel = connection.default_channel
        part = ReadingWhileWritten(channel)
        channel._put("pictures", {"part": part})

        assert part.found_queue_empty
        assert channel._get("pictures") == {"part": "done"}


def test_messages_of_two_senders_arrive_once_each(tmp_path):
    count = 100
    senders = [
        subprocess.Popen([sys.executable, "-c", SEND, str(tmp_path), str(count)], cwd=CHECKOUT) for _ in range(2)
    ]
    numbers = []
    with open_broker(str(tmp_path)) as connection:
        queue = connection.SimpleQueue("pictures")
        for _ in range(2 * count):
            message = queue.get(timeout=20)
            numbers.append(message.payload["number"])
            message.ack()

    assert [sender.wait(10) for sender in senders] == [0, 0]
    assert sorted(numbers) == sorted([*range(count)] * 2)
    assert not [path for path in Path(tmp_path).iterdir() if path.is_file()]
