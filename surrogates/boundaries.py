"""What a block finds and leaves at its boundary inside a network, counted from its inputs.

Everything adds over blocks, so that a network is the sum over its blocks behind the first (which
starts from cold caches, as it was measured).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from types import MappingProxyType

import numpy as np

from hwprof.blocks import BlockConfig
from hwprof.surrogates.regressors import Matrix, Vector

_SMALL_CACHE_BYTES = 16 << 10
_LARGE_CACHE_BYTES = 32 << 10

BOUNDARY_SIGNS: Mapping[str, int] = MappingProxyType(
    {
        "boundaries": 1,
        "written_back_bytes_within_32_kib": 1,
        "found_bytes_within_16_kib": -1,
        "found_bytes_within_32_kib": -1,
    }
)
"""Counts by name, and whether what they stand for costs time or saves it.

A block's input is what blocks before it wrote: as much of it as a data cache holds is found there,
and has to be written back. 16 and 32 KiB are the caches of most Cortex-M7 chips.
"""


def boundary_counts(configs: Sequence[BlockConfig]) -> Matrix:
    """Counts of each block, (n_blocks, n_counts), in the order of ``BOUNDARY_SIGNS``."""
    read = np.array([_input_bytes(config) for config in configs], np.float64)
    small, large = (np.minimum(read, size) for size in (_SMALL_CACHE_BYTES, _LARGE_CACHE_BYTES))
    return np.column_stack([np.ones(len(read)), large, small, large])


def boundary_us(configs: Sequence[BlockConfig], costs: Mapping[str, float]) -> Vector:
    """Microseconds that each block's boundary adds to a network, (n_blocks,).

    Args:
        costs: microseconds for each count, by name; those not named are nothing.
    """
    weights = np.array([costs.get(name, 0.0) for name in BOUNDARY_SIGNS])
    if not weights.any():
        return np.zeros(len(configs))
    added: Vector = boundary_counts(configs) @ weights
    return added


def _input_bytes(config: BlockConfig) -> int:
    """int8: a byte for each element."""
    return sum(prod(shape) for shape in config.inputs)
