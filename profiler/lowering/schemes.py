"""Quantisation schemes: what int8 parameters weights and activations get where a model brings none.

``tflite`` is what TFLite's converter makes and CMSIS-NN's s8 kernels take. The other four are
Glow's (pytorch/glow, docs/Quantization.md, ``-quantization-schema``;
include/glow/Quantization/Base/Base.h, ``enum Schema``), each with scales per tensor or per channel
(``-enable-channelwise``):

    asymmetric        every tensor has the zero point with which 256 steps cover its range
    symmetric         zero points are 0
    symmetric-uint8   as symmetric, but the zero point is -128 where nothing is negative
    power-of-two      as symmetric, scales rounded up to powers of two: outputs are shifted, never
                      multiplied, and biases are int8 with scales of their own, as NXP builds them
                      (``-quantization-precision-bias=Int8``)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from hwprof.errors import UnknownNameError
from hwprof.measurement import DEFAULT_SCHEME
from hwprof.profiler.fixed_point import INT8_MAX, INT8_MIN
from hwprof.profiler.program import Requantisation

Float64 = npt.NDArray[np.float64]
Int32 = npt.NDArray[np.int32]

STEPS = INT8_MAX - INT8_MIN


class Symmetry(StrEnum):
    """Which zero point a tensor gets."""

    ASYMMETRIC = "asymmetric"
    SYMMETRIC = "symmetric"
    UINT8 = "symmetric-uint8"

    def is_one_sided(self, low: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Whether tensors whose least value is ``low`` use all steps above a zero point of -128."""
        return np.asarray(low) >= 0 if self is Symmetry.UINT8 else np.zeros_like(low, bool)


@dataclass(frozen=True, slots=True)
class Scheme:
    """How int8 parameters are chosen.

    Attributes:
        weight_zero_points: weights are lowered with zero points, zeros included, as Glow's
            channelwise kernels take them.
        power_of_two: scales are powers of two, and outputs are requantised by shifts.
    """

    name: str
    activations: Symmetry
    weights: Symmetry = Symmetry.SYMMETRIC
    per_channel: bool = True
    weight_zero_points: bool = False
    power_of_two: bool = False

    @property
    def requantisation(self) -> Requantisation:
        """What brings accumulators to the output's scale."""
        return Requantisation.SHIFT if self.power_of_two else Requantisation.MULTIPLIER

    def rounded(self, scale: float) -> float:
        """The least scale of this scheme that is not below ``scale``."""
        return 2.0 ** math.ceil(math.log2(scale)) if self.power_of_two else scale

    def cover(self, low: Float64, high: Float64, symmetry: Symmetry) -> tuple[Float64, Int32]:
        """Scales and zero points whose steps cover [low, high], element by element.

        Args:
            low, high: the ranges, zero included, not empty.
            symmetry: ``activations`` or ``weights``.
        """
        if symmetry is Symmetry.ASYMMETRIC:
            scales = (high - low) / STEPS
            zero_points = np.clip(np.rint(INT8_MIN - low / scales), INT8_MIN, INT8_MAX)
        else:
            one_sided = symmetry.is_one_sided(low)
            scales = np.where(one_sided, high / STEPS, np.maximum(-low, high) / INT8_MAX)
            zero_points = np.where(one_sided, INT8_MIN, 0)
        if self.power_of_two:
            scales = np.exp2(np.ceil(np.log2(scales)))
        return scales, zero_points.astype(np.int32)


def _glow(symmetry: Symmetry, *, per_channel: bool) -> Scheme:
    granularity = "per-channel" if per_channel else "per-tensor"
    return Scheme(
        f"{symmetry}/{granularity}",
        activations=symmetry,
        weights=symmetry,
        per_channel=per_channel,
        weight_zero_points=per_channel or symmetry is Symmetry.ASYMMETRIC,
    )


def _power_of_two(granularity: str) -> Scheme:
    return Scheme(
        f"power-of-two/{granularity}",
        activations=Symmetry.SYMMETRIC,
        per_channel=granularity == "per-channel",
        weight_zero_points=granularity == "per-channel",
        power_of_two=True,
    )


SCHEMES = {
    scheme.name: scheme
    for scheme in (
        Scheme(DEFAULT_SCHEME, activations=Symmetry.ASYMMETRIC),
        *(_glow(symmetry, per_channel=wide) for symmetry in Symmetry for wide in (False, True)),
        *(_power_of_two(granularity) for granularity in ("per-tensor", "per-channel")),
    )
}


def get_scheme(name: str) -> Scheme:
    """The quantisation scheme of that name.

    Raises:
        UnknownNameError: there is none; the message suggests the nearest names.
    """
    if name not in SCHEMES:
        raise UnknownNameError("quantisation scheme", name, SCHEMES)
    return SCHEMES[name]
