"""What happens when lines break off and boards fall silent: virtual boards, really restarted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from hwprof.blocks import GraphBuilder
from hwprof.errors import LinkError
from hwprof.graph import Conv2d, MaxPool
from hwprof.measurement import Placement
from hwprof.profiler.device import Device, Patience
from hwprof.profiler.frames import FrameReader
from hwprof.profiler.links import Capability, Faults, FaultyLink, Link, open_link
from hwprof.profiler.links._wrapped import WrappedLink
from hwprof.profiler.lowering import lower
from hwprof.profiler.program import Buffer, Program, Region
from hwprof.profiler.protocol import MessageType
from hwprof.profiler.reference import run_reference

HASTE = Patience(first_s=0.2, answer_s=0.4, run_s=2, attempts=3)


class Watched(WrappedLink):
    """A line that knows what was asked, and may swallow, change and refuse.

    Attributes:
        asked: types of the requests, in order.
        lose_from: writes after which the board hears nothing until it is reset; -1 for never.
        resets: times that the board was reset.
    """

    def __init__(self, inner: Link) -> None:
        super().__init__(inner)
        self.asked: list[int] = []
        self.before_read: list[int] = []  # requests written before each read
        self.lose_from = -1
        self.resets = 0
        self.revives = True
        self.lost_reads: set[int] = set()
        self._reads = 0

    def write(self, data: bytes) -> None:
        for frame in FrameReader().feed(data):
            self.asked.append(frame.message_type)
        if self.lose_from < 0 or len(self.asked) <= self.lose_from:
            self._inner.write(data)

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        self.before_read.append(len(self.asked))
        self._reads += 1
        data = self._inner.read(max_bytes, timeout_s)
        return b"" if self._reads in self.lost_reads else data

    def reset_board(self) -> None:
        self.resets += 1
        if self.revives:
            self.lose_from = -1
        self._inner.reset_board()

    def count(self, message: MessageType) -> int:
        """How often something was asked."""
        return self.asked.count(message)


@pytest.fixture
def board() -> Iterator[Watched]:
    """A fresh board on a watched line."""
    with open_link("virtual:rt1170", timing="pipeline") as link:
        yield Watched(link)


@pytest.fixture(scope="module")
def program() -> Program:
    """A little convolution on seeded weights, then a pool; weights beside, sent over the line."""
    builder = GraphBuilder()
    image = builder.input("image", (6, 6, 4))
    conv = builder.add("", "conv", Conv2d(kernel_h=3, kernel_w=3, out_channels=8), image)
    pool = builder.add("", "pool", MaxPool(kernel_h=2, kernel_w=2, stride_h=2, stride_w=2), conv)
    placement = Placement(weights="ocram")
    lowered = lower(builder.finish("small", [pool]), placement=placement)
    return replace(lowered, weights_image=bytes(range(256)) * 80)


def right(program: Program, device: Device) -> bool:
    """Whether a run of the loaded program computes what it should."""
    return run_reference(program).first_mismatch(device.run(repeats=2).checksums) is None


@pytest.mark.parametrize("seed", range(3))
def test_a_line_that_damages_and_breaks_off_costs_time_only(program: Program, seed: int):
    """One byte in a hundred damaged, a disconnect every 200 frames: every run is right."""
    rate = 0.01 / 3
    faults = Faults(rate, rate, rate, disconnect_every_frames=200)
    with FaultyLink(open_link("virtual:rt1170", timing="pipeline"), faults, seed=seed) as line:
        device = Device(line)
        device.load(replace(program, weights_image=program.weights_image[:4096]))
        assert right(program, device)
        assert line.disconnects > 0


@pytest.mark.parametrize("position", [0, 1, 3, 6, 9, 11])
def test_a_silent_board_is_reset_and_loaded_again(board: Watched, program: Program, position: int):
    """Wherever it falls silent, before or while it runs."""
    device = Device(board, HASTE)
    assert device.info
    board.lose_from = len(board.asked) + position
    device.load(program)
    assert right(program, device)
    assert board.resets == 1


def test_inputs_of_the_host_are_written_again(board: Watched, program: Program):
    """A reset between inputs and run loses neither."""
    device = Device(board, HASTE)
    device.load(program)
    (entry,) = program.inputs
    tensor = bytes(entry.buffer.size_bytes)
    device.write_inputs(tensor)
    board.reset_board()
    first = device.run(fill_inputs=False).checksums
    device.write_inputs(tensor)
    assert device.run(fill_inputs=False).checksums == first
    assert board.count(MessageType.PREPARE) == 2


def test_a_board_that_stays_silent_is_given_up(board: Watched, program: Program):
    """So many resets and no more; the sentence counts them."""
    device = Device(board, replace(HASTE, recoveries=2))
    device.load(program)
    board.lose_from, board.revives = 0, False
    with pytest.raises(LinkError, match="fell silent and stayed so through 2 resets"):
        device.run()
    assert board.resets == 2


def test_a_board_that_cannot_be_reset_is_given_up(board: Watched, program: Program):
    """A line without a reset says that nobody answers."""
    board.capabilities -= {Capability.RESET}
    device = Device(board, HASTE)
    device.load(program)
    board.lose_from = 0
    with pytest.raises(LinkError, match="did not answer RUN, however often"):
        device.run()
    assert board.resets == 0


def test_a_program_that_the_board_forgot_is_loaded_again(board: Watched, program: Program):
    """Power that failed for a moment shows as a refusal, not as silence."""
    device = Device(board, HASTE)
    device.load(program)
    board.reset_board()
    assert right(program, device)


def test_results_that_were_lost_are_asked_for_and_nothing_runs_again(
    board: Watched, program: Program
):
    """What a run has cost is kept on the board."""
    device = Device(board, HASTE)
    device.load(program)
    before = len(board.asked)
    board.lost_reads = {len(board.before_read) + 1}
    assert right(program, device)
    assert board.asked[before:] == [MessageType.RUN, MessageType.RUN] + [MessageType.RESULTS] * 2


def test_a_request_to_run_that_was_answered_is_not_run_again(board: Watched, program: Program):
    """The answer was lost, not the request: cycles are those of one run."""
    device = Device(board, HASTE)
    device.load(program)
    expected = device.run().cycles
    executed = board.counters().instructions
    device.run()
    once = board.counters().instructions - executed
    board.lost_reads = {len(board.before_read) + 1}
    executed = board.counters().instructions
    assert device.run().cycles == expected
    assert board.counters().instructions - executed < 1.5 * once


def test_results_of_more_records_than_the_board_keeps_are_run_again(
    board: Watched, program: Program
):
    """256 records are kept; earlier ones come from another run."""
    device = Device(board, HASTE)
    device.load(program)
    board.lost_reads = {len(board.before_read) + 1}
    run = device.run(repeats=200)
    assert len(set(run.checksums)) == len(run.checksums)
    assert len(run.cycles) == 200
    assert board.count(MessageType.RUN) > 2


def test_several_chunks_are_under_way(board: Watched, program: Program):
    """The line does not wait for an answer to each."""
    device = Device(board)
    assert device.info
    board.before_read.clear()
    device.load(program)
    ahead = [b - a for a, b in zip(board.before_read, board.before_read[1:], strict=False)]
    assert max(ahead) >= 4


def test_a_line_that_harms_long_answers_still_says_who_is_there(board: Watched):
    """The description comes in pieces."""

    class Short(WrappedLink):
        """Loses whatever is longer than 60 bytes."""

        def read(self, max_bytes: int, timeout_s: float) -> bytes:
            data = self._inner.read(max_bytes, timeout_s)
            return data if len(data) < 60 else data[:40]

    assert Device(Short(board)).info == Device(board).info


def test_reading_goes_on_in_pieces(board: Watched, program: Program):
    """A tensor is as long as it is, whatever the frames carry."""
    device = Device(board)
    device.load(program)
    device._exchange.size.bytes = 52
    weights = Buffer("weights", Region.WEIGHTS, 0, len(program.weights_image))
    assert device.read(weights) == program.weights_image


def test_another_board_behind_a_line_that_broke_off_is_refused(program: Program):
    """Its cycles would be stored as the first one's."""

    class Swapped(WrappedLink):
        """Leads to another board once it is opened again."""

        broken = False

        def write(self, data: bytes) -> None:
            if self.broken:
                raise LinkError("the cable is out.")
            self._inner.write(data)

        def reopen(self) -> None:
            self._inner.close()
            self._inner = open_link("virtual:rt1170", timing="exact")
            self.broken = False

    with Swapped(open_link("virtual:rt1170", timing="pipeline")) as line:
        line.capabilities |= {Capability.REOPEN}
        device = Device(line, HASTE)
        device.load(program)
        line.broken = True
        with pytest.raises(LinkError, match="leads to another board now"):
            device.run()


