"""Every link keeps the contract, and each its own promises beside."""

from __future__ import annotations

import json
import select
import socket
import threading
from contextlib import contextmanager, suppress
from itertools import count

import pytest

from hwprof.errors import ConfigurationError, LinkError, UnknownNameError
from hwprof.firmware_stub.virtual.board import VirtualBoard
from hwprof.firmware_stub.virtual.serve import serve
from hwprof.profiler.frames import FrameReader, encode_frame
from hwprof.profiler.links import (
    Capability,
    Faults,
    FaultyLink,
    RecordingLink,
    ReplayLink,
    SerialLink,
    VirtualLink,
    line_of,
    open_link,
)
from hwprof.profiler.protocol import MessageType
from hwprof.testing.links import LinkContract, ask


@contextmanager
def served_board():
    """The path of a pseudo-terminal with a virtual board behind it."""
    paths, stop, ready = [], threading.Event(), threading.Event()

    def announce(path):
        paths.append(path)
        ready.set()

    thread = threading.Thread(target=serve, args=(VirtualBoard.open(), announce, stop))
    thread.start()
    try:
        assert ready.wait(20)
        yield paths[0]
    finally:
        stop.set()
        thread.join()


@contextmanager
def bridge(pump):
    """A TCP port of this host; ``pump(connection, stop)`` serves who connects."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)

        def accept():
            connection, _ = server.accept()
            with connection, suppress(OSError):
                pump(connection, stop)

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            stop.set()
            thread.join()


def plain(board):
    """Pumps bytes between a TCP connection and a board."""

    def pump(connection, stop):
        while not stop.is_set():
            if select.select([connection], [], [], 0.01)[0]:
                data = connection.recv(4096)
                if not data:
                    return
                board.feed(data)
            board.run(0.1)
            connection.sendall(board.take(65536))

    return pump


class TestVirtualLink(LinkContract):
    """The board in this process."""

    @contextmanager
    def opened(self):
        with VirtualLink() as link:
            yield link


class TestSerialLink(LinkContract):
    """The same board behind a pseudo-terminal, opened with pyserial."""

    @contextmanager
    def opened(self):
        with served_board() as path, open_link(f"serial:{path}") as link:
            yield link


class TestSocketLink(LinkContract):
    """The board behind a TCP socket."""

    @contextmanager
    def opened(self):
        with (
            bridge(plain(VirtualBoard.open())) as port,
            open_link(f"socket://127.0.0.1:{port}") as link,
        ):
            yield link


class TestRecordingLink(LinkContract):
    """A line that is written down is the same line."""

    @pytest.fixture(autouse=True)
    def _files(self, tmp_path):
        self._paths = (tmp_path / f"{number}.jsonl" for number in count())

    @contextmanager
    def opened(self):
        with RecordingLink(VirtualLink(), next(self._paths)) as link:
            yield link


class TestFaultyLinkWithoutFaults(LinkContract):
    """A wrapper that does nothing changes nothing."""

    @contextmanager
    def opened(self):
        with FaultyLink(VirtualLink(), Faults(), seed=1) as link:
            yield link


class TestFaultyLinkInPieces(LinkContract):
    """A line that hands bytes over three by three is still a line."""

    @contextmanager
    def opened(self):
        with FaultyLink(VirtualLink(), Faults(max_read_bytes=3), seed=1) as link:
            yield link


class TestFaults:
    """What the faulty line does to bytes."""

    def test_the_same_seed_makes_the_same_faults(self):
        """Two lines of one seed spoil one stream alike."""
        faults = Faults(drop_rate=0.2, flip_rate=0.2, repeat_rate=0.2)

        first, second = (_spoilt(faults, seed=5) for _ in range(2))

        assert first == second

    def test_another_seed_makes_other_faults(self):
        """Two seeds spoil one stream differently."""
        faults = Faults(flip_rate=0.2)

        assert _spoilt(faults, seed=5) != _spoilt(faults, seed=6)

    def test_a_line_that_drops_everything_is_silent(self):
        """With a drop rate of 1 no request arrives."""
        with FaultyLink(VirtualLink(), Faults(drop_rate=1), seed=1) as link:
            link.write(encode_frame(MessageType.HELLO, 1, b""))

            assert link.read(100, 0.1) == b""

    def test_a_board_survives_damaged_frames(self):
        """A board that was sent damage answers the next good request."""
        with VirtualLink() as inner:
            bad = FaultyLink(inner, Faults(flip_rate=0.3), seed=3)
            for sequence in range(5):
                bad.write(encode_frame(MessageType.HELLO, sequence, b""))
            list(FrameReader().feed(inner.read(4096, 5)))

            inner.write(b"\0")  # whatever the damage left half open ends here
            while inner.read(4096, 0.05):
                pass

            assert ask(inner, 99).sequence == 99

    def test_it_breaks_off_after_so_many_frames_until_it_is_opened_again(self):
        """Two requests and two answers are four frames."""
        with FaultyLink(VirtualLink(), Faults(disconnect_every_frames=4), seed=1) as link:
            for _ in range(2):
                ask(link, 1)
                ask(link, 2)
                for use in (lambda: link.write(b"x"), lambda: link.read(1, 0)):
                    with pytest.raises(LinkError, match="broke off"):
                        use()
                assert Capability.REOPEN in link.capabilities
                link.reopen()

            assert link.disconnects == 2

    def test_rates_are_probabilities(self):
        """A rate above 1 is refused."""
        with pytest.raises(ConfigurationError, match="fault rates are probabilities"):
            Faults(drop_rate=1.5)


class TestReplay:
    """A recorded line, played again."""

    @pytest.fixture
    def recording(self, tmp_path):
        """Three requests to a board, the second one unanswered."""
        path = tmp_path / "recording.jsonl"
        with open_link("virtual:rt1170", record=path) as link:
            self._converse(link)
        return path

    def _converse(self, link):
        first = ask(link, 1)
        link.stage(0x2003_0000, b"abc")
        link.write(b"\x00noise\x00")
        silence = link.read(100, 0.01)
        link.reset_board()
        return first, silence, ask(link, 2)

    def test_it_answers_as_the_board_did(self, recording):
        """The same requests get the same answers, from a board that is not there."""
        with VirtualLink() as board, open_link(f"replay:{recording}") as replayed:
            assert self._converse(replayed) == self._converse(board)

    def test_it_is_the_board_that_was_recorded(self, recording):
        """Rows name where cycles came from, which is no file; counters are not in it."""
        with VirtualLink() as board, open_link(f"replay:{recording}") as replayed:
            assert replayed.target == line_of(f"replay:{recording}") == board.target
            assert (replayed.timing_model, replayed.code_sha256) == (
                board.timing_model,
                board.code_sha256,
            )
            assert replayed.capabilities == board.capabilities - {Capability.COUNTERS}

    @pytest.mark.parametrize(
        "act",
        [
            lambda link: link.write(encode_frame(MessageType.HELLO, 5, b"")),
            lambda link: link.stage(0, b"abc"),
            lambda link: link.reset_board(),
            lambda link: link.reopen(),
            lambda link: link.set_baud(9600),
        ],
    )
    def test_a_difference_is_one_sentence(self, recording, act):
        """What is sent now and what was sent then stand side by side."""
        with (
            open_link(f"replay:{recording}") as link,
            pytest.raises(LinkError, match=r"recorded otherwise: its line 2 has \d+ bytes to the"),
        ):
            act(link)

    def test_a_difference_stays_what_it_was(self, recording):
        """Who opens the line again behind a difference is told of that, not of the opening."""
        with open_link(f"replay:{recording}") as link:
            for use in (lambda: link.write(b"other"), link.reopen, lambda: link.read(10, 1)):
                with pytest.raises(LinkError, match="where 5 bytes to the board"):
                    use()

    def test_after_its_end_nothing_comes_and_nothing_may_be_sent(self, recording):
        """A recording ends where the recorded command ended."""
        with open_link(f"replay:{recording}") as link:
            self._converse(link)

            assert link.read(10, 0.01) == b""
            with pytest.raises(LinkError, match="has its end where 1 bytes to the board"):
                link.write(b"x")

    def test_a_line_that_broke_breaks_again(self, tmp_path):
        """Errors of a line are part of what happened on it."""
        path = tmp_path / "broken.jsonl"
        bad = FaultyLink(VirtualLink(), Faults(disconnect_every_frames=2), seed=1)
        with RecordingLink(bad, path) as link:
            ask(link, 1)
            for use in (lambda: link.read(10, 1), lambda: link.write(b"x")):
                with pytest.raises(LinkError, match="broke off"):
                    use()
            link.reopen()
            ask(link, 2)

        with ReplayLink(path) as link:
            ask(link, 1)
            for use in (lambda: link.read(10, 1), lambda: link.write(b"x")):
                with pytest.raises(LinkError, match="broke off"):
                    use()
            link.reopen()
            assert ask(link, 2).sequence == 2

    def test_an_existing_file_is_not_written_over(self, recording):
        """A recording is a new file."""
        with pytest.raises(ConfigurationError, match=r"cannot be \(File exists"):
            open_link("virtual:rt1170", record=recording)

    def test_a_recording_is_bounded(self, tmp_path):
        """At its bound the recording says that it ends, and the line goes on."""
        path = tmp_path / "short.jsonl"
        with RecordingLink(VirtualLink(), path, most_bytes=300) as link:
            ask(link, 1)
            assert ask(link, 2).sequence == 2

        assert path.stat().st_size < 400
        assert json.loads(path.read_text().splitlines()[-1])[1] == "full"

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "{}",
            "[" * 100_000,
            '{"hwprof_recording": 2, "target": "x"}',
            "\udcff",
        ],
    )
    def test_a_file_that_is_no_recording_is_refused(self, tmp_path, text):
        """A stranger's file is read line by line and runs nothing."""
        path = tmp_path / "stranger"
        path.write_bytes(text.encode("utf-8", "surrogateescape"))

        with pytest.raises(ConfigurationError, match=r"is no recording of hwprof's: it has"):
            open_link(f"replay:{path}")

    @pytest.mark.parametrize(
        "line", ['[1,"w"]', '[1,"x","00"]', '{"a":1}', '[1,"r","0g"]', "nonsense"]
    )
    def test_a_line_that_is_no_event_is_refused(self, recording, line):
        """A damaged line is named by its number."""
        header = recording.read_text().splitlines()[0]
        recording.write_text(f"{header}\n{line}\n")

        with (
            open_link(f"replay:{recording}") as link,
            pytest.raises(ConfigurationError, match="at line 2; make one with --record"),
        ):
            link.read(10, 0)

    def test_a_file_that_is_not_there_is_refused(self, tmp_path):
        """The sentence names the path."""
        with pytest.raises(ConfigurationError, match=r"none cannot be \(No such file"):
            open_link(f"replay:{tmp_path}/none")


