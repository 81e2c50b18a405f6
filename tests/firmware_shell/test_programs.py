"""Programs on the firmware: what it runs, and what it refuses to run."""

from __future__ import annotations

import contextlib
import struct
import zlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwprof.errors import BoardError
from hwprof.measurement import Placement
from hwprof.profiler.device import Device
from hwprof.profiler.links import Link
from hwprof.profiler.links._virtual import VirtualLink
from hwprof.profiler.program import (
    PROGRAM_MAGIC,
    RECORD_TYPES,
    Buffer,
    Program,
    ProgramInput,
    Region,
    encode,
    wire_fields,
)
from hwprof.profiler.protocol import Destination, MessageType, words
from hwprof.profiler.reference import run_reference
from hwprof.profiler.transfer import send

HEADER_BYTES = 48


def prepare(device: Device, program: Program, data: bytes) -> None:
    """Send other bytes than the program's own under its placement and weights."""
    info = device.info
    weights = info.memories[-1]
    device._link.stage(weights.base_address, program.weights_image)
    device._exchange.request(MessageType.PLACE, bytes([1, len(info.memories) - 1, 0, 0]))
    send(device._exchange, Destination.PROGRAM, data)
    size_bytes, crc32 = len(program.weights_image), zlib.crc32(program.weights_image)
    device._exchange.request(MessageType.PREPARE, words(1, size_bytes, crc32))


def with_word(data: bytes, number: int, value: int) -> bytes:
    """The bytes with one 32-bit word replaced."""
    return data[: 4 * number] + struct.pack("<I", value & 0xFFFFFFFF) + data[4 * number + 4 :]


@pytest.mark.parametrize(
    "placement",
    [
        Placement(),
        Placement(activations="dtcm", weights="ocram"),
        Placement(activations="sdram", weights="sdram", scratch="sdram"),
        Placement(activations="dtcm", weights="dtcm"),
    ],
    ids=str,
)
def test_every_record_computes_what_the_reference_computes(
    board: Link, placement: Placement, program: Program
):
    """All kinds of records agree with the host to the bit, wherever tensors and weights lie."""
    placed = replace(program, placement=placement)
    device = Device(board)
    device.load(placed)
    assert run_reference(placed).first_mismatch(device.run().checksums) is None


def test_every_record_costs_cycles(board: Link, program: Program):
    """Each record is timed by itself, in each repeat."""
    device = Device(board)
    device.load(program)
    result = device.run(repeats=3, checksum=False)
    assert len(result.cycles) == 3
    assert all(0 < cycles < 1_000_000 for run in result.cycles for cycles in run)
    assert set(result.checksums) == {0}


def test_outputs_are_read_as_the_reference_has_them(board: Link, program: Program):
    """READ gives the bytes that the checksum was taken of."""
    device = Device(board)
    device.load(program)
    device.run()
    expected = run_reference(program).outputs
    for output in program.outputs:
        assert device.read(output) == expected[output.name].tobytes()


def test_inputs_of_the_host_replace_those_of_the_pool(board: Link, program: Program):
    """A run without filling computes on what the host wrote."""
    device = Device(board)
    device.load(program)
    image = bytes(range(240))
    device.write_inputs(image)
    result = device.run(fill_inputs=False)
    assert run_reference(program, {"x": image}).first_mismatch(result.checksums) is None


def test_run_longer_than_a_frame_reports_all_records(board: Link, program: Program):
    """Reports of 64 records each add up to the program."""
    device = Device(board)
    long = replace(program, records=program.records * 10)
    device.load(long)
    result = device.run()
    assert len(result.cycles[0]) == 170
    assert run_reference(long).first_mismatch(result.checksums) is None


