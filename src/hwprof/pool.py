"""The pool of pseudo-random bytes that every board carries, and where a seeded tensor lies in it.

docs/FORMATS.md, "Seeded tensors", is the definition; firmware never generates the pool, it reads
it from flash.
"""

from __future__ import annotations

import hashlib
from functools import cache

import numpy as np
import numpy.typing as npt

from hwprof.errors import ModelDoesNotFitError

POOL_BYTES = 1 << 20
_SEED = 0x6877_7072_6F66_0001
_ALIGNMENT_BYTES = 32

# SplitMix64's increment and mixing constants (Steele, Lea and Flood, OOPSLA 2014, figure 17).
_GAMMA = 0x9E37_79B9_7F4A_7C15
_MIX_1 = 0xBF58_476D_1CE4_E5B9
_MIX_2 = 0x94D0_49BB_1331_11EB


@cache
def pool_bytes() -> bytes:
    """The whole pool, ``POOL_BYTES`` long."""
    count = POOL_BYTES // 8
    with np.errstate(over="ignore"):  # arithmetic modulo 2^64 is the algorithm
        state = np.uint64(_SEED) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(_GAMMA)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(_MIX_1)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(_MIX_2)
        state ^= state >> np.uint64(31)
    values = state.astype("<u8").view(np.uint8)
    values[values == 0x80] = 0x81  # symmetric weights have no -128
    return values.tobytes()


def pool_slice(offset_bytes: int, size_bytes: int) -> npt.NDArray[np.int8]:
    """A read-only int8 view of the pool, shape (size_bytes,)."""
    return np.frombuffer(pool_bytes(), np.int8, size_bytes, offset_bytes)


def slice_offset(seed: int, name: str, size_bytes: int) -> int:
    """Byte offset of the pool slice that fills tensor ``name`` of a graph of this seed.

    Raises:
        ModelDoesNotFitError: the tensor is larger than the pool.
    """
    if size_bytes > POOL_BYTES:
        raise ModelDoesNotFitError(
            f"a seeded tensor is a slice of a pool of {POOL_BYTES:,} bytes; {name!r} needs "
            f"{size_bytes:,}; use a smaller block."
        )
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    slots = (POOL_BYTES - size_bytes) // _ALIGNMENT_BYTES + 1
    return _ALIGNMENT_BYTES * (int.from_bytes(digest[:4], "little") % slots)
