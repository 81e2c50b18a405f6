"""One vectorised function for each record type; docs/FORMATS.md defines the arithmetic.

Tensors are int8 (h, w, c). Products of int8 are summed by BLAS in floating point where that is
exact: every partial sum is an integer, so float32 is exact while sums stay below 2^24 and float64
below 2^53, in any order of summation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from hwprof.profiler.fixed_point import (
    INT8_MAX,
    INT8_MIN,
    Int64,
    divide_rounding,
    rescale,
    rescale_once,
    round_half_up,
)
from hwprof.profiler.program import (
    AddRecord,
    AveragePoolRecord,
    Conv2dRecord,
    DepthwiseRecord,
    FillRecord,
    FullyConnectedRecord,
    LookupRecord,
    MaxPoolRecord,
    MeanRecord,
    MulRecord,
    Record,
    Requantisation,
    RequantiseRecord,
    ResizeNearestRecord,
    SoftmaxRecord,
    StridedCopyRecord,
    SubRecord,
    TransposeRecord,
)
from hwprof.profiler.reference._memory import Int8, Memory, Written
from hwprof.profiler.reference._softmax import softmax_rows

Int32 = npt.NDArray[np.int32]
Weighted = Conv2dRecord | DepthwiseRecord | FullyConnectedRecord
Window = Conv2dRecord | DepthwiseRecord | AveragePoolRecord | MaxPoolRecord

_FLOAT32_EXACT = 1 << 24


def _conv2d(record: Conv2dRecord, memory: Memory) -> Written:
    padded = _padded(record, memory.tensor(record.input), -record.input_offset)
    shifted = padded.astype(np.int16) + np.int16(record.input_offset)
    weights = _weights(record, memory, record.out_c).reshape(record.groups, -1, _taps(record))
    sums = [
        _dot(_columns(record, part), kernel)
        for part, kernel in zip(np.split(shifted, record.groups, axis=2), weights, strict=True)
    ]
    return _store_sums(record, memory, np.concatenate(sums, axis=1) if len(sums) > 1 else sums[0])


def _taps(record: Conv2dRecord) -> int:
    return record.kernel_h * record.kernel_w * (record.in_c // record.groups)


def _columns(record: Conv2dRecord, padded: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
    """The im2col matrix (out_h * out_w, kernel_h * kernel_w * channels) of a padded input."""
    windows = _windows(record, padded)  # (out_h, out_w, c, kernel_h, kernel_w)
    rows = record.out_h * record.out_w
    return windows.transpose(0, 1, 3, 4, 2).reshape(rows, -1)


def _weights(record: Weighted, memory: Memory, channels: int) -> npt.NDArray[np.int16]:
    """Weights (channels, taps) less their zero points."""
    weights = memory.bytes_of(record.weights).reshape(channels, -1).astype(np.int16)
    return weights - _zero_points(record, memory, channels).reshape(-1, 1)


def _zero_points(record: Weighted, memory: Memory, channels: int) -> npt.NDArray[np.int16]:
    """Of weights: one for each channel, or one for all."""
    if not record.has_weight_zero_point:
        return np.zeros(1, np.int16)
    count = channels if record.per_channel else 1  # the board fills whole words
    return memory.bytes_of(record.weight_zero_point)[:count].astype(np.int16)


def _dot(rows: npt.NDArray[np.int16], kernel: npt.NDArray[np.int16]) -> Int64:
    """Rows (n, k) times the transpose of kernel (channels, k), exactly."""
    largest = max(int(rows.max(initial=0)), -int(rows.min(initial=0)))
    bound = int(np.abs(kernel.astype(np.int32)).sum(axis=1).max()) * largest
    dtype = np.float32 if bound < _FLOAT32_EXACT else np.float64
    product: Int64 = (rows.astype(dtype) @ kernel.T.astype(dtype)).astype(np.int64)
    return product


def _depthwise(record: DepthwiseRecord, memory: Memory) -> Written:
    padded = _padded(record, memory.tensor(record.input), -record.input_offset)
    shifted = padded.astype(np.int32) + record.input_offset
    if record.out_c != record.in_c:
        shifted = np.repeat(shifted, record.out_c // record.in_c, axis=2)
    weights = memory.bytes_of(record.weights).astype(np.int32)
    kernel = weights.reshape(record.kernel_h, record.kernel_w, record.out_c)
    kernel = kernel - _zero_points(record, memory, record.out_c)
    sums = np.zeros((record.out_h, record.out_w, record.out_c), np.int32)
    for row in range(record.kernel_h):
        for column in range(record.kernel_w):
            sums += _tap(record, shifted, row, column) * kernel[row, column]
    return _store_sums(record, memory, sums.reshape(-1, record.out_c))


def _fully_connected(record: FullyConnectedRecord, memory: Memory) -> Written:
    row = memory.tensor(record.input).reshape(1, -1).astype(np.int16)
    weights = _weights(record, memory, record.out_features)
    sums = _dot(row + np.int16(record.input_offset), weights)
    return _store_sums(record, memory, sums, rescale_once)


def _store_sums(
    record: Weighted,
    memory: Memory,
    sums: npt.NDArray[np.signedinteger[Any]],
    rescaled: Callable[..., Int64] = rescale,
) -> Written:
    """Bias, requantisation and clamp of sums (pixels, channels)."""
    shift = memory.words_of(record.shift)
    if record.requantisation == Requantisation.SHIFT:
        bias = memory.bytes_of(record.bias).astype(np.int64) << memory.words_of(record.bias_shift)
        scaled = round_half_up(sums + bias, shift)
    else:
        bias = memory.words_of(record.bias).astype(np.int64)
        scaled = rescaled(sums + bias, memory.words_of(record.multiplier), shift)
    scaled += record.output_offset
    bounds = record.activation_min, record.activation_max
    return _store(record, memory, scaled, bounds)


def _store(record: Any, memory: Memory, values: Int64, bounds: tuple[int, int]) -> Written:
    """Clamp, write, and count what the rails cut off.

    A lower bound at the zero point is a ReLU's: what it cuts off is wanted. So is what an upper
    bound below the rail cuts off.
    """
    low, high = bounds
    cut_below = np.count_nonzero(values < INT8_MIN) if low < record.output_offset else 0
    cut_above = np.count_nonzero(values > INT8_MAX) if high == INT8_MAX else 0
    memory.write(record.output, np.clip(values, low, high))
    return Written(values.size, int(cut_below) + int(cut_above))


def _padded(record: Window, tensor: Int8, zero_point: int) -> Int8:
    """The input with a border, wide enough for every window, that stands for zero."""
    bottom = (record.out_h - 1) * record.stride_h + record.kernel_h - record.in_h - record.pad_top
    right = (record.out_w - 1) * record.stride_w + record.kernel_w - record.in_w - record.pad_left
    border = ((record.pad_top, max(bottom, 0)), (record.pad_left, max(right, 0)), (0, 0))
    if not np.any(border):
        return tensor
    return np.pad(tensor, border, constant_values=zero_point)


def _windows(record: Window, padded: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A view (out_h, out_w, c, kernel_h, kernel_w) of a padded input."""
    extent = (record.kernel_h, record.kernel_w)
    every = np.lib.stride_tricks.sliding_window_view(padded, extent, axis=(0, 1))
    strided = every[:: record.stride_h, :: record.stride_w]
    return strided[: record.out_h, : record.out_w]


