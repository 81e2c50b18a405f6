"""Mean and spread of int8 tensors under random weights, propagated from shapes alone.

Notation, all of a tensor's elements x read as integers minus the zero point, or in any other
unit that a caller keeps to:

    m       mean over all elements
    s       mean square, E[x^2]; the deviation is sqrt(s - m^2)
    p       cross moment, E[x x'] of two different pixels of one channel; p - m^2 is the variance
            between channels, s - p the variance within a channel
    w       a pool byte as a weight: E[w] = WEIGHT_MEAN, E[w^2] = WEIGHT_SQUARE, exactly (uniform
            over 256 values, where -128 is replaced by -127)
    b       a bias word, a pool byte shifted left by l: E[b^2] = WEIGHT_SQUARE 4^l
    k       weights that meet one output, on average over the output's border

An accumulator is a = sum over k of x w + b. Its weights are independent of the inputs and of the
weights of other channels, so over channels and pixels

    E[a]    = k m E[w] + E[b]
    E[a^2]  = k s E[w^2] + E[b^2]          (the square of the tiny E[w] is dropped)
    E[a a'] = k p E[w^2] + E[b^2]          (same weights, another pixel)

whatever the correlation between inputs: the input's own correlation appears only in p. With many
weights, a is normal; a nonlinearity f then gives the moments of f(mu + c u + d v) with
mu = m, c^2 = p - m^2, d^2 = s - p and u, v standard normal (u shared by a channel), which
Gauss-Hermite quadrature evaluates.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from hwprof.graph import Conv2d, FullyConnected, Shape

Float64 = npt.NDArray[np.float64]

_VALUES = [max(byte, -127) for byte in range(-128, 128)]
WEIGHT_MEAN = sum(_VALUES) / 256
WEIGHT_SQUARE = sum(value * value for value in _VALUES) / 256
_NODES = 48  # of quadrature in each direction: ReLU's kink costs 1 % of its moments


@dataclass(frozen=True, slots=True)
class Moments:
    """m, s and p of a tensor, as the module's notation says."""

    mean: float
    square: float
    cross: float

    @property
    def deviation(self) -> float:
        """Standard deviation over all elements."""
        return math.sqrt(max(self.square - self.mean**2, 0.0))

    def scaled(self, factor: float) -> Moments:
        """Moments of ``factor * x``."""
        return Moments(self.mean * factor, self.square * factor**2, self.cross * factor**2)

    def plus(self, other: Moments) -> Moments:
        """Moments of the sum with an uncorrelated tensor."""
        twice = 2 * self.mean * other.mean
        return Moments(
            self.mean + other.mean,
            self.square + other.square + twice,
            self.cross + other.cross + twice,
        )

    def times(self, other: Moments) -> Moments:
        """Moments of the product with an independent tensor."""
        return Moments(self.mean * other.mean, self.square * other.square, self.cross * other.cross)

    def through(self, function: Callable[[Float64], Float64]) -> Moments:
        """Moments after a scalar function of every element, elements taken as normal."""
        nodes, weights = _quadrature()
        between = math.sqrt(max(self.cross - self.mean**2, 0.0)) * nodes
        within = math.sqrt(max(self.square - self.cross, 0.0)) * nodes
        values = function(self.mean + between[:, None] + within[None, :])
        of_channel = values @ weights
        return Moments(
            float(weights @ of_channel),
            float(weights @ (values**2 @ weights)),
            float(weights @ of_channel**2),
        )

    def averaged(self, count: float) -> Moments:
        """Moments of the mean over ``count`` pixels of a channel."""
        return Moments(self.mean, (self.square + (count - 1) * self.cross) / count, self.cross)

    def largest(self, count: int) -> Moments:
        """Moments of the maximum over ``count`` pixels of a channel, taken as normal."""
        within = math.sqrt(max(self.square - self.cross, 0.0))
        lift, spread = _largest_normal(count)
        mean = self.mean + within * lift
        cross = self.cross - self.mean**2 + mean**2
        return Moments(mean, cross + (within * spread) ** 2, cross)

    def diluted(self, share: float) -> Moments:
        """Moments when only ``share`` of the elements are kept and the rest are zero."""
        return Moments(self.mean * share, self.square * share, self.cross * share**2)