HEADER_FAULTS = {
    "the bytes are no program": (0, PROGRAM_MAGIC + 1),
    "a format version that this firmware does not read": (1, 99),
    "header does not fit its bytes": (2, HEADER_BYTES),
    "the activations do not fit their memory": (3, 0xFFFFFFFF),
    "the weights do not fit their memory": (4, 0xFFFFFFFF),
    "the scratch does not fit its memory": (5, 0xFFFFFFFF),
    "the constants do not fit": (6, 0xFFFFFFFF),
    "an input lies outside the activations": (7, 0xFFFFFFFF),
    "an output lies outside the activations": (8, 0xFFFFFFFF),
    "a constant lies outside its region": (9, 0xFFFFFFFF),
    "a constant is of an unknown kind": (21, 3),
    "the program ends inside it": (10, 0xFFFFFFFF),
    "PREPARE and the program differ in weights_bytes": (4, 4832),
}


@pytest.mark.parametrize(
    ("rule", "change"), HEADER_FAULTS.items(), ids=[name[:40] for name in HEADER_FAULTS]
)
def test_header_that_lies_is_refused(
    board: Link, program: Program, rule: str, change: tuple[int, int]
):
    """No count and no size of the header is believed."""
    with pytest.raises(BoardError, match=rule) as caught:
        prepare(Device(board), program, with_word(program.data, *change))
    assert caught.value.code == 7


@given(st.integers(0, 385))
def test_program_cut_short_is_refused(powered_board: Link, program: Program, words: int):
    """A program that ends early is refused wherever it ends."""
    data = with_word(program.data, 2, 4 * words)[: 4 * words] or b"\0"
    with pytest.raises(BoardError, match=r"the program ends inside|no program") as caught:
        prepare(Device(powered_board), program, data)
    assert caught.value.code == 7


def test_bytes_behind_the_last_record_are_refused(board: Link, program: Program):
    """A program ends where its header says."""
    data = with_word(program.data + bytes(8), 2, len(program.data) + 8)
    with pytest.raises(BoardError, match="bytes behind its end"):
        prepare(Device(board), program, data)


BEYOND = Buffer("beyond", Region.ACTIVATIONS, 1 << 27, 240, (6, 5, 8))
ELSEWHERE = Buffer("elsewhere", Region.SCRATCH, 0, 240, (6, 5, 8))
ODD = Buffer("odd", Region.ACTIVATIONS, 2, 240, (6, 5, 8))