def _tap(record: Window, padded: npt.NDArray[Any], row: int, column: int) -> npt.NDArray[Any]:
    """What one position of the kernel sees, shape (out_h, out_w, c)."""
    strided = padded[row :: record.stride_h, column :: record.stride_w]
    return strided[: record.out_h, : record.out_w]


def _average_pool(record: AveragePoolRecord, memory: Memory) -> Written:
    outside = record.zero_point if record.count_include_pad else 0
    padded = _padded(record, memory.tensor(record.input), outside).astype(np.int32)
    sums = _sum_of_taps(record, padded)
    counts: npt.ArrayLike = record.kernel_h * record.kernel_w
    if not record.count_include_pad:
        inside = np.ones((record.in_h, record.in_w, 1), np.int8)
        counts = _sum_of_taps(record, _padded(record, inside, 0).astype(np.int32))
    means = divide_rounding(sums, counts)
    memory.write(record.output, np.clip(means, record.activation_min, record.activation_max))
    return Written()


def _sum_of_taps(record: Window, padded: Int32) -> Int32:
    sums = np.zeros((record.out_h, record.out_w, padded.shape[2]), np.int32)
    for row in range(record.kernel_h):
        for column in range(record.kernel_w):
            sums += _tap(record, padded, row, column)
    return sums


def _max_pool(record: MaxPoolRecord, memory: Memory) -> Written:
    padded = _padded(record, memory.tensor(record.input), INT8_MIN)
    largest = np.full((record.out_h, record.out_w, record.out_c), INT8_MIN, np.int8)
    for row in range(record.kernel_h):
        for column in range(record.kernel_w):
            np.maximum(largest, _tap(record, padded, row, column), out=largest)
    memory.write(record.output, np.clip(largest, record.activation_min, record.activation_max))
    return Written()