def uniform_bytes(zero_point: int) -> Moments:
    """Moments of pool bytes that are read as an input tensor with this zero point."""
    mean = WEIGHT_MEAN - zero_point
    square = WEIGHT_SQUARE - 2 * WEIGHT_MEAN * zero_point + zero_point**2
    return Moments(mean, square, mean**2)


def mixture(parts: list[tuple[float, Moments]]) -> Moments:
    """Moments of tensors concatenated, each with its number of elements."""
    total = sum(weight for weight, _ in parts)
    return Moments(
        sum(weight * part.mean for weight, part in parts) / total,
        sum(weight * part.square for weight, part in parts) / total,
        sum(weight * part.cross for weight, part in parts) / total,
    )


def bias_shift(inputs: Moments, weights_met: float) -> int:
    """Left shift that gives the bias a quarter to a half of the sum's root mean square."""
    sum_rms = math.sqrt(weights_met * WEIGHT_SQUARE * inputs.square)
    return max(0, math.floor(math.log2(max(0.5 * sum_rms / math.sqrt(WEIGHT_SQUARE), 1.0))))


def accumulated(
    inputs: Moments, weights_met: float, left_shift: int, weight_zero_point: int = 0
) -> Moments:
    """Moments of the accumulator over ``weights_met`` seeded weights and a seeded bias.

    ``weight_zero_point``, a step or two, is taken from each weight.
    """
    weight_mean = WEIGHT_MEAN - weight_zero_point
    weight_square = WEIGHT_SQUARE - 2 * WEIGHT_MEAN * weight_zero_point + weight_zero_point**2
    bias = (1 << left_shift) * WEIGHT_MEAN
    bias_square = 4**left_shift * WEIGHT_SQUARE
    return Moments(
        weights_met * weight_mean * inputs.mean + bias,
        weights_met * weight_square * inputs.square + bias_square,
        weights_met * weight_square * inputs.cross + bias_square,
    )


def weights_met(op: Conv2d | FullyConnected, shape: Shape) -> float:
    """Mean number of weights that meet an element of the input, over all outputs."""
    if isinstance(op, FullyConnected):
        return float(math.prod(shape))
    height, width, channels = shape
    pads = op.pads
    rows = _coverage((height, op.kernel_h, op.stride_h), (pads.top, pads.bottom))
    columns = _coverage((width, op.kernel_w, op.stride_w), (pads.left, pads.right))
    return rows * columns * (channels // op.groups)


def _coverage(window: tuple[int, int, int], padding: tuple[int, int]) -> float:
    """Mean number of taps inside the input along one axis; window is (size, kernel, stride)."""
    size, kernel, stride = window
    outputs = (size + sum(padding) - kernel) // stride + 1
    starts = np.arange(outputs) * stride - padding[0]
    taps = np.minimum(starts + kernel, size) - np.maximum(starts, 0)
    return float(np.maximum(taps, 0).mean())


@cache
def _quadrature() -> tuple[Float64, Float64]:
    """Nodes and weights of the mean over a standard normal variable."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    return nodes, weights / weights.sum()


@cache
def _largest_normal(count: int) -> tuple[float, float]:
    """Mean and deviation of the largest of ``count`` standard normal values."""
    grid = np.linspace(-8, 8, 1601)
    normal = NormalDist()
    below = np.array([normal.cdf(value) for value in grid]) ** count
    mass, centre = np.diff(below), (grid[1:] + grid[:-1]) / 2
    mean = float(mass @ centre)
    return mean, math.sqrt(float(mass @ (centre - mean) ** 2))