class TestOpenLink:
    """Target strings."""

    def test_a_misspelt_board_is_told_the_nearest(self):
        """An unknown virtual board names the one that was probably meant."""
        with pytest.raises(UnknownNameError, match="did you mean virtual:rt1170"):
            open_link("virtual:rt1710")

    @pytest.mark.parametrize("target", ["", "virtual", "virtual:", "usb:1", "serial:", "/dev/x"])
    def test_a_string_that_is_no_target_is_refused(self, target):
        """What has no known scheme, or nothing behind it, is an unknown target."""
        with pytest.raises(UnknownNameError, match="unknown target"):
            open_link(target)

    def test_a_port_that_does_not_exist_is_a_link_error(self):
        """An exception of pyserial is translated."""
        with pytest.raises(LinkError, match="cannot be opened"):
            open_link("serial:/dev/hwprof-no-such-port")

    def test_an_unknown_kernel_library_is_told_the_known_ones(self):
        """The message names the libraries that images carry."""
        with pytest.raises(UnknownNameError, match="did you mean reference"):
            open_link("virtual:rt1170", kernels="refrence")

    def test_a_url_is_opened_by_pyserial(self):
        """``loop://`` is pyserial's own echo."""
        with open_link("loop://") as link:
            link.write(b"abc")

            assert link.read(10, 1) == b"abc"

    def test_a_wrong_url_is_a_link_error(self):
        """A refused TCP connection is translated."""
        with pytest.raises(LinkError, match="cannot be opened"):
            open_link("socket://127.0.0.1:1")


class TestServe:
    """The pseudo-terminal."""

    def test_the_board_outlives_a_program_that_leaves(self):
        """A second program finds the board that the first one left."""
        with served_board() as path:
            with SerialLink(path) as first:
                ask(first, 1)
            with SerialLink(path) as second:
                assert ask(second, 2).sequence == 2


def _spoilt(faults: Faults, *, seed: int) -> bytes:
    with open_link("loop://") as inner, suppress(LinkError):
        link = FaultyLink(inner, faults, seed=seed)
        link.write(bytes(range(200)))
        received = b""
        while piece := link.read(4096, 0.01):
            received += piece
    return received
