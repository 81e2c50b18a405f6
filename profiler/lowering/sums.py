"""How two tensors are brought to a common scale before they are added or subtracted."""

from __future__ import annotations

from dataclasses import dataclass

from hwprof.graph import QuantParams
from hwprof.profiler.fixed_point import Multiplier, quantise_multiplier

_LEFT_SHIFT = 20  # TFLite's for int8: 255 << 20 is still far from 2^31


@dataclass(frozen=True, slots=True)
class SumScales:
    """Factors of both inputs, after ``left_shift``, and of their sum."""

    left_shift: int
    inputs: tuple[Multiplier, Multiplier]
    output: Multiplier


def sum_scales(first: QuantParams, second: QuantParams, output: QuantParams) -> SumScales:
    """The factors that TFLite computes (kernels/add.cc and sub.cc).

    Raises:
        ModelError: the output's scale is far too small.
    """
    # Twice the larger scale keeps both factors at or below one half: the sum cannot overflow.
    common = 2 * max(first.scale, second.scale)
    return SumScales(
        _LEFT_SHIFT,
        (
            quantise_multiplier(first.scale / common),
            quantise_multiplier(second.scale / common),
        ),
        quantise_multiplier(common / output.scale / (1 << _LEFT_SHIFT)),
    )
