"""Lines that calls fetch into the data cache, kernel by kernel.

Notation: a call's first touches fetch what the cache does not hold already; touches after those
miss by the pattern of ``_replacement`` that the kernel's loops make. Nothing is replaced before
the cache is full, so shares are scaled by the part of the call that comes behind that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from hwprof.surrogates.cache import CACHE_LINES, LINE_BYTES, SETS, grain_of, touched_lines
from hwprof.surrogates.calls import ZIPPED, Calls, KernelClass, output_run
from hwprof.surrogates.cost_terms._base import window
from hwprof.surrogates.cost_terms._replacement import (
    Numbers,
    Runs,
    Sweep,
    contiguous_share,
    hot_misses,
    sweep_shares,
    window_share,
)

_WINDOWED = (
    KernelClass.DEPTHWISE_3X3,
    KernelClass.DEPTHWISE_BUFFERED,
    KernelClass.DEPTHWISE_GENERIC,
    KernelClass.AVERAGE_POOL,
    KernelClass.MAX_POOL,
)
_ROUNDS = 5  # of the iteration between what misses and what that replaces
_MOST_PASSES = 8  # looked at: their alignment repeats


@dataclass(frozen=True, slots=True, eq=False)
class Traffic:
    """Expected line fills of n calls, each array (n,).

    Attributes:
        reads, writes: lines of activations, fetched for a load and for a store.
        weights, weights_again: lines of weights, fetched first and fetched anew.
    """

    reads: Numbers
    writes: Numbers
    weights: Numbers
    weights_again: Numbers

    @classmethod
    def empty(cls, n: int) -> Traffic:
        """Nothing yet."""
        return cls(np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n))

    def put(self, chosen: Any, part: Traffic) -> None:
        """Set some calls."""
        for name in ("reads", "writes", "weights", "weights_again"):
            getattr(self, name)[chosen] = getattr(part, name)


class _Sizes(NamedTuple):
    """Lines of the tensors of n calls, and what the cache lacks of them at the start."""

    input: Numbers
    output: Numbers
    weights: Numbers
    missing_input: Numbers
    missing_output: Numbers

    @classmethod
    def of(cls, c: Calls) -> _Sizes:
        twice = (c.kernel == KernelClass.ADD) | (c.kernel == KernelClass.MUL)
        reads = (1 + twice) * (c.kernel != KernelClass.FILL)
        whole_bytes = c.in_h * c.in_w * c.in_c * reads
        whole = np.ceil(c.in_h * c.in_w * c.in_c / LINE_BYTES) * reads
        output = np.ceil(c.out_h * c.out_w * c.out_c / LINE_BYTES)
        per_output = c.kernel_h * c.kernel_w * (c.in_c // c.groups)
        weights = np.ceil(per_output * c.out_c / LINE_BYTES) * (c.macs > 0)
        return cls(
            whole,
            output,
            weights,
            whole * _lacking(c.input_held, whole_bytes),
            output * _lacking(c.output_held, c.out_h * c.out_w * c.out_c),
        )


def _lacking(held_bytes: Any, size_bytes: Any) -> Any:
    return np.clip(1 - held_bytes / np.maximum(size_bytes, 1), 0, 1)


def traffic(c: Calls) -> Traffic:
    """Expected line fills of calls of any kernels."""
    found, sizes = Traffic.empty(len(c.kernel)), _Sizes.of(c)
    pattern = _PATTERN_OF[c.kernel]
    pattern[(pattern == _STRIDED - 1) & (c.stride_h * c.stride_w > 1)] = _STRIDED
    for number in np.unique(pattern).tolist():
        chosen = np.flatnonzero(pattern == number)
        of_those = _Sizes(*(field[chosen] for field in sizes))
        found.put(chosen, _PATTERNS[number](c.take(chosen), of_those))
    return found


def _replacing(c: Calls, fetched: Any) -> Any:
    """Those of the lines that a call fetches that replace others."""
    before = c.inserted
    return np.maximum(before + fetched - CACHE_LINES, 0) - np.maximum(before - CACHE_LINES, 0)


def _streamed(c: Calls, sizes: _Sizes) -> Traffic:
    """Every byte once."""
    nothing = np.zeros(len(c.kernel))
    return Traffic(sizes.missing_input, sizes.missing_output, nothing, nothing)


def _moved(c: Calls, sizes: _Sizes) -> Traffic:
    """Runs out of a tensor, one after the other, to runs in another."""
    nothing = np.zeros(len(c.kernel))
    length = np.where(c.run_step == ZIPPED, 2 * c.run_length, (c.run_length - 1) * c.run_step + 1)
    spread = c.read_stride >= length
    read = np.where(
        spread,
        touched_lines(
            c.runs, np.minimum(length, c.read_stride), c.read_stride, grain_of(c.read_stride)
        ),
        sizes.input,
    )
    written, stride = output_run(c)
    writes = touched_lines(c.runs, written, stride, grain_of(stride))
    reads = np.ceil(np.minimum(read, sizes.input))
    held = np.minimum(c.input_held / LINE_BYTES / np.maximum(sizes.input, 1), 1)
    return Traffic(
        reads * (1 - held), np.maximum(writes - c.output_held / LINE_BYTES, 0), nothing, nothing
    )


def _fully_connected(c: Calls, sizes: _Sizes) -> Traffic:
    """Weights stream past an input that stays."""
    replacing = _replacing(c, sizes.missing_input + sizes.weights)
    reads = sizes.missing_input + hot_misses(sizes.input, replacing)
    return Traffic(reads, sizes.missing_output, sizes.weights, np.zeros(len(c.kernel)))


def _all_pixels(c: Calls, sizes: _Sizes) -> Traffic:
    """A 1x1 convolution without strides: all pixels for each pair of channels."""
    passes, pixels = -(-c.out_c // 2), c.out_h * c.out_w
    width = np.minimum(2, c.out_c)
    swept = touched_lines(pixels, width, c.out_c, np.minimum(2, grain_of(c.out_c)))
    swept = np.minimum(swept, sizes.output)
    weights = 2 * c.in_c / LINE_BYTES
    read_again, write_again = np.zeros((2, len(passes)))
    crowded = _crowded(c, sizes, sizes.input + swept + weights, passes)
    sweeps = []
    for i in crowded:
        fresh = max(sizes.output[i] - swept[i], 0) / (passes[i] - 1)
        count = min(int(passes[i]), _MOST_PASSES // 2)
        sweep = Sweep(
            read=Runs(1, int(c.in_h[i] * c.in_w[i] * c.in_c[i]), 0, 0),
            written=Runs(
                int(pixels[i]), int(width[i]), int(c.out_c[i]), int(2 * (passes[i] // count))
            ),
            passes=range(count),
            output_bytes=int(pixels[i] * c.out_c[i]),
            fresh_share=float(fresh / (sizes.input[i] + swept[i])),
            streamed_lines=float(weights[i]),
        )
        sweeps.append(sweep)
    read_again[crowded], write_again[crowded] = sweep_shares(sweeps).T
    full = _full_share(c, sizes, sizes.input + swept + weights)
    reads = sizes.missing_input + (passes - 1) * sizes.input * read_again * full
    old_writes = np.maximum(passes * swept - sizes.output, 0)
    writes = sizes.missing_output + old_writes * write_again * full
    replacing = _replacing(c, reads + writes + sizes.weights)
    return Traffic(reads, writes, sizes.weights, hot_misses(weights, replacing))


def _crowded(c: Calls, sizes: _Sizes, pass_lines: Any, passes: Any) -> list[int]:
    """Calls of more than one pass whose tensors do not all fit the cache."""
    total = c.inserted + sizes.missing_input + sizes.missing_output + sizes.weights
    crowded = (passes > 1) & (total > CACHE_LINES) & (pass_lines > SETS)
    return [int(i) for i in np.flatnonzero(crowded)]


def _full_share(c: Calls, sizes: _Sizes, pass_lines: Any) -> Any:
    """Share of the passes behind the first that find a full cache."""
    total = c.inserted + sizes.missing_input + sizes.missing_output + sizes.weights
    return np.clip((total - CACHE_LINES) / np.maximum(total - c.inserted - pass_lines, 1), 0, 1)


def _rows_of_pixels(c: Calls, sizes: _Sizes) -> Traffic:
    """A strided 1x1 convolution: all weights for each row of pixels."""
    pixels = touched_lines(c.out_w, c.in_c, c.in_c * c.stride_w, grain_of(c.in_c * c.stride_w))
    reads = np.minimum(pixels * c.out_h, sizes.missing_input)
    fresh = reads / c.out_h + sizes.missing_output / c.out_h
    share = contiguous_share(sizes.weights, np.zeros(len(fresh)), fresh)
    fetched = reads + sizes.missing_output + sizes.weights
    again = (c.out_h - 1) * sizes.weights * share * (_replacing(c, fetched) / fetched)
    return Traffic(reads, sizes.missing_output, sizes.weights, again)


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """How a window touches the rows of its input.

    Attributes:
        fresh, again: rows touched first, and touches after those.
        lines: lines of a row that are touched; of one group if there are several.
        span: lines from its begin to its end.
        hot: lines of the window itself, touched by the next pixel again.
    """

    fresh: Numbers
    again: Numbers
    lines: Numbers
    span: Numbers
    hot: Numbers

    @classmethod
    def of(cls, c: Calls) -> _Rows:
        touched = window(c).rows / np.maximum(c.out_w, 1)
        fresh = np.minimum(touched, c.in_h)
        channels = c.in_c // c.groups * (c.macs > 0) * (c.kernel == KernelClass.CONV)
        channels = np.where(channels > 0, channels, c.in_c)
        span = c.in_w * c.in_c / LINE_BYTES
        lines = np.minimum(
            touched_lines(c.in_w, channels, c.in_c, grain_of(channels)), np.ceil(span)
        )
        lines = np.where(channels == c.in_c, span, lines)
        beside = np.maximum((c.kernel_w - c.stride_w) * channels / LINE_BYTES + 1, 0)
        hot = c.kernel_h * beside * (c.out_h * c.out_w > 1)
        return cls(fresh, np.maximum(touched - fresh, 0), lines, span, hot.astype(np.float64))

    def missed(self, c: Calls, others: Any, step_share: Any) -> Any:
        """Missed share of touches after the first, beside other lines for each output row."""
        if not self.again.any():
            return np.zeros(len(self.again))
        kept = np.maximum(c.kernel_h - c.stride_h, 0) * self.span
        step = np.minimum(c.stride_h, c.kernel_h) * self.span * step_share
        return window_share(
            kept / SETS, step / SETS, others / SETS, np.minimum(self.lines / self.span, 1)
        )


def _windowed(c: Calls, sizes: _Sizes) -> Traffic:
    """A window over all channels; its weights, if any, are used at every pixel."""
    rows = _Rows.of(c)
    share = sizes.missing_input / np.maximum(sizes.input, 1)
    missed = rows.missed(c, sizes.missing_output / c.out_h, share)
    once = np.minimum(rows.fresh * rows.lines, sizes.input) * share
    full = np.ones(len(once))
    for _ in range(_ROUNDS):
        reads = once + rows.again * rows.lines * missed * full
        fetched = reads + sizes.missing_output + sizes.weights
        replacing = _replacing(c, fetched)
        full = replacing / np.maximum(fetched, 1)
    hot = rows.hot + sizes.weights
    again = hot_misses(hot, replacing) * (c.out_h * c.out_w > 1) / np.maximum(hot, 1)
    return Traffic(
        reads + again * rows.hot, sizes.missing_output, sizes.weights, again * sizes.weights
    )


def _conv(c: Calls, sizes: _Sizes) -> Traffic:
    """Columns of two pixels, all weights of a group for each; one group after the other."""
    rows, pixels, groups = _Rows.of(c), c.out_h * c.out_w, c.groups
    channels, outputs = c.in_c // groups, c.out_c // groups
    swept_in = touched_lines(c.in_h * c.in_w, channels, c.in_c, grain_of(channels))
    swept_in = np.minimum(np.where(groups > 1, swept_in, sizes.input), sizes.input)
    swept_out = touched_lines(pixels, outputs, c.out_c, grain_of(outputs))
    swept_out = np.minimum(np.where(groups > 1, swept_out, sizes.output), sizes.output)
    again_in, again_out = _shares_of_groups(c, sizes, (swept_in, swept_out))

    seen = rows.fresh / c.in_h
    swept_in = np.minimum(rows.lines * rows.fresh, sizes.input * seen)
    old_in = np.maximum(groups * swept_in - sizes.input * seen, 0)
    old_out = np.maximum(groups * swept_out - sizes.output, 0)
    once_in = sizes.missing_input * seen + old_in * again_in
    writes = sizes.missing_output + old_out * again_out
    columns, weights = -(-pixels // 2), sizes.weights / groups
    full, weight_share = np.ones(len(columns)), np.zeros(len(columns))
    for _ in range(_ROUNDS):
        refetched = weight_share * weights * columns / c.out_h
        others = writes / groups / c.out_h + refetched
        missed = rows.missed(c, others, once_in / np.maximum(groups * swept_in, 1))
        reads = once_in + groups * rows.again * rows.lines * missed * full
        again = (columns - 1) * groups * weights * weight_share
        fetched = reads + writes + sizes.weights + again
        full = _replacing(c, fetched) / np.maximum(fetched, 1)
        fresh = (reads + writes) / groups / columns
        hot = np.minimum(rows.hot, sizes.input)
        free = np.maximum(CACHE_LINES - c.inserted - weights - hot, 0)
        crowded = np.clip(1 - free / np.maximum(fresh * (columns - 1), 1), 0, 1)
        weight_share = contiguous_share(weights, hot, fresh) * crowded
    hot_reads = hot_misses(rows.hot, fetched * full) * (pixels > 1)
    return Traffic(reads + hot_reads, writes, sizes.weights, again)


def _shares_of_groups(
    c: Calls, sizes: _Sizes, swept: tuple[Numbers, Numbers]
) -> tuple[Numbers, Numbers]:
    """Missed share of lines of input and output that an earlier group touched."""
    again_in, again_out = np.zeros((2, len(c.kernel)))
    channels, outputs = c.in_c // c.groups, c.out_c // c.groups
    lines = swept[0] + swept[1] + sizes.weights / c.groups
    full = _full_share(c, sizes, lines)
    crowded = _crowded(c, sizes, lines, c.groups)
    sweeps = []
    for i in crowded:
        fresh = max(sizes.input[i] - swept[0][i], 0) + max(sizes.output[i] - swept[1][i], 0)
        groups, shift = int(c.groups[i]), (int(channels[i]), int(outputs[i]))
        pixels = int(c.in_h[i] * c.in_w[i]), int(c.out_h[i] * c.out_w[i])
        sweep = Sweep(
            read=Runs(pixels[0], shift[0], int(c.in_c[i]), shift[0]),
            written=Runs(pixels[1], shift[1], int(c.out_c[i]), shift[1]),
            passes=range(0, groups, -(-groups // _MOST_PASSES)),
            output_bytes=int(pixels[1] * c.out_c[i]),
            fresh_share=float(fresh / (groups - 1) / (swept[0][i] + swept[1][i])),
            streamed_lines=0.0,
        )
        sweeps.append(sweep)
    again_in[crowded], again_out[crowded] = (sweep_shares(sweeps) * full[crowded, None]).T
    return again_in, again_out


_PATTERNS = (_streamed, _all_pixels, _rows_of_pixels, _conv, _windowed, _fully_connected, _moved)
_STRIDED = _PATTERNS.index(_rows_of_pixels)

_KERNELS = {
    _all_pixels: (KernelClass.POINTWISE,),
    _conv: (KernelClass.CONV,),
    _windowed: _WINDOWED,
    _fully_connected: (KernelClass.FULLY_CONNECTED,),
    _moved: (KernelClass.COPY, KernelClass.TRANSPOSE),
}

_PATTERN_OF = np.zeros(len(KernelClass), np.int64)
"""Position in ``_PATTERNS`` for each kernel class; others stream."""
for _pattern, _kernels in _KERNELS.items():
    _PATTERN_OF[list(_kernels)] = _PATTERNS.index(_pattern)
