"""Random programs for kernels: what a kernel library must compute exactly as the host does.

A library behind ``firmware_stub/include/kernels.h`` is right when a board that carries it returns
the checksums of ``hwprof.profiler.reference`` for ``random_program(seed)`` and any seed. Shapes are
small and awkward: odd channels, even kernels, one-sided padding, windows beside the input,
offsets and values at the rails, outputs over inputs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from hwprof.measurement import DEFAULT_SCHEME, Placement
from hwprof.profiler.program import (
    ALIGNMENT_BYTES,
    NO_BUFFER,
    AddRecord,
    AveragePoolRecord,
    Buffer,
    Conv2dRecord,
    DataConstant,
    DepthwiseRecord,
    FillRecord,
    FullyConnectedRecord,
    LookupRecord,
    MaxPoolRecord,
    MeanRecord,
    MulRecord,
    Program,
    ProgramInput,
    Record,
    Region,
    Requantisation,
    RequantiseRecord,
    ResizeNearestRecord,
    SoftmaxRecord,
    StridedCopyRecord,
    SubRecord,
    TransposeRecord,
)
from hwprof.profiler.scratch import scratch_bytes

CHANNELS = (1, 2, 3, 4, 5, 7, 8, 12, 13, 16, 19, 24, 33)
ZERO_POINTS = (-128, -127, -1, 0, 1, 3, 126, 127)
_PRODUCT_BITS = 16  # an input with its offset times a weight with its own

Fields = dict[str, Any]
Int64 = npt.NDArray[np.int64]


@dataclass(slots=True)
class Layout:
    """Buffers side by side in their regions, and what they hold before the program runs."""

    rng: np.random.Generator
    weight_zero_points: bool = False
    tensors: dict[Buffer, bytes] = field(default_factory=dict)
    constants: list[DataConstant] = field(default_factory=list)
    weights: dict[Buffer, bytes] = field(default_factory=dict)
    used_bytes: dict[Region, int] = field(default_factory=dict)

    def reserve(self, name: str, region: Region, shape: tuple[int, ...]) -> Buffer:
        """A buffer behind the last one of its region; its name is made unique."""
        size_bytes = int(np.prod(shape))
        start = self.used_bytes.get(region, 0)
        self.used_bytes[region] = start + -(-size_bytes // ALIGNMENT_BYTES) * ALIGNMENT_BYTES
        shape_3 = (shape[0], shape[1], shape[2]) if len(shape) == 3 else ()
        return Buffer(f"{name}@{start}", region, start, size_bytes, shape_3)

    def tensor(self, name: str, *shape: int) -> Buffer:
        """An int8 tensor (h, w, c) of any values, at times all or many at the rails.

        Outputs hold noise too: what a kernel forgets to write shows.
        """
        buffer = self.reserve(name, Region.ACTIVATIONS, shape)
        values = self.rng.integers(-128, 128, buffer.size_bytes)
        rails = self.rng.random(buffer.size_bytes) < self.rng.choice([0.0, 0.2, 1.0])
        values[rails] = self.rng.choice([-128, 127], rails.sum())
        self.tensors[buffer] = values.astype(np.int8).tobytes()
        return buffer

    def kernel(self, *shape: int) -> Buffer:
        """Weights, at times all at one rail so that outputs saturate."""
        buffer = self.reserve("weights", Region.WEIGHTS, (int(np.prod(shape)),))
        values = self.rng.integers(-128, 128, buffer.size_bytes)
        if self.rng.random() < 0.2:
            values[:] = self.rng.choice([-128, 127])
        self.weights[buffer] = values.astype(np.int8).tobytes()
        return buffer

    def constant(self, name: str, data: bytes) -> Buffer:
        """Bytes that travel with the program."""
        buffer = self.reserve(name, Region.CONSTANTS, (len(data),))
        self.constants.append(DataConstant(buffer, data))
        return buffer

    def words(self, name: str, values: Int64) -> Buffer:
        """A constant of int32 words."""
        return self.constant(name, values.astype("<i4").tobytes())

    def scratch(self, size_bytes: int) -> Buffer:
        """Memory that a kernel may use as it likes."""
        return self.reserve("scratch", Region.SCRATCH, (size_bytes,))


@dataclass(frozen=True, slots=True)
class KernelCase:
    """A program of one record for each kind and the bytes of its input tensors, by name."""

    program: Program
    inputs: dict[str, bytes]


def random_program(
    seed: int, kinds: tuple[type[Record], ...] = (), *, weight_zero_points: bool = False
) -> KernelCase:
    """A program that the firmware's rules allow, the same for the same seed.

    All its tensors are inputs, outputs too, so that every byte is known before it runs.

    Args:
        seed: of everything that is drawn.
        kinds: of the records, in order; every kind once by default.
        weight_zero_points: whether weights may have zero points, which not every library takes.
    """
    layout = Layout(np.random.default_rng(seed), weight_zero_points)
    records = tuple(_record(kind, layout) for kind in kinds or tuple(_FIELDS))
    program = Program(
        name=f"kernels-{seed}",
        scheme=DEFAULT_SCHEME,
        placement=Placement(),
        inputs=tuple(ProgramInput(buffer, 0) for buffer in layout.tensors),
        outputs=(),
        records=records,
        constants=tuple(layout.constants),
        weights_image=_image(layout.weights),
        activations_bytes=layout.used_bytes.get(Region.ACTIVATIONS, 0),
        scratch_bytes=layout.used_bytes.get(Region.SCRATCH, 0),
        constants_bytes=layout.used_bytes.get(Region.CONSTANTS, 0),
    )
    return KernelCase(program, {buffer.name: data for buffer, data in layout.tensors.items()})


def _image(weights: dict[Buffer, bytes]) -> bytes:
    image = bytearray(max((b.offset_bytes + b.size_bytes for b in weights), default=0))
    for buffer, data in weights.items():
        image[buffer.offset_bytes : buffer.offset_bytes + buffer.size_bytes] = data
    return bytes(image)


def _record(kind: type[Record], layout: Layout) -> Record:
    fields = {**_FIELDS[kind](layout), "layer": kind.c_name, "op": kind.c_name, "block": "kernels"}
    record = kind(**fields)
    if "scratch" not in fields:
        return record
    return kind(**{**fields, "scratch": layout.scratch(scratch_bytes(record))})


def _pick(layout: Layout, choices: tuple[int, ...]) -> int:
    return int(layout.rng.choice(choices))


def _up_to(layout: Layout, largest: int) -> int:
    """1 to ``largest``."""
    return int(layout.rng.integers(1, largest + 1))


def _multiplier(layout: Layout, count: int = 1) -> Int64:
    """Factors of one power of two; often 1/2 itself, with which ties of rounding are frequent."""
    multiplier = layout.rng.integers(1 << 30, 1 << 31, count)
    multiplier[layout.rng.random(count) < 0.25] = 1 << 30
    return multiplier


def _bounds(layout: Layout) -> dict[str, int]:
    low, high = sorted(layout.rng.integers(-128, 128, 2).tolist())
    if layout.rng.random() < 0.7:
        low, high = -128, 127
    return {"activation_min": low, "activation_max": high}


def _axis(layout: Layout, kernels: tuple[int, ...], *, pooling: bool) -> tuple[int, ...]:
    """(in, out, kernel, stride, pad before) of one axis; padding may differ behind it."""
    kernel, stride = _pick(layout, kernels), _pick(layout, (1, 1, 2, 3))
    widest = kernel if pooling or layout.rng.random() < 0.7 else kernel + 3
    before, behind = (int(layout.rng.integers(0, end)) for end in (kernel, widest))
    size = max(_up_to(layout, 9), kernel - before - behind)
    out = (size + before + behind - kernel) // stride + 1
    if pooling:
        out = min(out, (size + before - 1) // stride + 1)
    return size, out, kernel, stride, before


def _window(
    layout: Layout, kernels: tuple[int, ...], *, in_c: int, out_c: int, pooling: bool = False
) -> Fields:
    in_h, out_h, kernel_h, stride_h, pad_top = _axis(layout, kernels, pooling=pooling)
    in_w, out_w, kernel_w, stride_w, pad_left = _axis(layout, kernels, pooling=pooling)
    return {
        "input": layout.tensor("input", in_h, in_w, in_c),
        "output": layout.tensor("output", out_h, out_w, out_c),
        "in_h": in_h,
        "in_w": in_w,
        "in_c": in_c,
        "out_h": out_h,
        "out_w": out_w,
        "out_c": out_c,
        "kernel_h": kernel_h,
        "kernel_w": kernel_w,
        "stride_h": stride_h,
        "stride_w": stride_w,
        "pad_top": pad_top,
        "pad_left": pad_left,
        **_bounds(layout),
    }


def _output_stage(layout: Layout, channels: int, taps: int) -> Fields:
    """Offsets and constants of a weighted record, by multipliers or by shifts."""
    per_channel = _pick(layout, (0, 1))
    scales = channels if per_channel else 1
    kinds = (_by_multiplier, _by_multiplier, _by_shift)
    fields = kinds[_pick(layout, (0, 1, 2))](layout, channels, scales, taps)
    return {
        "input_offset": -_pick(layout, ZERO_POINTS),
        "per_channel": per_channel,
        "scratch": layout.scratch(0),
        **fields,
    }


def _by_shift(layout: Layout, channels: int, scales: int, taps: int) -> Fields:
    """An int8 bias and shifts; outputs of all sizes, some beyond the rails."""
    sum_bits = _PRODUCT_BITS + int(taps).bit_length() + 1
    shifts = np.clip(layout.rng.integers(sum_bits - 12, sum_bits + 1, scales), 0, 29)
    bias_shifts = layout.rng.integers(0, min(sum_bits - 8, 22), scales)
    return {
        "requantisation": Requantisation.SHIFT,
        "output_offset": 0,
        "bias": layout.constant("bias", layout.rng.bytes(channels)),
        "bias_shift": layout.words("bias_shift", bias_shifts),
        "multiplier": NO_BUFFER,
        "shift": layout.words("shift", shifts),
        **_zero_points(layout, scales),
    }


def _by_multiplier(layout: Layout, channels: int, scales: int, taps: int) -> Fields:
    """Shifts left as far as the accumulator allows."""
    sum_bits = _PRODUCT_BITS + int(taps).bit_length() + 1
    shifts = layout.rng.integers(-sum_bits, 31 - sum_bits, scales)
    usual = layout.rng.random(scales) < 0.8
    shifts[usual] = np.clip(5 - sum_bits + shifts[usual] % 4, -31, 0)
    bias = layout.rng.integers(-(1 << sum_bits - 1), 1 << sum_bits - 1, channels)
    return {
        "output_offset": _pick(layout, ZERO_POINTS),
        "bias": layout.words("bias", bias // 4),
        "multiplier": layout.words("multiplier", _multiplier(layout, scales)),
        "shift": layout.words("shift", shifts),
        **_zero_points(layout, scales),
    }


def _zero_points(layout: Layout, scales: int) -> Fields:
    if layout.rng.random() < 0.5:
        return {}
    zero_points = layout.rng.choice(ZERO_POINTS, scales) * layout.weight_zero_points
    return {
        "has_weight_zero_point": 1,
        "weight_zero_point": layout.constant("zero_point", zero_points.astype(np.int8).tobytes()),
    }


def _conv2d(layout: Layout) -> Fields:
    groups = _pick(layout, (1, 1, 1, 2, 3, 4))
    in_c, out_c = (groups * _pick(layout, CHANNELS) for _ in range(2))
    kernels = (1,) if layout.rng.random() < 0.4 else (1, 2, 3, 4, 5)
    window = _window(layout, kernels, in_c=in_c, out_c=out_c)
    column = window["kernel_h"] * window["kernel_w"] * in_c // groups
    return {
        **window,
        "groups": groups,
        "weights": layout.kernel(out_c, column),
        **_output_stage(layout, out_c, column),
    }


def _depthwise(layout: Layout) -> Fields:
    in_c = _pick(layout, CHANNELS)
    out_c = in_c * _pick(layout, (1, 1, 1, 2, 3))
    kernels = (3,) if layout.rng.random() < 0.4 else (1, 2, 3, 4, 5)
    window = _window(layout, kernels, in_c=in_c, out_c=out_c)
    taps = window["kernel_h"] * window["kernel_w"]
    return {
        **window,
        "weights": layout.kernel(taps, out_c),
        **_output_stage(layout, out_c, taps),
    }


def _fully_connected(layout: Layout) -> Fields:
    inputs, outputs = _up_to(layout, 70), _up_to(layout, 9)
    return {
        "input": layout.tensor("input", 1, 1, inputs),
        "output": layout.tensor("output", 1, 1, outputs),
        "in_features": inputs,
        "out_features": outputs,
        "weights": layout.kernel(outputs, inputs),
        **_bounds(layout),
        **_output_stage(layout, outputs, inputs),
    }


def _max_pool(layout: Layout) -> Fields:
    channels = _pick(layout, CHANNELS)
    return _window(layout, (1, 2, 3, 4, 5), in_c=channels, out_c=channels, pooling=True)


def _average_pool(layout: Layout) -> Fields:
    return {
        **_max_pool(layout),
        "count_include_pad": _pick(layout, (0, 1)),
        "zero_point": _pick(layout, ZERO_POINTS),
        "scratch": layout.scratch(0),
    }


def _scale(layout: Layout, prefix: str, shifts: tuple[int, int]) -> dict[str, int]:
    return {
        f"{prefix}multiplier": int(_multiplier(layout)[0]),
        f"{prefix}shift": int(layout.rng.integers(*shifts)),
    }


def _binary(layout: Layout) -> Fields:
    """Two inputs; at times the output stands over one of them."""
    size = _up_to(layout, 50)
    input_1, input_2 = (layout.tensor(f"input_{i}", 1, 1, size) for i in (1, 2))
    output = [
        layout.tensor("output", 1, 1, size),
        layout.tensor("other", 1, 1, size),
        input_1,
        input_2,
    ][_up_to(layout, 4) - 1]
    return {
        "input_1": input_1,
        "input_2": input_2,
        "output": output,
        "size": size,
        "input_1_offset": -_pick(layout, ZERO_POINTS),
        "input_2_offset": -_pick(layout, ZERO_POINTS),
        "output_offset": _pick(layout, ZERO_POINTS),
        **_bounds(layout),
    }


def _add(layout: Layout) -> Fields:
    return {
        **_binary(layout),
        "left_shift": _pick(layout, (0, 8, 20)),
        **_scale(layout, "input_1_", (-8, 1)),
        **_scale(layout, "input_2_", (-8, 1)),
        **_scale(layout, "output_", (-20, 1)),
    }


def _mul(layout: Layout) -> Fields:
    return {**_binary(layout), **_scale(layout, "output_", (-14, 15))}


def _copied_axis(layout: Layout, sizes: tuple[int, ...], steps: tuple[int, ...]) -> list[int]:
    """(in, out, copy, src, step, dst) of one axis; at times nothing is left out."""
    copy, step = _pick(layout, sizes), _pick(layout, steps)
    if layout.rng.random() < 0.4:
        return [copy * step, copy, copy, _up_to(layout, step) - 1, step, 0]
    before, behind, dst, rest = layout.rng.integers(0, 4, 4).tolist()
    return [before + (copy - 1) * step + 1 + behind, dst + copy + rest, copy, before, step, dst]


def _strided_copy(layout: Layout) -> Fields:
    axes = {
        "h": _copied_axis(layout, (1, 2, 3, 5), (1, 1, 2)),
        "w": _copied_axis(layout, (1, 2, 3, 5), (1, 1, 2)),
        "c": _copied_axis(layout, CHANNELS, (1, 1, 2, 3)),
    }
    names = ("in", "out", "copy", "src", "step", "dst")
    fields = {
        f"{name}_{axis}": values[i] for axis, values in axes.items() for i, name in enumerate(names)
    }
    return {
        "input": layout.tensor("input", *(values[0] for values in axes.values())),
        "output": layout.tensor("output", *(values[1] for values in axes.values())),
        **fields,
    }


def _fill(layout: Layout) -> Fields:
    size = _up_to(layout, 70)
    return {
        "output": layout.tensor("output", 1, 1, size),
        "size": size,
        "value": _pick(layout, ZERO_POINTS),
    }


def _transpose(layout: Layout) -> Fields:
    dims = [_pick(layout, (1, 2, 2, 3, 4, 5, 8)) for _ in range(3)] + [_pick(layout, CHANNELS)]
    perm = layout.rng.permutation(4).tolist()
    if layout.rng.random() < 0.4:
        perm = [0, 1, 3, 2]
    return {
        "input": layout.tensor("input", dims[0] * dims[1], dims[2], dims[3]),
        "output": layout.tensor("output", 1, 1, int(np.prod(dims))),
        **{f"dim_{i}": size for i, size in enumerate(dims)},
        **{f"perm_{i}": axis for i, axis in enumerate(perm)},
    }


def _resize_nearest(layout: Layout) -> Fields:
    in_h, in_w, out_h, out_w = (_up_to(layout, 9) for _ in range(4))
    channels = _pick(layout, CHANNELS)
    return {
        "input": layout.tensor("input", in_h, in_w, channels),
        "output": layout.tensor("output", out_h, out_w, channels),
        "in_h": in_h,
        "in_w": in_w,
        "channels": channels,
        "out_h": out_h,
        "out_w": out_w,
    }


def _unary(layout: Layout) -> Fields:
    """One input; at times the output stands over it."""
    size = _up_to(layout, 50)
    source = layout.tensor("input", 1, 1, size)
    in_place = layout.rng.random() < 0.3
    return {
        "input": source,
        "output": source if in_place else layout.tensor("output", 1, 1, size),
        "size": size,
    }


def _lookup(layout: Layout) -> Fields:
    return {**_unary(layout), "table": layout.constant("table", layout.rng.bytes(256))}


def _softmax(layout: Layout) -> Fields:
    """Input scales from 2^-11 to 4; diff_min as TFLite derives it from the shift."""
    rows, row_size = _up_to(layout, 4), _pick(layout, (1, 2, 3, 10, 17, 100, 1000))
    shift = int(layout.rng.integers(15, 29))
    return {
        "input": layout.tensor("input", 1, rows, row_size),
        "output": layout.tensor("output", 1, rows, row_size),
        "rows": rows,
        "row_size": row_size,
        "multiplier": int(_multiplier(layout)[0]),
        "shift": shift,
        "diff_min": -((31 << 26) >> shift),
    }


def _requantise(layout: Layout) -> Fields:
    return {
        **_unary(layout),
        "input_offset": -_pick(layout, ZERO_POINTS),
        "output_offset": _pick(layout, ZERO_POINTS),
        **_scale(layout, "", (-10, 15)),
    }


def _mean(layout: Layout) -> Fields:
    """Windows of one channel and one pixel among them; multipliers from half of the usual."""
    height, width, channels = _up_to(layout, 9), _up_to(layout, 9), _pick(layout, CHANNELS)
    return {
        "input": layout.tensor("input", height, width, channels),
        "output": layout.tensor("output", 1, 1, channels),
        "pixels": height * width,
        "channels": channels,
        "input_offset": -_pick(layout, ZERO_POINTS),
        "multiplier": int(_multiplier(layout)[0]) >> _pick(layout, (0, 1)),
        "shift": int(layout.rng.integers(-14, 16)),
        "output_offset": _pick(layout, ZERO_POINTS),
        "scratch": layout.scratch(0),
    }


_FIELDS: dict[type[Record], Callable[[Layout], Fields]] = {
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
    SubRecord: _add,
    MeanRecord: _mean,
}
