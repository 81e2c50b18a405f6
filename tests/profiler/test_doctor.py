"""``hwprof doctor`` finds what is wrong with a line or a board, and stops there."""

from __future__ import annotations

import json
import os
import random
import re
import struct
import tempfile
import termios
import zlib
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from hwprof.cli import main
from hwprof.firmware_stub.virtual.board_files import BOARDS
from hwprof.profiler.doctor import Visit, examine
from hwprof.profiler.doctor._examine import STEPS
from hwprof.profiler.doctor._line import listen
from hwprof.profiler.doctor._visit import Times
from hwprof.profiler.frames import FrameReader, cobs_encode
from hwprof.profiler.links import VirtualLink
from hwprof.profiler.protocol import RESPONSE, MessageType
from hwprof.testing.links import ask
from hwprof.testing.served import served_answers, served_board, served_socket

NOBODY = 65534
HASTE = Times(answer_s=0.4, other_rate_s=0.1)
PATIENT = Times(answer_s=0.2, other_rate_s=2)


def last(checkup):
    """The finding that ended an examination, which all before it passed."""
    assert all(finding.ok for finding in checkup.findings[:-1])
    return checkup.findings[-1]


def failed(checkup, step):
    """The sentence and way out of the step that failed."""
    finding = last(checkup)
    assert (finding.step, finding.ok) == (step, False), str(finding)
    assert finding.way_out
    return str(finding)


def frame(version, message_type, sequence, payload=b""):
    """A frame of any version."""
    body = struct.pack("<BBH", version, message_type, sequence) + payload
    return b"\0" + cobs_encode(body + struct.pack("<I", zlib.crc32(body))) + b"\0"


class Disguised:
    """A virtual board whose HELLO is rewritten on its way."""

    def __init__(self, rewrite, board="rt1170") -> None:
        self.link = VirtualLink(board)
        self.cycles = 0  # at the last answer: the board runs in another thread
        self._rewrite = rewrite

    def answer(self, data, _handle):
        """What comes back, HELLO rewritten."""
        self.link.write(data)
        reader, reply = FrameReader(), b""
        while piece := self.link.read(1 << 16, 30):
            reply += piece
        self.cycles = self.link.board.cycles
        return b"".join(self._frame(heard) for heard in reader.feed(reply))

    def _frame(self, heard):
        is_hello = heard.message_type == MessageType.HELLO | RESPONSE
        payload = self._rewrite(heard.payload) if is_hello else heard.payload
        return frame(heard.version, heard.message_type, heard.sequence, payload)


@contextmanager
def disguised(rewrite):
    """Target of a served board whose HELLO is rewritten, and the board."""
    board = Disguised(rewrite)
    with served_answers(board.answer) as path:
        yield f"serial:{path}", board


def own_board(folder, pattern, replacement):
    """An RT1170 of one's own with one passage of its file changed."""
    text = (BOARDS / "rt1170.toml").read_text(encoding="utf-8")
    text = re.sub(r"\n\[fidelity\].*", "", text, flags=re.DOTALL)
    text = text.replace('name = "rt1170"', 'name = "own"', 1)
    changed, count = re.subn(pattern, replacement, text, count=1, flags=re.DOTALL)
    assert count == 1
    path = folder / "own.toml"
    path.write_text(changed, encoding="utf-8")
    return str(path)


