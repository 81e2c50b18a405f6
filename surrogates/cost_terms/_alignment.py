"""Words that kernels load from addresses that are no multiple of four.

A Cortex-M7 takes longer for such a load, so channel counts that are no multiple of 4 are dear
(docs/TIMING.md, section 5). Tensors and weights begin on a line; what begins at a multiple of n
elements is unaligned in 1 - gcd(n, 4) / 4 of all cases.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hwprof.surrogates.calls import DENSE, STEP_2, ZIPPED, Calls, KernelClass
from hwprof.surrogates.cost_terms._base import window

_WORD = 4


def _unaligned(number: Any) -> Any:
    """Share of the multiples of a number that are no multiple of a word."""
    return 1 - np.gcd(number, _WORD) / _WORD


def _among(count: Any, number: Any) -> Any:
    """How many of the first multiples of a number, from 0, are no multiple of a word."""
    return count - -(-count // (_WORD // np.gcd(number, _WORD)))


def _pointwise(c: Calls) -> Any:
    pixels, channels, words = c.out_h * c.out_w // 2 * 2, c.out_c // 2 * 2, c.in_c // _WORD
    return words * (_among(pixels, c.in_c) * channels + _among(channels, c.in_c) * pixels) // 2


def _conv(c: Calls) -> Any:
    channels, pairs = c.in_c // c.groups, c.out_h * c.out_w // 2
    k = c.kernel_h * c.kernel_w * channels
    copied = c.groups * window(c).taps * (channels // _WORD) * _unaligned(channels)
    return copied + pairs * _among(c.out_c, k) * (k // _WORD)


def _depthwise_3x3(c: Calls) -> Any:
    positions = c.kernel_h * c.kernel_w
    weights = _among(positions, c.out_c) / positions
    return window(c).taps * (c.out_c // _WORD) * (_unaligned(c.out_c) + weights)


def _depthwise_buffered(c: Calls) -> Any:
    inside, quads = window(c), c.out_c // _WORD
    pairs = inside.pixels * quads * (c.kernel_h * c.kernel_w // 2)
    # Every second row of the int16 column begins at half a word where channels are odd.
    return inside.taps * quads * _unaligned(c.out_c) + pairs * (
        2 * _unaligned(c.out_c) + 2 * (c.out_c % 2)
    )


def _fully_connected(c: Calls) -> Any:
    return _among(c.out_c, c.in_c) * (c.in_c // _WORD)


def _average_pool(c: Calls) -> Any:
    return window(c).taps * (c.out_c // _WORD) * _unaligned(c.out_c)


def _max_pool(c: Calls) -> Any:
    inside, pixels = window(c), c.out_h * c.out_w
    outputs = _among(pixels, c.out_c) / pixels
    loads = inside.taps * (_unaligned(c.out_c) + outputs) + inside.pixels * _unaligned(c.out_c)
    return loads * (c.out_c // _WORD)


def _resize(c: Calls) -> Any:
    fresh = np.minimum(c.in_h, c.out_h)
    row = c.out_w * c.out_c
    copied = (c.out_h - fresh) * (row // _WORD) * _unaligned(row)
    return copied + fresh * c.out_w * (c.out_c // _WORD) * _unaligned(c.out_c)


def _moved(c: Calls) -> Any:
    grain = np.gcd(c.read_stride, _WORD)
    elsewhere = np.where(c.run_start % grain > 0, 1.0, 1 - grain / _WORD)
    dense = c.runs * (c.run_step == DENSE) * (c.run_length // _WORD) * elsewhere
    second = c.runs * (c.run_step == STEP_2) * 2 * ((c.run_length - 1) // _WORD) * elsewhere
    odd_rows = (c.run_length % 2) / 2 + (c.run_length % _WORD > 0)
    return dense + second + c.runs * (c.run_step == ZIPPED) * (c.run_length // _WORD) * odd_rows


_COUNTS = {
    KernelClass.POINTWISE: _pointwise,
    KernelClass.CONV: _conv,
    KernelClass.DEPTHWISE_3X3: _depthwise_3x3,
    KernelClass.DEPTHWISE_BUFFERED: _depthwise_buffered,
    KernelClass.FULLY_CONNECTED: _fully_connected,
    KernelClass.AVERAGE_POOL: _average_pool,
    KernelClass.MAX_POOL: _max_pool,
    KernelClass.COPY: _moved,
    KernelClass.TRANSPOSE: _moved,
    KernelClass.RESIZE: _resize,
}


def unaligned_words(c: Calls) -> Any:
    """Unaligned word loads of each call, (n_calls,)."""
    counts = np.zeros(len(c.kernel))
    for kernel in _COUNTS.keys() & set(c.kernel.tolist()):
        chosen = np.flatnonzero(c.kernel == kernel)
        counts[chosen] = _COUNTS[kernel](c.take(chosen))
    return counts
