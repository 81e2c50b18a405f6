"""Kernel calls as a table: what a feature is counted from.

One call is one run of a kernel with its shapes; a block is some calls. ``outlines`` makes the
calls of blocks, ``cost_terms`` turns them into features.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from hwprof.errors import ModelError

Integers: TypeAlias = npt.NDArray[np.int64]


class KernelClass(IntEnum):
    """Code paths of the kernel library whose costs differ in kind (``kernels.h``)."""

    POINTWISE = 0
    CONV = 1
    DEPTHWISE_3X3 = 2
    DEPTHWISE_BUFFERED = 3
    DEPTHWISE_GENERIC = 4
    FULLY_CONNECTED = 5
    AVERAGE_POOL = 6
    MAX_POOL = 7
    ADD = 8
    MUL = 9
    COPY = 10
    FILL = 11
    TRANSPOSE = 12
    RESIZE = 13
    LOOKUP = 14
    SOFTMAX = 15
    REQUANTISE = 16


ZIPPED = 0
DENSE = 1
STEP_2 = 2


class Calls(NamedTuple):
    """Kernel calls, one array of length n_calls for each field; lengths in elements.

    Attributes:
        kernel: a ``KernelClass``.
        runs: stretches that a data movement copies one by one, with ``run_length`` elements
            each, every ``run_step``-th of its source; 0 for other kernels.
        run_step: 1 for contiguous runs, ``ZIPPED`` where a run interleaves two rows of
            ``run_length`` elements each.
        run_start: first element of the source that is read.
        read_stride, write_stride: elements from the start of a run to that of the next, in the
            source and in the output; 0 for other kernels.
        input_held, output_held: bytes of input and output that the data cache holds when the
            call begins (``residency``).
        inserted: cache lines that the block inserted before the call.
    """

    kernel: Integers
    in_h: Integers
    in_w: Integers
    in_c: Integers
    out_h: Integers
    out_w: Integers
    out_c: Integers
    kernel_h: Integers
    kernel_w: Integers
    stride_h: Integers
    stride_w: Integers
    pad_top: Integers
    pad_left: Integers
    groups: Integers
    runs: Integers
    run_length: Integers
    run_step: Integers
    run_start: Integers
    read_stride: Integers
    write_stride: Integers
    input_held: Integers
    output_held: Integers
    inserted: Integers
    macs: Integers

    @classmethod
    def of(cls, table: npt.ArrayLike) -> Calls:
        """Columns of a table (n_calls, n_fields).

        Raises:
            ModelError: a call has more MACs than 64 bits count.
        """
        calls = cls(*np.asarray(table, np.int64).reshape(-1, len(cls._fields)).T)
        window = 1.0 * calls.kernel_h * calls.kernel_w * (calls.in_c // calls.groups)
        macs = window * calls.out_h * calls.out_w * calls.out_c * (calls.macs != 0)
        if (macs >= _MOST_MACS).any():
            raise too_many_macs()
        return calls

    def take(self, chosen: Any) -> Calls:
        """Some of the calls, by their positions."""
        return Calls(*(field[chosen] for field in self))


_MOST_MACS = 2.0**63


def too_many_macs() -> ModelError:
    """What to raise where 64 bits do not count a block's work."""
    return ModelError("a block has more MACs than 64 bits count; use a smaller one.")


class BlockCalls(NamedTuple):
    """Calls of n blocks.

    Attributes:
        block: number of the block of each call, (n_calls,); the calls of one stand together.
    """

    calls: Calls
    block: Integers
    n_blocks: int


def output_run(c: Any) -> tuple[Any, Any]:
    """Bytes that a run of a movement writes, and bytes from one run's output to the next's."""
    zipped = 1 + (c.run_step == ZIPPED)
    return c.run_length * zipped, c.write_stride
