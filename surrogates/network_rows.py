"""Whole networks among measured rows: those that a name builds again, in one context."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from hwprof.architecture import Architecture
from hwprof.errors import HwprofError
from hwprof.measurement import NETWORK
from hwprof.networks import parse_architecture
from hwprof.surrogates.artefact import Artefact
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


def measured_networks(rows: pd.DataFrame, artefact: Artefact) -> MeasuredNetworks:
    """Good rows of whole networks in an artefact's context and of the code it is stamped for.

    Args:
        rows: a measurement store's, with the columns of docs/FORMATS.md.
    """
    built = [
        (architecture, cycles)
        for key, cycles in _matching(rows, artefact)[["block_key", "cycles"]].itertuples(
            index=False, name=None
        )
        if (architecture := _architecture(key)) is not None
    ]
    cycles = np.array([cycles for _, cycles in built], np.float64)
    return MeasuredNetworks(
        architectures=tuple(architecture for architecture, _ in built),
        latency_us=cycles * 1e6 / artefact.context.clock_hz,
        skipped=len(_matching(rows, artefact)) - len(built),
    )


def _matching(rows: pd.DataFrame, artefact: Artefact) -> pd.DataFrame:
    context = asdict(artefact.context)
    memories = {f"{part}_memory": memory for part, memory in context.pop("placement").items()}
    code = artefact.stamp.code_sha256
    chosen = (rows["block_type"] == NETWORK) & (rows["error"] == "") & (rows["cycles"] > 0)
    # Modelled rows are of one code, measured ones of one firmware.
    chosen &= (rows["code_sha256"] == code) | (rows["firmware_sha256"] == code)
    for column, value in (context | memories).items():
        chosen &= rows[column] == value
    return rows[chosen]


def _architecture(key: str) -> Architecture | None:
    try:
        return parse_architecture(key)
    except HwprofError:
        return None
