"""Blocks between those of a table: how measured cycles stand to the prior, blended.

What is blended is log(cycles / prior), because loops make cycles anything but linear in extents
and channels, while the ratio to the physical prior is nearly flat. Configurations blend only with
such of the same type, words (activations, kinds of pooling) and number of inputs. The half-width
of the interval is the conformal quantile of the same blend at known blocks that were left out;
where too few of them lie between others to say it, nothing is interpolated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from math import ceil

import numpy as np

from hwprof.architecture import block_nodes
from hwprof.blocks import BlockConfig
from hwprof.errors import ConfigurationError, ModelError, UnknownNameError
from hwprof.luts import Interpolator
from hwprof.surrogates.features import block_features, lookup_values
from hwprof.surrogates.intervals import conformal_quantile
from hwprof.surrogates.keys import parse_key
from hwprof.surrogates.regressors import Regressor, Vector

MAX_KNOWN = 2048
"""Known blocks of a type that are blended; of a larger table every second, third, and so on."""


class BlocksBetween:
    """Known blocks of one type, and the blend of them for blocks between."""

    def __init__(
        self, known: Sequence[tuple[BlockConfig, float]], prior: Regressor, level: float
    ) -> None:
        """Take (configuration, cycles) pairs; ``level`` is the share that intervals cover."""
        rows = [lookup_values(config) for config, _ in known]
        names = dict.fromkeys(name for row in rows for name in row)
        self._columns = {name: column for column, name in enumerate(names)}
        self._level = level
        self._prior = prior
        cycles = np.array([value for _, value in known])
        expected = prior.predict(block_features([config for config, _ in known]).X)
        points = np.array([self._point(row) for row in rows])
        self._between = Interpolator(points, np.log(cycles / np.maximum(expected, 1.0)))

    @cached_property
    def log_ratio(self) -> float | None:
        """Half-width of the interval, None where too few known blocks lie between others."""
        misses = np.abs(self._between.held_out)
        enough = ceil(self._level / (1 - self._level))  # fewer could not reach the level
        return conformal_quantile(misses, self._level) if len(misses) >= enough else None

    def cycles(self, configs: Sequence[BlockConfig], expected: Vector) -> Vector:
        """Blended cycles of each configuration, NaN for those that are not between known ones.

        Args:
            expected: what the prior says of them, (n,).
        """
        found = np.full(len(configs), np.nan)
        if self.log_ratio is None:
            return found
        for row, config in enumerate(configs):
            values = lookup_values(config)
            blended = self._between.at(self._point(values)) if self._has(values) else None
            if blended is not None:
                found[row] = max(expected[row], 1.0) * np.exp(blended)
        return found

    def _has(self, values: Mapping[str, float]) -> bool:
        return values.keys() <= self._columns.keys()

    def _point(self, values: Mapping[str, float]) -> Vector:
        point = np.zeros(len(self._columns))
        for name, value in values.items():
            point[self._columns[name]] = value
        return point


def known_blocks(values: Mapping[str, float], block_type: str) -> list[tuple[BlockConfig, float]]:
    """Entries of a table for one block type, at most ``MAX_KNOWN``, spread over the table.

    Those whose key builds nothing are left out.
    """
    keys = sorted(key for key, value in values.items() if _type(key) == block_type and value > 0)
    step = max(1, ceil(len(keys) / MAX_KNOWN))
    known = []
    for key in keys[::step]:
        with suppress(ConfigurationError, ModelError, UnknownNameError):
            config = parse_key(key)
            block_nodes(config)
            known.append((config, values[key]))
    return known


def _type(key: str) -> str:
    return key.partition("(")[0]
