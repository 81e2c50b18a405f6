"""Arguments lie where Arm IHI 0042 puts them."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwprof.errors import ConfigurationError
from hwprof.firmware_stub.virtual.arguments import lay_out
from hwprof.firmware_stub.virtual.free_memory import Buffer

ONE = 0x3F80_0000  # 1.0 in single precision


def singles(count):
    """That many floats, 1.0, 2.0, ..."""
    return [float(number) for number in range(1, count + 1)]


class TestCoreRegisters:
    """Integers and pointers: r0 to r3, then the stack."""

    def test_take_words_in_order(self):
        """Negative numbers are two's complement, buffers are addresses."""
        frame = lay_out([1, -1, Buffer("dtcm", 0x2000_0040, 4), np.int8(-2)], "hard")

        assert frame.core == (1, 0xFFFF_FFFF, 0x2000_0040, 0xFFFF_FFFE)
        assert frame.stack == b""

    def test_what_is_left_goes_to_the_stack(self):
        """The fifth word lies at the stack pointer, the sixth above it."""
        frame = lay_out([1, 2, 3, 4, 5, 6], "hard")

        assert frame.core == (1, 2, 3, 4)
        assert frame.stack == struct.pack("<2I", 5, 6)

    def test_a_doubleword_takes_an_even_pair(self):
        """Rule C.3: r1 stays free in front of r2 and r3."""
        frame = lay_out([7, np.int64(-2)], "hard")

        assert frame.core == (7, 0, 0xFFFF_FFFE, 0xFFFF_FFFF)

    def test_a_doubleword_is_not_split(self):
        """Rules C.3 and C.6: it goes to the stack, and no later word goes to r3."""
        frame = lay_out([1, 2, 3, np.uint64(1 << 40), 4], "hard")

        assert frame.core == (1, 2, 3)
        assert frame.stack == struct.pack("<QI", 1 << 40, 4)

    def test_a_stacked_doubleword_is_aligned(self):
        """Rule C.7: a word in front of it is followed by four bytes of nothing."""
        frame = lay_out([1, 2, 3, 4, 5, np.int64(6)], "hard")

        assert frame.stack == struct.pack("<IIQ", 5, 0, 6)

    @pytest.mark.parametrize("value", [1 << 32, -(1 << 31) - 1])
    def test_refuse_what_has_no_32_bits(self, value):
        """The sentence says how to pass 64."""
        with pytest.raises(
            ConfigurationError, match=f"has 32 bits; got {value}; pass numpy's int64"
        ):
            lay_out([value], "hard")

    def test_refuse_what_they_do_not_know(self):
        """Text is no argument."""
        with pytest.raises(ConfigurationError, match="got str; convert it"):
            lay_out(["1"], "hard")


class TestFloatingPointRegisters:
    """Floats and doubles under the hard-float variant."""

    def test_take_the_lowest_free_registers(self):
        """A single fills the gap that a double's alignment left: rule A.1.vfp, back-filling."""
        frame = lay_out([1.0, np.float64(1.0), np.float32(1.0), 9], "hard")

        assert frame.single == {0: ONE, 2: 0, 3: 0x3FF0_0000, 1: ONE}
        assert frame.core == (9,)

    def test_leave_the_rest_to_the_stack(self):
        """The seventeenth single, and whatever comes behind it."""
        frame = lay_out([*singles(15), np.float64(1.0), 1.0], "hard")

        assert len(frame.single) == 15
        assert frame.stack == struct.pack("<df", 1.0, 1.0)

    def test_are_core_words_under_the_soft_variant(self):
        """A double is a doubleword of r registers."""
        frame = lay_out([1.0, np.float64(1.0)], "soft")

        assert frame.core == (ONE, 0, 0, 0x3FF0_0000)
        assert frame.single == {}

    def test_a_number_too_large_for_a_single_is_infinite(self):
        """As a conversion in C has it."""
        assert lay_out([1e300], "hard").single == {0: 0x7F80_0000}


@given(st.lists(st.integers(0, 0xFFFF_FFFF), max_size=12), st.sampled_from(["hard", "soft"]))
def test_words_come_out_in_order(words, abi):
    """Registers and stack together hold the words, whatever the ABI."""
    frame = lay_out(words, abi)

    stacked = struct.unpack(f"<{len(frame.stack) // 4}I", frame.stack)
    assert [*frame.core, *stacked] == words
