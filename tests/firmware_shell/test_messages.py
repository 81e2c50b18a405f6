"""Messages on the firmware: order, bounds and noise."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwprof.errors import BoardError
from hwprof.pool import POOL_BYTES, pool_bytes
from hwprof.profiler.device import Device
from hwprof.profiler.frames import FrameReader, cobs_encode, encode_frame
from hwprof.profiler.links import Link
from hwprof.profiler.program import Program
from hwprof.profiler.protocol import Destination, MessageType, words
from hwprof.profiler.transfer import send

SEQUENCE, BOUNDS, CHECKSUM, PLACEMENT = 3, 4, 5, 6


def refusal(board: Link, message: int, payload: bytes) -> tuple[int, str]:
    """Error code and sentence that a request is answered with."""
    board.write(encode_frame(message, 99, payload))
    (frame,) = FrameReader().feed(board.read(65536, 10))
    assert (frame.message_type, frame.sequence) == (0xFF, 99)
    return int.from_bytes(frame.payload[:2], "little"), frame.payload[2:].decode()


def test_board_describes_itself(board: Link):
    """HELLO names board, kernels, image and memories, and proves the pool."""
    info = Device(board).hello()
    assert (info.board, info.kernels, info.code_memory) == ("rt1170", "simd", "itcm")
    assert [memory.name for memory in info.memories] == ["dtcm", "ocram", "sdram", "flash"]
    assert (info.pool_bytes, info.pool_crc32) == (POOL_BYTES, zlib.crc32(pool_bytes()))
    assert info.clock_hz == 996_000_000


@pytest.mark.parametrize("message", [0x00, 0x0B, 0x7F, 0x81, 0xFF])
def test_unknown_message_is_refused(board: Link, message: int):
    """A type that the protocol does not have is answered with error 1."""
    assert refusal(board, message, b"") == (1, "the message type is unknown")


@pytest.mark.parametrize(
    ("message", "payload"),
    [
        (MessageType.HELLO, b"x"),
        (MessageType.BEGIN, words(0, 1)),
        (MessageType.CHUNK, words(0)),
        (MessageType.PLACE, b"123"),
        (MessageType.PREPARE, b""),
        (MessageType.HELLO, b"xyzzy"),
        (MessageType.RUN, words(0, 1)),
        (MessageType.RESULTS, words(0, 0, 0)),
        (MessageType.BAUD, b"123"),
        (MessageType.READ, words(0, 0, 0)),
        (MessageType.ABORT, b"x"),
    ],
)
def test_payload_of_a_wrong_size_is_refused(board: Link, message: MessageType, payload: bytes):
    """Sizes are checked before fields are read."""
    assert refusal(board, message, payload) == (2, "the payload has a wrong size")


@pytest.mark.parametrize(
    ("message", "payload", "code"),
    [
        (MessageType.CHUNK, words(0) + b"x", SEQUENCE),
        (MessageType.PREPARE, words(0, 0, 0), SEQUENCE),
        (MessageType.RUN, words(0, 1, 64), SEQUENCE),
        (MessageType.RESULTS, words(0, 0, 0, 1), SEQUENCE),
        (MessageType.RESULTS, words(0, 0, 0, 0), 2),
        (MessageType.RESULTS, words(0, 0, 0, 65), 2),
        (MessageType.HELLO, b"\xff\x00\x01\x00", BOUNDS),
        (MessageType.BAUD, words(0), 2),
        (MessageType.BAUD, words(1234567), 2),
        (MessageType.BAUD, words(0xFFFFFFFF), 2),
        (MessageType.READ, words(0, 4), SEQUENCE),
        (MessageType.BEGIN, words(Destination.ACTIVATIONS, 4, 0), SEQUENCE),
        (MessageType.BEGIN, words(Destination.WEIGHTS, 4, 0), PLACEMENT),
        (MessageType.BEGIN, words(3, 4, 0), 2),
        (MessageType.BEGIN, words(Destination.PROGRAM, 81921, 0), BOUNDS),
        (MessageType.BEGIN, words(Destination.PROGRAM, 0xFFFFFFFF, 0), BOUNDS),
        (MessageType.PLACE, bytes([3, 3, 0, 0]), PLACEMENT),
        (MessageType.PLACE, bytes([1, 4, 0, 0]), PLACEMENT),
        (MessageType.PLACE, bytes([1, 3, 3, 0]), PLACEMENT),
        (MessageType.PLACE, bytes([255, 3, 0, 0]), PLACEMENT),
    ],
)
def test_request_out_of_order_or_bounds_is_refused(
    board: Link, message: MessageType, payload: bytes, code: int
):
    """Nothing happens before what it needs has happened."""
    assert refusal(board, message, payload)[0] == code


def test_chunks_are_taken_once_and_in_order(board: Link):
    """The board says where to go on: a repeated or early chunk changes nothing."""
    device = Device(board)
    data = bytes(range(200))
    device._exchange.request(MessageType.BEGIN, words(Destination.PROGRAM, 200, zlib.crc32(data)))
    expected = [
        (0, data[:100], 100),
        (0, b"\xee" * 100, 100),
        (150, data[150:], 100),
        (100, data[100:], 200),
        (100, data[100:], 200),
    ]
    for offset, chunk, following in expected:
        assert device._exchange.request(MessageType.CHUNK, words(offset) + chunk) == words(
            following
        )


@pytest.mark.parametrize("offset", [101, 200, 0xFFFFFFFF])
def test_chunk_beyond_its_transfer_is_refused(board: Link, offset: int):
    """No chunk writes behind what BEGIN announced."""
    device = Device(board)
    device._exchange.request(MessageType.BEGIN, words(Destination.PROGRAM, 200, 0))
    assert refusal(board, MessageType.CHUNK, words(offset) + bytes(100))[0] == BOUNDS


def test_transfer_with_a_wrong_checksum_starts_again(board: Link):
    """A transfer that arrived wrong is not kept."""
    device = Device(board)
    device._exchange.request(MessageType.BEGIN, words(Destination.PROGRAM, 4, 0x12345678))
    assert refusal(board, MessageType.CHUNK, words(0) + b"abcd")[0] == CHECKSUM
    assert refusal(board, MessageType.PREPARE, words(0, 0, 0))[0] == SEQUENCE


@pytest.mark.parametrize("repeats", [0, 10_001, 0xFFFFFFFF])
def test_repeats_are_bounded(board: Link, program: Program, repeats: int):
    """A host cannot ask for more runs than it could wait for."""
    Device(board).load(program)
    assert refusal(board, MessageType.RUN, words(3, repeats, 64))[0] == 2


@pytest.mark.parametrize(
    ("address", "size_bytes"),
    [(0x00000000, 4097), (0x00000AE0, 1), (0x5000_0000, 4), (0x2010_0000, 1), (0x1000_12E0, 1)],
)
def test_read_outside_a_region_is_refused(
    board: Link, program: Program, address: int, size_bytes: int
):
    """READ shows tensors, weights and pool, and nothing else of the memory."""
    assert program.activations_bytes == 0x00000AE0
    Device(board).load(program)
    assert refusal(board, MessageType.READ, words(address, size_bytes))[0] == BOUNDS


def test_weights_changed_after_staging_are_noticed(board: Link, program: Program):
    """PREPARE proves the weights where they lie."""
    device = Device(board)
    device.load(program)
    flash = device.info.memories[-1]
    board.stage(flash.base_address + 17, b"\x33\x44")
    crc32 = zlib.crc32(program.weights_image)
    code, sentence = refusal(
        board, MessageType.PREPARE, words(1, len(program.weights_image), crc32)
    )
    assert (code, sentence) == (CHECKSUM, "the weights do not have their checksum")


def test_new_placement_forgets_the_weights_that_were_sent(board: Link, program: Program):
    """Weights lie where they were sent, so another placement needs them again."""
    device = Device(board)
    device._exchange.request(MessageType.PLACE, bytes([1, 1, 0, 0]))
    send(device._exchange, Destination.WEIGHTS, program.weights_image)
    device._exchange.request(MessageType.PLACE, bytes([1, 2, 0, 0]))
    send(device._exchange, Destination.PROGRAM, program.data)
    with pytest.raises(BoardError, match="the weights have not been sent"):
        device._prepare(program, staged=False)


def test_abort_forgets_the_program(board: Link, program: Program):
    """After ABORT nothing can run."""
    device = Device(board)
    device.load(program)
    device.abort()
    assert refusal(board, MessageType.RUN, words(3, 1, 64))[0] == SEQUENCE


def test_hello_of_another_version_is_answered(board: Link):
    """A host of another protocol version learns the board's; its other requests are dropped."""
    body = bytes([1, MessageType.HELLO, 5, 0])
    board.write(cobs_encode(body + words(zlib.crc32(body))) + b"\0")
    (frame,) = FrameReader().feed(board.read(65536, 10))
    assert (frame.version, frame.sequence) == (2, 5)
    body = bytes([1, MessageType.ABORT, 6, 0])
    board.write(cobs_encode(body + words(zlib.crc32(body))) + b"\0")
    assert board.read(65536, 1) == b""


def test_frame_longer_than_any_payload_is_dropped(board: Link):
    """A frame that could not fit the buffer is skipped to its end."""
    board.write(b"\x00" + b"\x55" * 6000 + b"\x00")
    assert board.read(65536, 5) == b""
    assert Device(board).hello().board == "rt1170"


@given(st.lists(st.binary(max_size=80), max_size=6))
def test_board_answers_after_any_noise(powered_board: Link, noise: list[bytes]):
    """Whatever bytes come, a good frame after them is answered."""
    for piece in noise:
        powered_board.write(piece)
        powered_board.read(65536, 5)
    assert Device(powered_board).hello().board == "rt1170"


@given(st.integers(0, 255), st.binary(max_size=60))
def test_board_survives_any_message(powered_board: Link, message: int, payload: bytes):
    """Right frames around wrong content are refused or answered, never fatal."""
    powered_board.write(encode_frame(message, 1, payload))
    assert powered_board.read(65536, 10) != b""
    assert Device(powered_board).hello().board == "rt1170"