@contextmanager
def as_nobody():
    """Root opens every file; so it is somebody else for a while."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)


class TestWell:
    """Boards with nothing wrong."""

    def test_every_step_of_a_virtual_board_is_well(self):
        """The board in this process passes them all, in their order."""
        checkup = examine(Visit("virtual:rt1170"))

        assert checkup.ok, str(checkup.findings[-1])
        assert [finding.step for finding in checkup.findings] == [step.name for step in STEPS]

    def test_every_step_of_a_served_board_is_well(self):
        """So does the same board behind a serial port, compared with the one that it names."""
        with served_board() as path:
            checkup = examine(Visit(f"serial:{path}"))

        assert checkup.ok, str(checkup.findings[-1])
        assert "itself a virtual board (exact-" in str(checkup.findings[4])

    def test_a_board_behind_a_socket_is_well(self):
        """Lines without a port on this machine are asked no permission."""
        with served_socket(Disguised(lambda hello: hello).answer) as target:
            checkup = examine(Visit(target))

        assert checkup.ok, str(checkup.findings[-1])
        assert "no file of this machine" in str(checkup.findings[1])

    def test_silicon_is_held_against_the_hosts_clock(self):
        """A board that is no virtual one counts as fast as it says."""
        with disguised(lambda hello: hello.replace(b"485750524f46", b"abcdef012345")) as (
            target,
            b,
        ):
            times = Times(counted_s=0.02, now=lambda: b.cycles / 996e6)
            checkup = examine(Visit(target, times=times))

        assert checkup.ok, str(checkup.findings[-1])
        assert "MHz by this machine's clock" in str(checkup.findings[6])
        assert "within 25 %" in str(checkup.findings[-1])


class TestLine:
    """What can be wrong before a board answers."""

    def test_a_port_that_does_not_exist(self, tmp_path):
        """The way out is to plug it in."""
        assert "does not exist; connect" in failed(
            examine(Visit(f"serial:{tmp_path}/ttyACM9")), "port"
        )

    def test_a_port_without_permission(self):
        """The way out is the port's group."""
        with tempfile.NamedTemporaryFile() as port:
            Path(port.name).chmod(0)
            with as_nobody():
                checkup = examine(Visit(f"serial:{port.name}"))

        assert "Permission denied); join the group" in failed(checkup, "permission")

    def test_a_file_that_is_no_port(self, tmp_path):
        """A file that may be opened and is no terminal is told apart."""
        port = tmp_path / "port"
        port.touch()

        assert "is no serial port" in failed(examine(Visit(f"serial:{port}")), "permission")

    def test_a_folder_that_is_no_port(self, tmp_path):
        """What cannot be opened at all says why."""
        assert "cannot be opened" in failed(examine(Visit(f"serial:{tmp_path}")), "permission")

    def test_a_target_that_nobody_knows(self):
        """A misspelt target is told the nearest."""
        assert "did you mean" in failed(examine(Visit("virtual:rt1710")), "port")

    def test_nobody_listens_on_a_network_port(self):
        """A pyserial URL is opened in the first step."""
        for target in ("socket://127.0.0.1:1", "serial:socket://127.0.0.1:1"):
            assert "cannot be opened" in failed(examine(Visit(target)), "port")

    def test_a_silent_port(self):
        """Nothing comes back at any rate."""
        with served_answers(lambda _data, _handle: b"") as path:
            sentence = failed(examine(Visit(f"serial:{path}", times=HASTE)), "baud")

        assert "is silent; check that the board has power" in sentence

    def test_a_port_that_answers_garbage(self):
        """Bytes without frames are another program's, or of another rate."""
        noise = random.Random(4)
        with served_answers(lambda _data, _handle: noise.randbytes(300)) as path:
            sentence = failed(examine(Visit(f"serial:{path}", times=HASTE)), "baud")

        assert "no frame of hwprof's among them; another program runs" in sentence

    def test_a_board_at_a_foreign_rate(self):
        """The rate that it answers at is named."""
        with served_answers(_at_rate(termios.B1000000)) as path:
            sentence = failed(examine(Visit(f"serial:{path}", times=PATIENT)), "baud")

        assert (
            "answers at 1,000,000 baud and at none of hwprof's rates, 115,200, 921,600" in sentence
        )

    def test_a_board_where_another_host_left_it(self):
        """A faster rate of hwprof's own is no failure."""
        line = served_answers(_at_rate(termios.B921600))
        with line as path, Visit(f"serial:{path}", times=PATIENT) as visit:
            found = listen(visit)
            assert visit.info.board == "rt1170"

        assert found == "frames come back at 921,600 baud, where another host has left the board"


def _at_rate(rate):
    """Answers of a board that understands one rate only."""
    board = VirtualLink()
    ask(board, 1)  # the first HELLO reads the whole pool

    def answer(data, handle):
        if termios.tcgetattr(handle)[4] != rate:
            return b""
        board.write(data)
        return board.read(1 << 16, 30)

    return answer


