"""Frames and messages of docs/PROTOCOL.md."""

from __future__ import annotations

import contextlib
import re
import struct
from enum import IntEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwprof.errors import ConfigurationError, ProtocolError
from hwprof.firmware_stub.manifest import IMAGES
from hwprof.profiler.frames import (
    FrameReader,
    cobs_decode,
    cobs_encode,
    decode_frame,
    encode_frame,
)
from hwprof.profiler.protocol import (
    IDENTITY_BYTES,
    IDENTITY_OFFSET_BYTES,
    BoardInfo,
    Destination,
    HelloPiece,
    MemoryUse,
    MessageType,
    RunReport,
    decode_error,
    words,
)

# Blocks whose length meets the group of 254, the only special number of the encoding.
blocks = st.binary(max_size=600) | st.builds(
    lambda size, fill: bytes([fill]) * size, st.integers(250, 515), st.sampled_from([0, 1, 255])
)


@pytest.mark.parametrize(
    ("data", "encoded"),
    [
        (b"", b"\x01"),
        (b"\x00", b"\x01\x01"),
        (b"\x11\x22\x00\x33", b"\x03\x11\x22\x02\x33"),
        (b"\x11\x00\x00\x00", b"\x02\x11\x01\x01\x01"),
        (bytes(range(1, 255)), b"\xff" + bytes(range(1, 255))),
        (bytes(range(256)), b"\x01\xff" + bytes(range(1, 255)) + b"\x02\xff"),
    ],
)
def test_cobs_encodes_the_examples_of_its_paper(data: bytes, encoded: bytes):
    """The encoding is that of Cheshire and Baker, with no code after a full last group."""
    assert cobs_encode(data) == encoded


@given(blocks)
def test_cobs_gives_back_what_it_took(data: bytes):
    """Decoding undoes encoding."""
    assert cobs_decode(cobs_encode(data)) == data


@given(blocks)
def test_cobs_leaves_no_zero_and_adds_one_byte_in_254(data: bytes):
    """'The overhead is at most one byte in 254', and zero is free for the delimiter."""
    encoded = cobs_encode(data)
    assert 0 not in encoded
    assert len(encoded) <= len(data) + len(data) // 254 + 1


@given(st.binary(max_size=300))
def test_cobs_decodes_any_bytes_or_refuses_them(data: bytes):
    """Whatever the line brings is decoded to no more bytes than came, or refused."""
    decoded = b""
    with contextlib.suppress(ProtocolError):
        decoded = cobs_decode(data)
    assert len(decoded) <= len(data)


@given(st.sampled_from(MessageType), st.integers(0, 0xFFFF), st.binary(max_size=300))
def test_frame_survives_the_line(message: MessageType, sequence: int, payload: bytes):
    """A frame is read as it was written."""
    frame = decode_frame(encode_frame(message, sequence, payload).strip(b"\0"))
    assert (frame.message_type, frame.sequence, frame.payload) == (message, sequence, payload)


