"""The host's side of the wire, on a virtual board behind a line that loses and damages bytes."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import repeat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwprof.blocks import GraphBuilder
from hwprof.errors import (
    BoardError,
    ConfigurationError,
    LinkError,
    ModelDoesNotFitError,
    ProtocolError,
)
from hwprof.firmware_stub.manifest import find_image
from hwprof.firmware_stub.stamp import code_sha256
from hwprof.graph import Conv2d, MaxPool
from hwprof.measurement import Placement
from hwprof.profiler.device import Device, Patience
from hwprof.profiler.frames import FrameReader, cobs_decode, cobs_encode, encode_frame
from hwprof.profiler.links import Capability, Link, open_link
from hwprof.profiler.lowering import lower
from hwprof.profiler.program import Buffer, Program, Region
from hwprof.profiler.protocol import (
    RESPONSE,
    RESULT_BYTES,
    RESULTS_HEAD_BYTES,
    MessageType,
    words,
)
from hwprof.profiler.reference import run_reference

HASTE = Patience(answer_s=0.5, prepare_s=2, run_s=5, attempts=6)
Fault = Callable[[bytes], bytes]


class Line(Link):
    """A line that treats what passes: one fault for each write and each read, while they last."""

    capabilities = frozenset({Capability.STAGE})

    def __init__(self, board: Link, writes: Iterator[Fault], reads: Iterator[Fault]) -> None:
        self._board = board
        self._writes = writes
        self._reads = reads
        self.target = "faulty:rt1170"
        self.sent_bytes = 0

    def read(self, max_bytes: int, timeout_s: float) -> bytes:
        return next(self._reads, untouched)(self._board.read(max_bytes, timeout_s))

    def write(self, data: bytes) -> None:
        self.sent_bytes += len(data)
        self._board.write(next(self._writes, untouched)(data))

    def stage(self, address: int, data: bytes) -> None:
        self._board.stage(address, data)

    def close(self) -> None:
        pass


def untouched(data: bytes) -> bytes:
    """Nothing happens to it."""
    return data


def lost(data: bytes) -> bytes:
    """It never arrives."""
    return data[:0]


def doubled(data: bytes) -> bytes:
    """It arrives twice."""
    return data + data


def cut(data: bytes) -> bytes:
    """Its second half is missing."""
    return data[: len(data) // 2]


def flipped(data: bytes) -> bytes:
    """One bit of its middle is wrong."""
    middle = len(data) // 2
    return (
        data[:middle] + bytes(byte ^ 4 for byte in data[middle : middle + 1]) + data[middle + 1 :]
    )


def noisy(data: bytes) -> bytes:
    """Noise comes before it."""
    return b"\x13\x00\x37\xff" + data


FAULTS = (lost, doubled, cut, flipped, noisy)


@pytest.fixture(scope="module")
def powered_board() -> Iterator[Link]:
    """A virtual board that stays on."""
    with open_link("virtual:rt1170") as link:
        yield link


@pytest.fixture(scope="module")
def small() -> Program:
    """A little convolution on seeded weights, then a pool."""
    builder = GraphBuilder()
    image = builder.input("image", (6, 6, 4))
    conv = builder.add("", "conv", Conv2d(kernel_h=3, kernel_w=3, out_channels=8), image)
    pool = builder.add("", "pool", MaxPool(kernel_h=2, kernel_w=2, stride_h=2, stride_w=2), conv)
    return lower(builder.finish("small", [pool]))


@pytest.fixture(scope="module")
def weighty(small: Program) -> Program:
    """The same with an image of weights beside those of the pool."""
    return replace(small, weights_image=bytes(range(256)) * 40)


def test_firmware_with_other_kernels_is_refused(powered_board: Link):
    """A board on a line keeps the kernels that it was loaded with."""
    device = Device(powered_board)

    device.expect_kernels("simd")
    with pytest.raises(ConfigurationError, match="runs firmware with simd; pass --kernels simd"):
        device.expect_kernels("reference")


def line(board: Link, *, writes: tuple[Fault, ...] = (), reads: tuple[Fault, ...] = ()) -> Line:
    """A line with these faults on its next writes and reads."""
    return Line(board, iter(writes), iter(reads))


def test_origin_names_board_image_and_context(powered_board: Link):
    """Every number can be led back to what made it."""
    device = Device(powered_board)
    origin = device.origin(Placement(), "some-scheme")
    image = find_image(device.info.firmware_id)
    assert image is not None
    assert origin.firmware_sha256 == image.sha256
    assert (origin.target, origin.context.board) == ("virtual:rt1170", "rt1170")
    assert (origin.context.clock_hz, origin.context.scheme) == (996_000_000, "some-scheme")
    assert origin.context.kind == "modelled"
    assert origin.code_sha256 == code_sha256("rt1170", "simd")


def test_virtual_board_behind_a_plain_line_is_known_as_one(powered_board: Link):
    """The identity tells a virtual board from silicon where the link cannot."""
    assert Line.timing_model == "silicon"
    origin = Device(line(powered_board)).origin(Placement(), "")
    assert origin.context.timing_model == "exact-3"


def test_origin_under_a_placement_that_is_not_on_offer_is_refused(powered_board: Link):
    """A context that cannot be measured is not handed out."""
    with pytest.raises(ConfigurationError, match=r"offers .* for activations; got 'flash'"):
        Device(powered_board).origin(Placement(activations="flash"), "")


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("way", ["writes", "reads"])
def test_one_fault_costs_a_repeat_and_no_result(
    powered_board: Link, small: Program, fault: Fault, way: str
):
    """A request or an answer that is lost or damaged is asked for again."""
    for position in range(6):
        faulty = line(powered_board, **{way: (*[untouched] * position, fault)})
        device = Device(faulty, HASTE)
        device.load(small)
        assert run_reference(small).first_mismatch(device.run().checksums) is None


faults = st.lists(st.sampled_from([*FAULTS, untouched, untouched]), max_size=12).map(tuple)


@settings(max_examples=40)
@given(faults, faults)
def test_faults_never_become_wrong_results(
    powered_board: Link, weighty: Program, writes: tuple[Fault, ...], reads: tuple[Fault, ...]
):
    """A program that ran through a bad line computed what it should, or a LinkError says so."""
    device = Device(line(powered_board, writes=writes, reads=reads), HASTE)
    with contextlib.suppress(LinkError):
        device.load(replace(weighty, placement=Placement(weights="ocram")))
        assert run_reference(weighty).first_mismatch(device.run(repeats=2).checksums) is None


def test_silent_board_is_a_link_error(powered_board: Link):
    """A board that never answers is given up after the attempts, with a way out."""
    device = Device(line(powered_board, reads=(lost,) * 40), HASTE)
    with pytest.raises(
        LinkError, match=r"faulty:rt1170 did not answer HELLO, however often it was asked \(0 dam"
    ):
        device.hello()


def uncounted() -> Fault:
    """Results arrive as of a board whose counter stands still."""
    reader = FrameReader()

    def without_cycles(data: bytes) -> bytes:
        arriving = b""
        for frame in reader.feed(data):
            payload = frame.payload
            if frame.message_type == MessageType.RESULTS | RESPONSE:
                payload = payload[:RESULTS_HEAD_BYTES].ljust(len(payload), b"\0")
                assert (len(payload) - RESULTS_HEAD_BYTES) % RESULT_BYTES == 0
            arriving += encode_frame(frame.message_type, frame.sequence, payload)
        return arriving

    return without_cycles


def test_a_run_that_counted_nothing_is_refused(powered_board: Link, small: Program):
    """Nothing takes 0 cycles; a row of it would be divided by."""
    device = Device(Line(powered_board, iter(()), repeat(uncounted())), HASTE)
    device.load(small)
    with pytest.raises(BoardError, match="a whole run took 0 cycles: the board's counter stands"):
        device.run(repeats=2)


def test_late_answers_are_dropped(powered_board: Link):
    """An answer to an earlier request is never taken for that of a later one."""
    device = Device(line(powered_board, reads=(lost, noisy, doubled)), HASTE)
    first = device.hello()
    assert device.hello() == first
    device.abort()
    with pytest.raises(BoardError, match="RUN refused: no program is prepared") as caught:
        device._exchange.request(MessageType.RUN, words(0, 1, 64))
    assert caught.value.code == 3


def test_program_that_does_not_fit_is_refused_before_a_byte_is_sent(
    powered_board: Link, small: Program
):
    """The refusal names both sizes and costs no time on the line."""
    faulty = line(powered_board)
    device = Device(faulty)
    assert device.info
    faulty.sent_bytes = 0
    with pytest.raises(
        ModelDoesNotFitError, match=r"activations need 2,000,000 bytes in ocram, which has 1,1"
    ):
        device.load(replace(small, activations_bytes=2_000_000))
    assert faulty.sent_bytes == 0


@pytest.mark.parametrize("memory", ["flash", "ocram", "sdram"])
def test_weights_reach_their_memory(powered_board: Link, weighty: Program, memory: str):
    """A probe stages what the line cannot write; everything else goes over the line."""
    device = Device(powered_board)
    placed = replace(weighty, placement=Placement(weights=memory))
    device.load(placed)
    size_bytes = len(placed.weights_image)
    assert device.read(Buffer("weights", Region.WEIGHTS, 0, size_bytes)) == placed.weights_image


def test_weights_that_need_a_probe_are_refused_without_one(powered_board: Link, weighty: Program):
    """A placement that the link cannot honour is refused, with those that it can."""
    bare = line(powered_board)
    bare.capabilities = frozenset()
    message = "faulty:rt1170 cannot write flash; place the weights in dtcm or ocram or sdram"
    with pytest.raises(ConfigurationError, match=message):
        Device(bare).load(weighty)


def test_seeded_program_needs_no_probe(powered_board: Link, small: Program):
    """Weights that are slices of the pool are on every board already."""
    bare = line(powered_board)
    bare.capabilities = frozenset()
    Device(bare).load(small)


def test_board_with_another_pool_is_refused(powered_board: Link, small: Program):
    """Seeded weights that differ would be measured as if they were right."""
    device = Device(powered_board)
    device.info = replace(device.info, pool_crc32=0x11223344)
    with pytest.raises(ConfigurationError, match="holds another pool, CRC-32 11223344"):
        device.load(small)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda device: device.run(), "no program is loaded"),
        (lambda device: device.write_inputs(b""), "no program is loaded"),
        (lambda device: device.read(Buffer("x", Region.POOL, 0, 4)), "no program is loaded"),
    ],
)
def test_nothing_runs_before_a_program_is_loaded(
    powered_board: Link, call: Callable[[Device], object], message: str
):
    """The order of calls is checked on the host."""
    with pytest.raises(ConfigurationError, match=message):
        call(Device(powered_board))


@pytest.mark.parametrize(("repeats", "fill_inputs"), [(0, True), (2, False)])
def test_impossible_repeats_are_refused(
    powered_board: Link, small: Program, repeats: int, fill_inputs: bool
):
    """Inputs of the host serve one run: the arena reuses their memory."""
    device = Device(powered_board)
    device.load(small)
    with pytest.raises(ConfigurationError, match="a run has at least 1 repeat"):
        device.run(repeats, fill_inputs=fill_inputs)


def test_inputs_of_a_wrong_size_are_refused(powered_board: Link, small: Program):
    """Sizes are compared before anything is sent."""
    device = Device(powered_board)
    device.load(small)
    with pytest.raises(ConfigurationError, match=r"takes inputs of \[144\] bytes; got \[3\]"):
        device.write_inputs(b"abc")


def test_refused_program_is_named(powered_board: Link, small: Program):
    """The board's sentence comes with the program's name and the error's number."""
    broken = replace(small, records=(replace(small.records[0], stride_h=0), *small.records[1:]))
    with pytest.raises(
        BoardError, match=r"refused program 'small': .*record 0: an extent"
    ) as caught:
        Device(powered_board).load(broken)
    assert caught.value.code == 7


@pytest.mark.parametrize(
    ("position", "value", "message"),
    [
        (0, 3, "speaks protocol version 2, the board's firmware version 3"),
        (4, 9, "writes programs of version 2, the board's firmware reads version 9"),
    ],
)
def test_firmware_of_another_version_is_refused(
    powered_board: Link, position: int, value: int, message: str
):
    """The sentence says what to load."""

    def altered(data: bytes) -> bytes:
        body = bytearray(cobs_decode(data.strip(b"\0"))[:-4])
        body[position] = value
        return cobs_encode(body + zlib.crc32(body).to_bytes(4, "little")) + b"\0"

    with pytest.raises(ProtocolError, match=message):
        Device(line(powered_board, reads=(altered,))).hello()
