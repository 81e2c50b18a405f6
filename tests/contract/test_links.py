"""Every link keeps the contract, and each its own promises beside."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress

import pytest

from hwprof.errors import ConfigurationError, LinkError, UnknownNameError
from hwprof.firmware_stub.virtual.board import VirtualBoard
from hwprof.firmware_stub.virtual.serve import serve
from hwprof.profiler.links import Faults, FaultyLink, SerialLink, VirtualLink, open_link
from hwprof.profiler.protocol import FrameReader, MessageType, encode_frame
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

    def test_rates_are_probabilities(self):
        """A rate above 1 is refused."""
        with pytest.raises(ConfigurationError, match="fault rates are probabilities"):
            Faults(drop_rate=1.5)


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
