"""Whole networks among measured rows: those that a name builds again, in one context."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from hwprof.architecture import Architecture
from hwprof.errors import HwprofError
from hwprof.measurement import NETWORK, Context
from hwprof.networks import parse_architecture
from hwprof.surrogates.regressors import Vector

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredNetworks:
    """Networks of one context.

    Attributes:
        latency_us: of each network, (n,).
        skipped: rows whose name builds no network of hwprof's.
    """

    architectures: tuple[Architecture, ...]
    latency_us: Vector
    skipped: int = 0


def measured_networks(rows: pd.DataFrame, context: Context, code_sha256: str) -> MeasuredNetworks:
    """Good rows of whole networks in one context.

    Args:
        rows: a measurement store's, with the columns of docs/FORMATS.md.
        context: the one that the rows must have.
        code_sha256: the code of modelled rows, or the firmware of measured ones.
    """
    matching = _matching(rows, context, code_sha256)[["block_key", "cycles"]]
    built = [
        (architecture, cycles)
        for key, cycles in matching.itertuples(index=False, name=None)
        if (architecture := _architecture(key)) is not None
    ]
    cycles = np.array([cycles for _, cycles in built], np.float64)
    return MeasuredNetworks(
        architectures=tuple(architecture for architecture, _ in built),
        latency_us=cycles * 1e6 / context.clock_hz,
        skipped=len(matching) - len(built),
    )


def _matching(rows: pd.DataFrame, context: Context, code: str) -> pd.DataFrame:
    fields = asdict(context)
    memories = {f"{part}_memory": memory for part, memory in fields.pop("placement").items()}
    chosen = (rows["block_type"] == NETWORK) & (rows["error"] == "") & (rows["cycles"] > 0)
    # Modelled rows are of one code, measured ones of one firmware.
    chosen &= (rows["code_sha256"] == code) | (rows["firmware_sha256"] == code)
    for column, value in (fields | memories).items():
        chosen &= rows[column] == value
    return rows[chosen]


def _architecture(key: str) -> Architecture | None:
    try:
        return parse_architecture(key)
    except HwprofError:
        return None
