"""The firmware's protocol as a process of this host, under sanitizers where there is a compiler."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from fuzz_firmware import Firmware, fuzz  # noqa: E402 - a script of this repository

from hwprof.profiler.frames import encode_frame  # noqa: E402
from hwprof.profiler.protocol import BoardInfo, MessageType, words  # noqa: E402

pytestmark = pytest.mark.skipif(
    shutil.which("cc") is None or shutil.which("make") is None, reason="needs a host compiler"
)


@pytest.fixture(scope="session")
def executable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The firmware's core with the host's board API."""
    built = tmp_path_factory.mktemp("native") / "firmware"
    command = ["make", "-s", "firmware-native", f"FW_NATIVE={built}"]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return built


@pytest.fixture
def firmware(executable: Path) -> Iterator[Firmware]:
    """A process that has just been started."""
    firmware = Firmware(executable)
    yield firmware
    firmware.close()


def baud(firmware: Firmware) -> int:
    """The rate that the board says it has."""
    return BoardInfo.decode(firmware.ask(MessageType.HELLO).payload).baud


def test_a_rate_that_brings_no_frame_is_given_up(firmware: Firmware):
    """After a second of silence at the new rate the board is back at the old one."""
    before = baud(firmware)
    assert firmware.ask(MessageType.BAUD, words(230_400)).payload == words(230_400)
    time.sleep(1.3)
    assert baud(firmware) == before


def test_a_rate_that_brings_a_frame_is_kept(firmware: Firmware):
    """One frame in time is enough."""
    firmware.ask(MessageType.BAUD, words(230_400))
    assert baud(firmware) == 230_400
    time.sleep(1.3)
    assert baud(firmware) == 230_400


def test_damage_does_not_keep_a_rate(firmware: Firmware):
    """What a wrong rate makes of bytes is no frame."""
    before = baud(firmware)
    firmware.ask(MessageType.BAUD, words(230_400))
    for _ in range(13):
        firmware.write(b"\x00\x81\xfe\x33\x00")
        time.sleep(0.1)
    assert baud(firmware) == before


def test_requests_that_arrive_while_the_board_sends_are_kept(firmware: Firmware):
    """More than the board's buffer holds; it once took its own full buffer for the line's end."""
    requests = [encode_frame(MessageType.HELLO, number, b"") for number in range(200)]
    firmware.write(b"".join(requests))
    assert baud(firmware) == 115_200


def test_no_request_makes_it_read_or_write_out_of_bounds(firmware: Firmware):
    """Damaged programs, bursts and noise; ``make firmware-fuzz`` tries more."""
    fuzz(firmware, random.Random(4), enough=lambda: firmware.inputs > 5000)