class Rated(Watched):
    """A line with a rate, which the host's port may not have."""

    def __init__(self, inner: Link, *missing: int) -> None:
        super().__init__(inner)
        self.capabilities |= {Capability.BAUD}
        self.rates: list[int] = []
        self._missing = missing

    def set_baud(self, baud: int) -> None:
        if baud in self._missing:
            raise LinkError(f"no {baud} baud.")
        self.rates.append(baud)


def test_the_line_goes_on_at_the_fastest_rate_that_both_have(board: Watched):
    """A rate that the host's port lacks is given up by both sides, and the next one tried."""
    line = Rated(board, 921_600)
    device = Device(line)
    assert device.info.baud == 115_384
    assert line.rates == [115_384, 460_800]
    assert device.hello().baud == 461_538


def test_a_rate_at_which_nothing_arrives_is_given_up(board: Watched):
    """The host goes back when no answer comes at the new rate."""
    line = Rated(board)
    line.lost_reads = {3}
    assert Device(line, HASTE).info
    assert line.rates == [921_600, 115_384, 460_800]


def test_a_rate_that_harms_frames_is_left_again(board: Watched):
    """One frame of three is lost at the new rate: both go back by a request."""
    line = Rated(board)
    line.lost_reads = {4}
    assert Device(line, HASTE).info
    assert line.rates[:2] == [921_600, 115_384]
    assert line.count(MessageType.BAUD) >= 2


def test_a_board_left_at_another_rate_is_found(board: Watched):
    """Whoever opened the line before may have left the board at any rate."""

    class Deaf(Rated):
        """Carries nothing but at one rate."""

        def read(self, max_bytes: int, timeout_s: float) -> bytes:
            data = self._inner.read(max_bytes, timeout_s)
            return data if self.rates[-1:] == [460_800] else b""

    line = Deaf(board)
    assert Device(line, HASTE).hello().board == "rt1170"
    assert line.rates == [115_200, 921_600, 460_800]