CONSTANT = Buffer("", Region.CONSTANTS, 0, 48)  # the bias of the first record: any values
RECORD_FAULTS = [
    (0, {"in_h": 0}, "an extent is not in 1 to 32767"),
    (0, {"in_c": -8}, "an extent is not in 1 to 32767"),
    (0, {"in_h": 32767, "in_w": 32767, "in_c": 32767}, "an operand reaches beyond its region"),
    (0, {"out_h": 32767}, "an operand reaches beyond its region"),
    (0, {"kernel_h": 32767}, "an operand reaches beyond its region"),
    (0, {"stride_w": 0}, "an extent is not in 1 to 32767"),
    (0, {"pad_top": -1}, "padding is not in 0 to 32767"),
    (0, {"groups": 3}, "groups do not divide the channels"),
    (0, {"groups": 0}, "groups do not divide the channels"),
    (0, {"activation_max": 128}, "activation bounds"),
    (0, {"activation_min": 5, "activation_max": 4}, "activation bounds"),
    (0, {"input_offset": 129}, "an input offset is not in -127 to 128"),
    (0, {"output_offset": -129}, "the output offset is not in -128 to 127"),
    (0, {"requantisation": 2}, "the requantisation is unknown"),
    (0, {"per_channel": 2}, "per_channel is not 0 or 1"),
    (0, {"has_weight_zero_point": -1}, "has_weight_zero_point is not 0 or 1"),
    (0, {"requantisation": 1}, "requantisation by shifts takes no zero point of the output"),
    (
        0,
        {"requantisation": 1, "output_offset": 0, "bias_shift": CONSTANT},
        "a channel's multiplier or shift is out of range",
    ),
    (
        0,
        {"has_weight_zero_point": 1, "weight_zero_point": CONSTANT},
        "these kernels take no zero points of weights; the reference kernels do",
    ),
    (0, {"input": BEYOND}, "an operand reaches beyond its region"),
    (0, {"input": ELSEWHERE}, "an operand lies in a region that is not for it"),
    (0, {"input": ODD}, "an operand is not on a word boundary"),
    (0, {"output": Buffer("", Region.ACTIVATIONS, 0, 360)}, "the output overlaps an input"),
    (0, {"output": Buffer("", Region.POOL, 0, 360)}, "an operand lies in a region that is not"),
    (0, {"weights": Buffer("", Region.POOL, (1 << 20) - 32, 864)}, "reaches beyond its region"),
    (0, {"multiplier": Buffer("", Region.CONSTANTS, 0, 48)}, "a channel's multiplier or shift"),
    (0, {"scratch": Buffer("", Region.SCRATCH, 1 << 20, 0)}, "reaches beyond its region"),
    (1, {"out_c": 13}, "no multiple of the input channels"),
    (2, {"pad_top": 2}, "a pooling window holds no element"),
    (2, {"stride_h": 9}, "a pooling window holds no element"),
    (2, {"in_c": 6}, "pooling changes the number of channels"),
    (3, {"count_include_pad": 2}, "count_include_pad is not 0 or 1"),
    (3, {"zero_point": 128}, "the zero point is not"),
    (4, {"size": 0}, "a size is not positive"),
    (4, {"left_shift": 21}, "left_shift is not in 0 to 20"),
    (4, {"input_1_shift": 1}, "an input's shift is positive"),
    (4, {"output_multiplier": 1}, "a multiplier or shift is out of range"),
    (5, {"output_shift": -32}, "a multiplier or shift is out of range"),
    (5, {"input_2_offset": -200}, "an input offset is not"),
    (6, {"src_c": 2}, "the copied box leaves its input or output"),
    (6, {"step_c": 0}, "an extent is not in 1 to 32767"),
    (6, {"copy_h": 4}, "the copied box leaves its input or output"),
    (7, {"size": -1}, "a size is not positive"),
    (7, {"value": 300}, "the value is not in -128 to 127"),
    (9, {"perm_0": 1}, "an axis is named twice"),
    (9, {"perm_0": 4}, "an axis is not in 0 to 3"),
    (9, {"dim_0": 0}, "an extent is not positive"),
    (9, {"dim_0": 1 << 20, "dim_1": 1 << 20}, "an operand reaches beyond its region"),
    (10, {"channels": 0}, "an extent is not in 1 to 32767"),
    (11, {"size": 1 << 28}, "an operand reaches beyond its region"),
    (12, {"shift": 31}, "a multiplier or shift is out of range"),
    (13, {"in_features": 0}, "a size is not positive"),
    (13, {"in_features": 1 << 30, "out_features": 1 << 30}, "reaches beyond its region"),
    (14, {"rows": 0}, "a size is not positive"),
    (14, {"diff_min": 1}, "diff_min is positive"),
    (15, {"left_shift": 21}, "left_shift is not in 0 to 20"),
    (16, {"pixels": 0}, "a size is not positive"),
    (16, {"pixels": 1 << 22}, "a mean runs over more than 4194303 pixels"),
    (16, {"output_offset": 128}, "the output offset is not in -128 to 127"),
    (16, {"multiplier": (1 << 29) - 1}, "a multiplier or shift is out of range"),
    (16, {"channels": 1 << 30}, "an operand reaches beyond its region"),
]


@pytest.mark.parametrize(
    ("number", "changes", "rule"),
    RECORD_FAULTS,
    ids=[
        f"{number}-{'-'.join(changes)}-{i}" for i, (number, changes, _) in enumerate(RECORD_FAULTS)
    ],
)
def test_record_that_breaks_a_rule_is_refused_by_number(
    board: Link, program: Program, number: int, changes: dict[str, object], rule: str
):
    """Each rule of each record is checked before anything runs, and the record is named."""
    records = list(program.records)
    records[number] = replace(records[number], **changes)
    with pytest.raises(BoardError, match=f"record {number}: .*{rule}"):
        prepare(Device(board), program, encode(replace(program, records=tuple(records))))