@given(st.binary(min_size=1, max_size=40), st.data())
def test_frame_with_a_flipped_bit_is_refused(payload: bytes, data: st.DataObject):
    """One wrong bit anywhere is always seen: CRC-32 finds every single-bit error."""
    frame = bytearray(encode_frame(MessageType.CHUNK, 7, payload).strip(b"\0"))
    bit = data.draw(st.integers(0, 8 * len(frame) - 1))
    frame[bit // 8] ^= 1 << bit % 8
    reader = FrameReader()
    assert [f.payload for f in reader.feed(bytes(frame) + b"\0")] == []


@given(st.lists(st.binary(max_size=30), max_size=5), st.integers(1, 9))
def test_reader_finds_frames_however_they_are_cut(payloads: list[bytes], step: int):
    """A stream is a stream: the size of its pieces does not matter."""
    stream = b"".join(encode_frame(MessageType.READ, i, p) for i, p in enumerate(payloads))
    reader = FrameReader()
    frames = [
        frame
        for start in range(0, len(stream), step)
        for frame in reader.feed(stream[start : start + step])
    ]
    assert [frame.payload for frame in frames] == payloads


@given(st.binary(max_size=100))
def test_reader_is_in_step_again_after_noise(noise: bytes):
    """After any bytes the next delimiter restores the order."""
    reader = FrameReader()
    list(reader.feed(noise))
    assert [f.sequence for f in reader.feed(encode_frame(MessageType.HELLO, 42))][-1:] == [42]


def test_reader_forgets_a_frame_that_never_ends():
    """A line that sends no delimiter does not fill the host's memory."""
    reader = FrameReader()
    for _ in range(40):
        assert not list(reader.feed(b"\x55" * 10_000))
    assert len(reader._open) < 70_000
    assert [f.sequence for f in reader.feed(encode_frame(MessageType.HELLO, 3))] == [3]
    assert reader.dropped == 1


def test_reader_forgets_what_a_broken_line_left_open():
    """Half a frame from before is no beginning of the next one."""
    reader = FrameReader()
    assert not list(reader.feed(encode_frame(MessageType.HELLO, 3)[:7]))
    reader.forget()
    assert [f.sequence for f in reader.feed(encode_frame(MessageType.HELLO, 4)[1:])] == [4]


def test_a_piece_of_hello_says_where_it_lies():
    """Offset and size of the whole come with it."""
    assert HelloPiece.request(7, 9) == bytes([7, 0, 9, 0])
    piece = HelloPiece.decode(bytes([2, 0, 6, 0]) + b"abcd")
    assert (piece.offset_bytes, piece.total_bytes, piece.data) == (2, 6, b"abcd")


def hello(**changes: object) -> bytes:
    """A HELLO response with one memory."""
    fields = {
        "program_version": 1, "max_payload_bytes": 4096, "clock_hz": 996_000_000,
        "max_program_bytes": 1, "max_constants_bytes": 2, "pool_bytes": 3, "pool_crc32": 4,
        "baud": 115_200, "memory_count": 1,
        "board": b"rt1170", "kernels": b"simd", "code_memory": b"itcm",
        "firmware": b"0123456789abcdef", "identity": b"00",
    } | changes  # fmt: skip
    memory = struct.pack("<12sIII", b"ocram", 0x20240000, 1024, 5)
    return struct.pack("<HHIIIIIIB16s16s16s16s32s", *fields.values()) + memory


def test_hello_is_decoded_field_by_field():
    """Names lose their padding, memories know what they are for."""
    info = BoardInfo.decode(hello())
    assert (info.board, info.kernels, info.code_memory) == ("rt1170", "simd", "itcm")
    assert info.memories[0].uses == MemoryUse.ACTIVATIONS | MemoryUse.SCRATCH
    assert info.memories[0].base_address == 0x20240000


def test_identity_is_a_piece_of_hello():
    """A line that was opened again asks for no more than who is there."""
    piece = hello(identity=b"abc")[IDENTITY_OFFSET_BYTES:][:IDENTITY_BYTES]
    assert BoardInfo.decode_identity(piece) == ("0123456789abcdef", "abc")


@pytest.mark.parametrize("payload", [b"", b"123", bytes([2, 0, 5, 0]) + b"abcd"])
def test_a_piece_of_a_wrong_size_is_refused(payload: bytes):
    """A piece says where it lies in how much, and is not longer."""
    with pytest.raises(ProtocolError, match=r"a piece has|are no piece of"):
        HelloPiece.decode(payload)


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"", "HELLO has at least"),
        (hello(memory_count=2), "does not hold 2 memories"),
        (hello(max_payload_bytes=8), "takes payloads of 1024 bytes"),
        (hello(clock_hz=0), "and 0 Hz"),
        (hello(board=b"\xff\xfe"), "is printable ASCII text"),
        (hello(board=b"\x1b[2J"), "is printable ASCII text"),
    ],
)
def test_hello_that_cannot_be_is_refused(payload: bytes, message: str):
    """A board that says nonsense of itself is not used."""
    with pytest.raises(ProtocolError, match=message):
        BoardInfo.decode(payload)


