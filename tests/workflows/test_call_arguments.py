"""Words of a command line as arguments of a call."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwprof.errors import ConfigurationError, HwprofError, UnknownNameError
from hwprof.firmware_stub.virtual.board import VirtualBoard
from hwprof.firmware_stub.virtual.board_files import load_board
from hwprof.firmware_stub.virtual.image import FirmwareImage, Segment, Symbol
from hwprof.firmware_stub.virtual.modes import load_timing
from hwprof.workflows.call_arguments import FilledBuffer, place_argument

SYMBOLS = (
    Symbol("table", 0x2000_0000, 16, is_function=False, is_data=True),
    Symbol("handler", 0x100, 2, is_function=True),
)


@pytest.fixture(scope="module")
def board():
    """An RT1170 with two symbols."""
    image = FirmwareImage("x.elf", "", 0, (Segment(0x100, b"\x70\x47"),), SYMBOLS)
    return VirtualBoard(load_board("rt1170"), image, load_timing("pipeline", "cortex_m7"))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("-1", -1),
        ("0x20", 32),
        ("i64:-3", np.int64(-3)),
        ("i64:0xffffffffffffffff", np.uint64(2**64 - 1)),
        ("f:1.5", np.float32(1.5)),
        ("f:1e300", np.float32(math.inf)),
        ("d:-0.1", np.float64(-0.1)),
        ("&table", 0x2000_0000),
        ("&table+8", 0x2000_0008),
        ("&handler", 0x101),
    ],
)
def test_numbers_and_addresses(text, value, board):
    """Each word is a number of the type that it names; a function's pointer has the Thumb bit."""
    found = place_argument(text, board)

    assert found == value
    assert type(found) is type(value)


def test_a_buffer_is_zero_unless_filled(board):
    """Its bytes lie where it says."""
    buffer = place_argument("buffer:sdram:64", board)

    assert isinstance(buffer, FilledBuffer)
    assert (buffer.place.memory, buffer.content) == ("sdram", bytes(64))


def test_noise_depends_on_its_seed_only(board):
    """Equal seeds give equal bytes, other seeds others."""
    words = ("noise", "noise:0", "noise:1")
    first, same, other = (place_argument(f"buffer:ocram:99={w}", board).content for w in words)

    assert first == same != other


def test_a_file_fills_a_buffer(board, tmp_path):
    """With zeros behind it, or with the size of the file."""
    path = tmp_path / "input.bin"
    path.write_bytes(b"abc")

    assert place_argument(f"buffer:dtcm:5=file:{path}", board).content == b"abc\0\0"
    assert place_argument(f"buffer:dtcm=file:{path}", board).content == b"abc"


@pytest.mark.parametrize(
    "text",
    [
        "", "five", "1.5", "f:", "f:x", "i64:1.5", "i64:0x1ffffffffffffffff", "x:1", "&",
        "&table+x", "buffer", "buffer:", "buffer:dtcm", "buffer:dtcm:x", "buffer:dtcm:4=ones",
        "buffer:dtcm:4=zeros:1", "buffer:dtcm:4=noise:x", "buffer:dtcm:4=noise:-1",
    ],
)  # fmt: skip
def test_a_broken_word_is_answered_with_the_grammar(text, board):
    """All forms, and the word that is none of them."""
    with pytest.raises(ConfigurationError, match=r"an argument is N, i64:N.*; got ") as caught:
        place_argument(text, board)

    assert repr(text) in str(caught.value)


@pytest.mark.parametrize("size", ["0", "0x40000001"])
def test_a_buffer_has_a_size_in_bounds(size, board):
    """At least a byte, at most a GiB."""
    with pytest.raises(ConfigurationError, match="a buffer has 1 to 1,073,741,824 bytes"):
        place_argument(f"buffer:dtcm:{size}", board)


def test_a_buffer_that_does_not_fit_names_itself(board):
    """The word, the memory, and how much is free."""
    with pytest.raises(ConfigurationError, match=r"the buffer of 'buffer:dtcm:0x40001' must fit"):
        place_argument("buffer:dtcm:0x40001", board)


def test_a_file_larger_than_its_buffer_is_refused(board, tmp_path):
    """Nothing is cut off."""
    path = tmp_path / "input.bin"
    path.write_bytes(bytes(9))

    with pytest.raises(ConfigurationError, match=r"at most 8 bytes; .* has 9"):
        place_argument(f"buffer:dtcm:8=file:{path}", board)


def test_a_missing_file_is_told(board, tmp_path):
    """With the system's reason."""
    with pytest.raises(ConfigurationError, match=r"what fills .* cannot be opened \(No such"):
        place_argument(f"buffer:dtcm:8=file:{tmp_path / 'none'}", board)


def test_an_unknown_symbol_is_answered_with_the_nearest(board):
    """Variables count as well."""
    with pytest.raises(UnknownNameError, match="unknown symbol 'tabel'; did you mean table"):
        place_argument("&tabel", board)


@given(st.one_of(st.text(max_size=30), st.from_regex(r"(buffer:|&|f:|i64:)\S{0,20}")))
def test_any_word_is_an_argument_or_refused(board, text):
    """Nothing but errors of ours comes out."""
    try:
        place_argument(text, board)
    except HwprofError as error:
        assert str(error)  # noqa: PT017 - either outcome is right
