"""The pool is SplitMix64 without -128, and seeded tensors are aligned slices of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwprof.errors import ModelDoesNotFitError
from hwprof.pool import POOL_BYTES, pool_bytes, slice_offset

MASK = (1 << 64) - 1


def splitmix64(state: int) -> int:
    """One output of the published generator, in plain integers."""
    z = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK
    return z ^ (z >> 31)


@given(st.integers(0, POOL_BYTES // 8 - 1))
def test_each_word_is_the_published_generator(index: int) -> None:
    """Word i is SplitMix64's output i, little-endian, with 0x80 replaced by 0x81."""
    state = 0x687770726F660001 + (index + 1) * 0x9E3779B97F4A7C15 & MASK
    expected = splitmix64(state).to_bytes(8, "little").replace(b"\x80", b"\x81")

    assert pool_bytes()[8 * index : 8 * index + 8] == expected


@given(st.integers(0, 1 << 32), st.text(max_size=20), st.integers(0, POOL_BYTES))
def test_a_slice_lies_inside_the_pool_on_a_cache_line(seed: int, name: str, size: int) -> None:
    """Offsets are multiples of 32 and leave room for the tensor."""
    offset = slice_offset(seed, name, size)

    assert offset % 32 == 0
    assert 0 <= offset <= POOL_BYTES - size


def test_a_tensor_larger_than_the_pool_is_refused() -> None:
    """Both sizes are named."""
    with pytest.raises(ModelDoesNotFitError, match="1,048,576 bytes; 'w' needs 1,048,577"):
        slice_offset(0, "w", POOL_BYTES + 1)