def test_memory_is_found_by_name_and_use():
    """A memory that exists but is not offered for a use is refused by name."""
    info = BoardInfo.decode(hello())
    assert info.memory_index("ocram", MemoryUse.SCRATCH) == 0
    with pytest.raises(ConfigurationError, match=r"offers  ?for weights; got 'ocram'"):
        info.memory_index("ocram", MemoryUse.WEIGHTS)


@pytest.mark.parametrize(
    ("identity", "timing_model"),
    [
        (b"HWPROFP1".hex().encode(), "pipeline-1"),
        (b"HWPROFE3".hex().encode(), "exact-3"),
        (b"3a1f5c0012345678", "silicon"),
        (b"", "silicon"),
    ],
)
def test_identity_says_whether_a_board_is_virtual(identity: bytes, timing_model: str):
    """Behind a serial port only the unique id tells a virtual board from silicon."""
    assert BoardInfo.decode(hello(identity=identity)).timing_model == timing_model


def test_run_report_is_decoded_with_64_bit_cycles():
    """Cycles are wider than the counter."""
    payload = struct.pack("<IIIIQIQI", 9, 2, 64, 2, 1 << 33, 5, 7, 6)
    report = RunReport.decode(payload)
    assert (report.run, report.repeat, report.first) == (9, 2, 64)
    assert [(r.cycles, r.crc32) for r in report.records] == [(1 << 33, 5), (7, 6)]


@pytest.mark.parametrize("payload", [b"", struct.pack("<IIIIQ", 0, 0, 0, 1, 5)])
def test_run_report_of_a_wrong_size_is_refused(payload: bytes):
    """Counts are compared with bytes before they are used."""
    with pytest.raises(ProtocolError, match="RESULTS has"):
        RunReport.decode(payload)


def test_cycles_that_no_record_takes_are_refused():
    """What is added up and stored as 64 bits with a sign comes from a board."""
    longest = RunReport.decode(struct.pack("<IIIIQI", 9, 0, 0, 1, 1 << 48, 0))
    assert longest.records[0].cycles == 1 << 48
    with pytest.raises(ProtocolError, match="RESULTS says 281,474,976,710,657"):
        RunReport.decode(struct.pack("<IIIIQI", 9, 0, 0, 1, (1 << 48) + 1, 0))


def test_words_are_little_endian():
    """Payloads are made of 32-bit words, the low byte first."""
    assert words(1, 0x0403_0201) == b"\x01\x00\x00\x00\x01\x02\x03\x04"


def test_error_is_decoded_to_code_and_sentence():
    """An error response is a number for programs and a sentence for people."""
    assert decode_error(b"\x07\x00record 3: no") == (7, "record 3: no")
    assert decode_error(b"\x07\x00\x1b[2Jno\n") == (7, "?[2Jno?")
    with pytest.raises(ProtocolError, match="at least 2 bytes"):
        decode_error(b"\x07")


def _c_enum(header: str, prefix: str) -> dict[str, int]:
    """Members of an enum in the firmware's header, prefix taken off."""
    return {
        name: int(value, 0)
        for name, value in re.findall(rf"^    {prefix}(\w+) = (\w+),$", header, re.MULTILINE)
    }


@pytest.mark.parametrize(
    ("prefix", "numbers"),
    [("HWP_MESSAGE_", MessageType), ("HWP_DESTINATION_", Destination)],
)
def test_host_and_firmware_use_the_same_numbers(prefix: str, numbers: type[IntEnum]):
    """Both sides of the wire are written by hand, and may not drift apart."""
    header = (IMAGES.parent / "include" / "hwp_protocol.h").read_text()
    assert _c_enum(header, prefix) == {number.name: int(number) for number in numbers}
