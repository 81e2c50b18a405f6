"""ELF images are read, and files that are none are refused in one sentence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwprof.errors import ConfigurationError
from hwprof.firmware_stub.manifest import image_of
from hwprof.firmware_stub.virtual.image import FirmwareImage, Symbol

PATH = image_of("simd").path
DATA = PATH.read_bytes()


@pytest.fixture(scope="module")
def image():
    """The firmware that ships."""
    return FirmwareImage.load(PATH)


def test_a_function_is_found_by_any_address_inside(image):
    """The address of a function's last instruction is the function's."""
    symbol = image.by_name["hwp_add_s8"]

    assert image.function_at(symbol.address + symbol.size_bytes - 2) == "hwp_add_s8"


def test_an_address_in_no_function_is_written_out():
    """Between functions there is a number, not the neighbour's name."""
    image = FirmwareImage("x", "", 0, (), (Symbol("f", 0x100, 8, is_function=True),))

    assert image.function_at(0x108) == "0x00000108"
    assert image.function_at(0x50) == "0x00000050"


def test_the_vector_table_starts_with_the_stack(image):
    """The table the image names holds a stack pointer in DTCM first."""
    assert image.vector_table is not None
    code = image.segments[0]
    offset = image.vector_table - code.address

    assert int.from_bytes(code.data[offset : offset + 4], "little") >> 20 == 0x200


def test_a_missing_file_says_how_to_build_one(tmp_path):
    """No image, no traceback."""
    with pytest.raises(ConfigurationError, match="make firmware"):
        FirmwareImage.load(tmp_path / "none.elf")


def test_an_image_for_another_processor_is_refused():
    """The host's own ELF files are not Arm's."""
    foreign = bytearray(DATA)
    foreign[18:20] = (62).to_bytes(2, "little")  # e_machine: x86-64

    with pytest.raises(ConfigurationError, match="32-bit little-endian Arm"):
        FirmwareImage.parse(bytes(foreign))


@given(length=st.integers(0, len(DATA) - 1))
def test_a_truncated_image_never_crashes(length):
    """Any prefix of an image is read or refused in one sentence."""
    _parse_or_refuse(DATA[:length])


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=8))
def test_a_damaged_header_never_crashes(changes):
    """Any bytes in the headers are read or refused in one sentence."""
    data = bytearray(DATA)
    for offset, value in changes:
        data[offset] = value

    _parse_or_refuse(bytes(data))


def _parse_or_refuse(data):
    try:
        FirmwareImage.parse(data)
    except ConfigurationError as error:
        assert "image" in str(error)  # noqa: PT017 - either outcome is right