def _mean(record: MeanRecord, memory: Memory) -> Written:
    pixels = memory.tensor(record.input).reshape(record.pixels, record.channels)
    sums = pixels.sum(axis=0, dtype=np.int64) + record.pixels * record.input_offset
    scaled = rescale(sums, record.multiplier, record.shift) + record.output_offset
    return _store(record, memory, scaled, (INT8_MIN, INT8_MAX))


def _add(record: AddRecord, memory: Memory) -> Written:
    return _sum(record, memory, sign=1)


def _sub(record: SubRecord, memory: Memory) -> Written:
    return _sum(record, memory, sign=-1)


def _sum(record: AddRecord | SubRecord, memory: Memory, *, sign: int) -> Written:
    first = memory.tensor(record.input_1).astype(np.int64) + record.input_1_offset
    second = memory.tensor(record.input_2).astype(np.int64) + record.input_2_offset
    total = rescale(
        first << record.left_shift, record.input_1_multiplier, record.input_1_shift
    ) + sign * rescale(second << record.left_shift, record.input_2_multiplier, record.input_2_shift)
    scaled = rescale(total, record.output_multiplier, record.output_shift) + record.output_offset
    return _store(record, memory, scaled, (record.activation_min, record.activation_max))


def _mul(record: MulRecord, memory: Memory) -> Written:
    first = memory.tensor(record.input_1).astype(np.int64) + record.input_1_offset
    second = memory.tensor(record.input_2).astype(np.int64) + record.input_2_offset
    scaled = rescale(first * second, record.output_multiplier, record.output_shift)
    scaled += record.output_offset
    return _store(record, memory, scaled, (record.activation_min, record.activation_max))


def _requantise(record: RequantiseRecord, memory: Memory) -> Written:
    shifted = memory.tensor(record.input).astype(np.int64) + record.input_offset
    scaled = rescale(shifted, record.multiplier, record.shift) + record.output_offset
    return _store(record, memory, scaled, (INT8_MIN, INT8_MAX))


def _strided_copy(record: StridedCopyRecord, memory: Memory) -> Written:
    source = memory.tensor(record.input)[
        _steps(record.src_h, record.copy_h, record.step_h),
        _steps(record.src_w, record.copy_w, record.step_w),
        _steps(record.src_c, record.copy_c, record.step_c),
    ]
    box = (
        _steps(record.dst_h, record.copy_h, 1),
        _steps(record.dst_w, record.copy_w, 1),
        _steps(record.dst_c, record.copy_c, 1),
    )
    memory.write_box(record.output, box, source)
    return Written()


def _steps(start: int, count: int, step: int) -> slice:
    return slice(start, start + (count - 1) * step + 1, step)


def _fill(record: FillRecord, memory: Memory) -> Written:
    memory.write(record.output, np.full(record.size, record.value, np.int8))
    return Written()


def _transpose(record: TransposeRecord, memory: Memory) -> Written:
    dims = (record.dim_0, record.dim_1, record.dim_2, record.dim_3)
    order = (record.perm_0, record.perm_1, record.perm_2, record.perm_3)
    memory.write(record.output, memory.tensor(record.input).reshape(dims).transpose(order))
    return Written()


def _resize_nearest(record: ResizeNearestRecord, memory: Memory) -> Written:
    rows = np.arange(record.out_h) * record.in_h // record.out_h
    columns = np.arange(record.out_w) * record.in_w // record.out_w
    memory.write(record.output, memory.tensor(record.input)[rows][:, columns])
    return Written()


def _lookup(record: LookupRecord, memory: Memory) -> Written:
    table = memory.bytes_of(record.table)
    memory.write(record.output, table[memory.tensor(record.input).astype(np.int64) - INT8_MIN])
    return Written()


def _softmax(record: SoftmaxRecord, memory: Memory) -> Written:
    rows = memory.tensor(record.input).reshape(record.rows, record.row_size)
    memory.write(record.output, softmax_rows(record, rows))
    return Written()


KERNELS: Mapping[type[Record], Callable[[Any, Memory], Written]] = MappingProxyType(
    {
        Conv2dRecord: _conv2d,
        DepthwiseRecord: _depthwise,
        FullyConnectedRecord: _fully_connected,
        AveragePoolRecord: _average_pool,
        MaxPoolRecord: _max_pool,
        AddRecord: _add,
        MulRecord: _mul,
        StridedCopyRecord: _strided_copy,
        FillRecord: _fill,
        TransposeRecord: _transpose,
        ResizeNearestRecord: _resize_nearest,
        LookupRecord: _lookup,
        SoftmaxRecord: _softmax,
        RequantiseRecord: _requantise,
        SubRecord: _sub,
        MeanRecord: _mean,
    }
)
