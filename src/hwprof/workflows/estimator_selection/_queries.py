"""Asks strategies of one design, and reads what they said from the training store."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from hwprof.documents import as_object
from hwprof.errors import ConfigurationError, StoreError
from hwprof.search.performance import Evidence, PerformanceStrategy
from hwprof.search.selection import Query


def ask(
    strategies: Sequence[PerformanceStrategy], evidence: Evidence
) -> tuple[dict[str, Query], dict[str, str]]:
    """What strategies that learn from no sample say of a design, and why others say nothing.

    The minibatches are computed once for all; each that looks at them is charged their seconds,
    as if it were the only one.
    """
    asked: dict[str, Query] = {}
    refused: dict[str, str] = {}
    shown_s = _shown_s(strategies, evidence)
    for strategy in strategies:
        start_s = time.perf_counter()
        try:
            (score,) = strategy.fit((), ()).scores([evidence]).tolist()
        except ConfigurationError as error:
            refused[strategy.name] = str(error)
        else:
            seconds = time.perf_counter() - start_s + shown_s * (strategy.needs.minibatches > 0)
            asked[strategy.name] = Query(score, seconds)
    return asked, refused


def _shown_s(strategies: Sequence[PerformanceStrategy], evidence: Evidence) -> float:
    start_s = time.perf_counter()
    if evidence.probe is not None and any(s.needs.minibatches for s in strategies):
        evidence.probe.minibatches()
    return time.perf_counter() - start_s


def read_queries(document: Mapping[str, Any]) -> dict[str, Query]:
    """What the training store keeps of them.

    Raises:
        StoreError: it is something else.
    """
    what = "a stored query"
    try:
        rows = {name: as_object(value) for name, value in document.items()}
    except ValueError as error:
        raise StoreError(f"{what} is broken ({error}); delete the training's folder.") from error
    return {
        name: Query(number_in(row, "score", what), number_in(row, "seconds", what))
        for name, row in rows.items()
    }


def number_in(document: Mapping[str, Any], name: str, what: str) -> float:
    """A finite number of a document of the training store.

    Raises:
        StoreError: it has none under that name.
    """
    value = document.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise StoreError(
            f"{what} holds a finite {name!r}; got {str(value)[:40]!r}; delete the training's "
            "folder."
        )
    return float(value)