class TestBoard:
    """What can be wrong with a board that answers."""

    def test_firmware_of_another_protocol_version(self):
        """Version 9 is refused with the image to load."""

        def answer(data, _handle):
            heard = FrameReader().feed(data)
            return b"".join(frame(9, f.message_type | RESPONSE, f.sequence) for f in heard)

        with served_answers(answer) as path:
            sentence = failed(examine(Visit(f"serial:{path}", times=HASTE)), "firmware")

        assert "version 9; load the image that came with this hwprof" in sentence

    def test_firmware_that_reads_other_programs(self):
        """Program format 77 is refused."""
        with disguised(lambda hello: struct.pack("<H", 77) + hello[2:]) as (target, _):
            assert "reads version 77; load" in failed(examine(Visit(target)), "firmware")

    def test_a_board_that_no_file_describes(self):
        """A board of a foreign name needs its file."""
        with disguised(lambda hello: hello.replace(b"rt1170", b"rt1234")) as (target, _):
            assert "pass its file with --board" in failed(examine(Visit(target)), "board")

    def test_a_board_file_that_is_missing(self):
        """What --board names is read, or refused in a sentence."""
        checkup = examine(Visit("virtual:rt1170", compared_with="no-such.toml"))

        assert "cannot be opened" in failed(checkup, "board")

    def test_a_board_at_another_clock(self):
        """A virtual board at another clock says so in HELLO."""
        checkup = examine(Visit("virtual:rt1170?clock_hz=800000000", compared_with="rt1170"))

        assert "counts at 800 MHz, board file rt1170 says 996 MHz" in failed(checkup, "clock")

    def test_a_board_that_counts_at_another_clock_than_it_says(self):
        """The host's clock tells 600 MHz from 996."""
        with disguised(lambda hello: hello.replace(b"485750524f46", b"abcdef012345")) as (
            target,
            b,
        ):
            times = Times(counted_s=0.02, now=lambda: b.cycles / 600e6)
            sentence = failed(examine(Visit(target, times=times)), "counter")

        assert re.search(
            r"the counter runs at (58\d|59\d|60\d) MHz by this machine's clock", sentence
        )

    def test_a_board_that_refuses_to_count(self, tmp_path):
        """Firmware that finds another clock than start-up sets reports no cycles."""
        own = own_board(tmp_path, "core_hz = 996_000_000", "core_hz = 800_000_000")

        checkup = examine(Visit(f"virtual:{own}"))

        assert last(checkup).step in {"clock", "counter"}
        assert last(checkup).way_out

    def test_a_memory_that_is_missing(self):
        """A memory of the board file that HELLO does not list is named."""
        with disguised(lambda hello: hello.replace(b"sdram\0", b"sdrum\0")) as (target, _):
            sentence = failed(examine(Visit(target)), "memories")

        assert "does not offer sdram for activations, weights, scratch" in sentence

    @pytest.mark.parametrize(
        ("memory", "step", "way_out"),
        [
            ("sdram", "memories", "did not answer when the board started"),
            ("flash", "counter", "firmware load --flash"),
        ],
    )
    def test_a_memory_that_did_not_answer(self, memory, step, way_out):
        """Its row is there, good for nothing; the sentence says what may be wrong."""
        with disguised(lambda hello: hello) as (target, board):
            board.link.board.chip.semc.has_sdram = memory != "sdram"
            if memory == "flash":
                board.link.board.stage(0x30F0_0000, bytes(1 << 20))
            sentence = failed(examine(Visit(target)), step)

        assert f"the board offers {memory} for nothing" in sentence
        assert way_out in sentence

    def test_a_memory_that_is_elsewhere(self):
        """A memory at another address than in the board file is named."""
        sdram = b"sdram".ljust(12, b"\0")
        moved = {sdram + struct.pack("<I", 0x8000_0000): sdram + struct.pack("<I", 0x9000_0000)}
        ((old, new),) = moved.items()
        with disguised(lambda hello: hello.replace(old, new)) as (target, _):
            assert "the board offers sdram at 0x90000000" in failed(
                examine(Visit(target)), "memories"
            )

    def test_a_kernel_that_costs_more(self, tmp_path):
        """A slower flash shows in the first block whose weights come from there."""
        own = own_board(tmp_path, "(bus_hz = 133_000_000.*?core_overhead_cycles = )25", r"\g<1>400")
        with served_board(own) as path:
            checkup = examine(Visit(f"serial:{path}", compared_with="rt1170"))

        sentence = failed(checkup, "cycles")
        assert re.search(r"a conv block took [\d,]+ cycles, \+\d+\.\d % of the", sentence)
        assert "(0.5 % are in order)" in sentence


class TestCommand:
    """The command line."""

    def test_a_failure_ends_with_exit_code_2(self):
        """One line, and the way out."""
        result = CliRunner().invoke(main, ["doctor", "--target", "serial:/dev/hwprof-none"])

        assert result.exit_code == 2
        assert result.output.startswith("failed: port: /dev/hwprof-none does not exist; connect")
        assert result.output.count("\n") == 1

    def test_json(self):
        """The same as an object."""
        result = CliRunner().invoke(main, ["doctor", "--json"])

        assert result.exit_code == 0, result.output
        checkup = json.loads(result.stdout)
        assert checkup["ok"] is True
        assert [step["step"] for step in checkup["steps"]] == [step.name for step in STEPS]
        assert set(checkup["steps"][0]) == {"step", "ok", "what", "way_out"}

    def test_json_of_a_failure(self):
        """The failure is the last entry, and the exit code 2."""
        result = CliRunner().invoke(main, ["doctor", "--json", "--target", "serial:/dev/none-"])

        assert result.exit_code == 2
        assert json.loads(result.stdout)["steps"][-1]["ok"] is False


def test_steps_close_the_line_whatever_happens():
    """An examination leaves no port open."""
    visit = Visit("virtual:rt1170", compared_with="no-such.toml")

    examine(visit)

    assert visit._link is None