def test_opcode_of_another_firmware_is_refused(board: Link, program: Program):
    """An unknown record is refused, not skipped."""
    last = len(program.data) - 4 * (2 + len(wire_fields(type(program.records[-1]))))
    with pytest.raises(BoardError, match="record 16: its opcode is unknown"):
        prepare(Device(board), program, with_word(program.data, last // 4, len(RECORD_TYPES) + 1))


@pytest.mark.parametrize(
    ("pool_offset_bytes", "address", "rule"),
    [
        ((1 << 20) - 239, 0, "an input's slice reaches beyond the pool"),
        (0xFFFFFFFF, 0, "an input's slice reaches beyond the pool"),
        (0, 1 << 27, "an input lies outside the activations"),
    ],
)
def test_input_outside_pool_or_arena_is_refused(
    board: Link, program: Program, pool_offset_bytes: int, address: int, rule: str
):
    """Inputs are copied only from the pool and only to the arena."""
    buffer = replace(program.inputs[0].buffer, offset_bytes=address)
    changed = replace(program, inputs=(ProgramInput(buffer, pool_offset_bytes),))
    with pytest.raises(BoardError, match=rule):
        prepare(Device(board), program, changed.data)


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("pool_offset_bytes", (1 << 20) - 11, "a constant's slice reaches beyond the pool"),
        ("pool_offset_bytes", 0xFFFFFFF0, "a constant's slice reaches beyond the pool"),
        ("left_shift", 25, "a constant's left shift is above 24"),
        ("buffer", Buffer("", Region.CONSTANTS, 1 << 20, 48), "a constant lies outside its region"),
        ("buffer", Buffer("", Region.ACTIVATIONS, 0, 48), "a constant lies outside its region"),
    ],
)
def test_constant_that_breaks_a_rule_is_refused(
    board: Link, program: Program, field: str, value: object, rule: str
):
    """Constants are made only from the pool and only in their region."""
    constants = list(program.constants)
    position = next(i for i, c in enumerate(constants) if hasattr(c, field) and c.kind == 2)
    constants[position] = replace(constants[position], **{field: value})
    changed = replace(program, constants=tuple(constants))
    with pytest.raises(BoardError, match=rule):
        prepare(Device(board), program, changed.data)


EXTREMES = (0, 1, 2, 127, 128, 255, 32767, 32768, 1 << 28, 0x7FFFFFFF, 0xFFFFFFFF)
changes = st.lists(
    st.tuples(st.integers(0, 385), st.sampled_from(EXTREMES) | st.integers(0, 0xFFFFFFFF)),
    min_size=1,
    max_size=3,
)


@settings(max_examples=60)
@given(changes)
def test_damaged_program_is_refused_or_runs_without_a_fault(
    powered_board: Link, program: Program, changes: list[tuple[int, int]]
):
    """Whatever words a program holds, the board answers; its processor never faults."""
    data = program.data
    for number, value in changes:
        data = with_word(data, number, value)
    device = Device(powered_board)
    with contextlib.suppress(BoardError):
        prepare(device, program, data)
        device._exchange.request(MessageType.RUN, words(3, 1, 64))
        device._exchange.request(MessageType.ABORT, longest_s=60)  # answered behind the run
    assert device.hello().board == "rt1170"


@settings(max_examples=60)
@given(changes)
def test_damaged_records_write_nothing_outside_their_regions(
    powered_board: VirtualLink, program: Program, changes: list[tuple[int, int]]
):
    """What passes the checks stays inside the arena and the scratch that the header asked for."""
    device = Device(powered_board)
    dtcm, ocram = device.info.memories[:2]
    behind = {
        ocram.base_address + program.activations_bytes: b"\x5a" * 4096,
        dtcm.base_address + program.scratch_bytes: b"\xa5" * 4096,
    }
    for address, canary in behind.items():
        powered_board.stage(address, canary)
    data = program.data
    for number, value in changes:
        data = with_word(data, max(number, HEADER_BYTES // 4), value)
    with contextlib.suppress(BoardError):
        prepare(device, program, data)
        device._exchange.request(MessageType.RUN, words(3, 1, 64))
        device._exchange.request(MessageType.ABORT, longest_s=60)  # answered behind the run
    for address, canary in behind.items():
        assert powered_board.board.read_memory(address, len(canary)) == canary
