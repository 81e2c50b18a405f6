"""Bytes of scratch that each kernel needs: the table of ``firmware_stub/include/kernels.h``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hwprof.profiler.program import (
    AveragePoolRecord,
    Conv2dRecord,
    DepthwiseRecord,
    MeanRecord,
    Record,
)

_INT16_BYTES = 2
_INT32_BYTES = 4
_COLUMNS = 2  # the matrix multiplication takes two im2col columns at a time


def scratch_bytes(record: Record) -> int:
    """Bytes of scratch that the kernel of ``record`` may use; 0 for most kinds."""
    formula = _FORMULAS.get(type(record))
    return formula(record) if formula else 0


def _conv2d(record: Conv2dRecord) -> int:
    if record.groups == 1 and record.kernel_h == record.kernel_w == 1 and not _is_padded(record):
        return 0
    column = record.kernel_h * record.kernel_w * (record.in_c // record.groups)
    aligned_column = -(-column // 4) * 4
    return _COLUMNS * aligned_column * _INT16_BYTES


def _is_padded(record: Conv2dRecord) -> bool:
    """Whether a 1x1 kernel ever stands outside the input."""
    return (
        record.pad_top > 0
        or record.pad_left > 0
        or (record.out_h - 1) * record.stride_h >= record.in_h
        or (record.out_w - 1) * record.stride_w >= record.in_w
    )


def _depthwise(record: DepthwiseRecord) -> int:
    if record.out_c != record.in_c:
        return 0
    if (record.kernel_h, record.kernel_w) == (3, 3) and max(record.pad_top, record.pad_left) <= 1:
        return 0
    return record.kernel_h * record.kernel_w * record.in_c * _INT16_BYTES


def _average_pool(record: AveragePoolRecord) -> int:
    return record.in_c * _INT32_BYTES


def _mean(record: MeanRecord) -> int:
    return record.channels * _INT32_BYTES


_FORMULAS: dict[type[Record], Callable[[Any], int]] = {
    Conv2dRecord: _conv2d,
    DepthwiseRecord: _depthwise,
    AveragePoolRecord: _average_pool,
    MeanRecord: _mean,
}
