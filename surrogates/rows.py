"""Measured rows as a fit wants them: one context, good rows only, the rest counted by reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from math import inf, nan
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np

from hwprof.architecture import block_graph
from hwprof.blocks import BlockConfig
from hwprof.errors import ConfigurationError, ModelError, StoreError, UnknownNameError
from hwprof.graph import Graph
from hwprof.measurement import NETWORK, Context, Measurement, Placement
from hwprof.surrogates.keys import parse_key
from hwprof.surrogates.regressors import Vector
from hwprof.templates import TemplateBlock

if TYPE_CHECKING:
    import pandas as pd

Rows: TypeAlias = "pd.DataFrame | Iterable[Measurement]"

MAX_SATURATED_SHARE = 0.05
"""Above this share of clipped outputs a row measured arithmetic that no network does."""

_REQUIRED = ("block_key", "board", "clock_hz", "cycles")
_PLACEMENT_COLUMNS = {f"{part.name}_memory": part.name for part in fields(Placement)}
_CONTEXT_COLUMNS = ("board", "clock_hz", "kernels", "scheme", "cache_state", "timing_model")


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Good rows of one context.

    Attributes:
        firmware_sha256: hash of the image behind most of the rows, empty where a table names none.
        code_sha256: hash of the kernels, core and board data behind modelled rows, or empty.
        cycles: (n,), float64.
        excluded: rows left out, by reason.
    """

    context: Context
    firmware_sha256: str
    code_sha256: str
    configs: tuple[BlockConfig, ...]
    graphs: tuple[Graph, ...]
    cycles: Vector
    excluded: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Origin:
    """What decides a row's cycles beside the block: only rows of one are fitted together.

    Attributes:
        firmware_sha256: empty where a row says what its cycles were modelled from: another image
            with the same kernels models the same.
    """

    context: Context
    firmware_sha256: str
    code_sha256: str


@dataclass(frozen=True, slots=True, eq=False)
class _Good:
    """A row that can be fitted."""

    config: BlockConfig
    graph: Graph
    cycles: float
    origin: _Origin
    firmware_sha256: str


def collect_samples(
    rows: Rows,
    context: Context | None = None,
    *,
    firmware_sha256: str = "",
    code_sha256: str = "",
    templates: Mapping[str, TemplateBlock] = MappingProxyType({}),
) -> Samples:
    """Sort rows into good ones of a single context and counted rest.

    Args:
        rows: a DataFrame with the columns of docs/FORMATS.md, "Measurement store", of which
            ``block_key``, ``board``, ``clock_hz`` and ``cycles`` are required; or measurements.
        context: which context to take where rows come from several.
        firmware_sha256: which image's rows to take where they come from several and do not say
            what they were modelled from.
        code_sha256: which kernels, core and board data; rows that do not say count as of any.
        templates: block types of the user's own by name.

    Raises:
        StoreError: there is no row, or a required column is missing.
        ConfigurationError: rows come from several contexts, firmware images or machine
            descriptions, and none was chosen; or none is of the chosen one.
    """
    table = _records(rows)
    excluded: Counter[str] = Counter()
    good: list[_Good] = []
    for row in table:
        verdict = _judge(row, templates)
        if isinstance(verdict, _Good):
            good.append(verdict)
        else:
            excluded[verdict] += 1
    if not good:
        raise StoreError(_nothing_left(len(table), excluded))
    chosen = _choose(
        good,
        lambda origin: (
            context in {None, origin.context}
            and (origin.code_sha256 or firmware_sha256 in {"", origin.firmware_sha256})
            and (not code_sha256 or origin.code_sha256 in {"", code_sha256})
        ),
    )
    kept = [item for item in good if item.origin == chosen]
    if len(kept) < len(good):
        excluded["other context"] = len(good) - len(kept)
    return Samples(
        context=chosen.context,
        firmware_sha256=Counter(item.firmware_sha256 for item in kept).most_common(1)[0][0],
        code_sha256=chosen.code_sha256,
        configs=tuple(item.config for item in kept),
        graphs=tuple(item.graph for item in kept),
        cycles=np.array([item.cycles for item in kept]),
        excluded=dict(sorted(excluded.items())),
    )


def _records(rows: Rows) -> Sequence[Mapping[str, Any]]:
    columns = getattr(rows, "columns", None)
    if columns is None:
        return [_measurement_record(row) for row in cast("Iterable[Measurement]", rows)]
    missing = [name for name in _REQUIRED if name not in columns]
    if missing:
        raise StoreError(
            f"a table of measurements needs the columns {', '.join(_REQUIRED)}; "
            f"{', '.join(missing)} is missing; docs/FORMATS.md lists them all."
        )
    records: Sequence[Mapping[str, Any]] = cast("pd.DataFrame", rows).to_dict("records")
    return records


def _measurement_record(row: Measurement) -> Mapping[str, Any]:
    context = row.origin.context
    return {
        "block_type": row.block_type,
        "block_key": row.block_key,
        "cycles": row.cycles,
        "saturated_share": row.saturated_share,
        "error": row.error,
        "firmware_sha256": row.origin.firmware_sha256,
        "code_sha256": row.origin.code_sha256,
        **{name: getattr(context, name) for name in _CONTEXT_COLUMNS},
        **{column: getattr(context.placement, part) for column, part in _PLACEMENT_COLUMNS.items()},
    }


def _judge(row: Mapping[str, Any], templates: Mapping[str, TemplateBlock]) -> _Good | str:
    """The row as a sample, or why it is none."""
    fault = next((reason for reason, is_so in _FAULTS.items() if is_so(row)), None)
    if fault:
        return fault
    try:
        config = parse_key(str(row["block_key"]), templates)
        graph = block_graph(config)
    except UnknownNameError:
        return "unknown block type"
    except ConfigurationError:
        return "unreadable block key"
    except ModelError:
        return "block that cannot be built"
    firmware = _text(row.get("firmware_sha256"))
    return _Good(config, graph, _number(row["cycles"]), _origin(row), firmware)


def _number(value: object) -> float:
    """Number in a cell; a NaN for anything else."""
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return nan


def _positive(value: object) -> bool:
    return 0 < _number(value) < inf


def _text(value: object) -> str:
    """Text of a cell; a CSV reader turns an empty one into a NaN."""
    return value if isinstance(value, str) else ""


_FAULTS: Mapping[str, Callable[[Mapping[str, Any]], bool]] = {
    "error row": lambda row: bool(_text(row.get("error"))),
    "whole network": lambda row: row.get("block_type") == NETWORK,
    "cycles not positive and finite": lambda row: not _positive(row["cycles"]),
    "saturated outputs": lambda row: (
        not _number(row.get("saturated_share", 0.0)) <= MAX_SATURATED_SHARE
    ),
    "unreadable context": lambda row: not (_positive(row["clock_hz"]) and _has_words(row)),
}

_WORDS = (*_PLACEMENT_COLUMNS, *(name for name in _CONTEXT_COLUMNS if name != "clock_hz"))


def _has_words(row: Mapping[str, Any]) -> bool:
    return all(isinstance(row[name], str) for name in _WORDS if name in row)


def _origin(row: Mapping[str, Any]) -> _Origin:
    parts = {name: row[column] for column, name in _PLACEMENT_COLUMNS.items() if column in row}
    known = {name: row[name] for name in _CONTEXT_COLUMNS if name in row}
    known["clock_hz"] = int(_number(known["clock_hz"]))
    context = Context(**known, placement=Placement(**parts))
    code = _text(row.get("code_sha256"))
    return _Origin(context, "" if code else _text(row.get("firmware_sha256")), code)


def _choose(good: Sequence[_Good], is_wanted: Callable[[_Origin], bool]) -> _Origin:
    origins = Counter(item.origin for item in good)
    matching = [origin for origin in origins if is_wanted(origin)]
    if len(matching) == 1:
        return matching[0]
    names = "; ".join(f"{describe(origin.context)} ({n} rows)" for origin, n in origins.items())
    if not matching:
        raise ConfigurationError(
            "no row is of the context and firmware asked for, and of the installed kernels, core "
            f"and board data; the rows have: {names}; profile again."
        )
    if len({origin.context for origin in matching}) == 1:
        one = "firmware image, one core and one board file"
        raise ConfigurationError(
            f"a surrogate is fitted on rows of one {one}; got {len(matching)} of "
            f"{describe(matching[0].context)}; profile again with what is installed, or use a new "
            "--workspace."
        )
    raise ConfigurationError(
        f"a surrogate is fitted in one context, the rows come from {len(matching)}; choose one by "
        f"context, or by the options of 'hwprof fit': {names}."
    )


def describe(context: Context) -> str:
    """A context in a few words."""
    return (
        f"{context.board} at {context.clock_hz / 1e6:g} MHz, kernels {context.kernels}, scheme "
        f"{context.scheme}, {str(context.placement) or 'any placement'}, cache "
        f"{context.cache_state}, "
        f"timing {context.timing_model}"
    )


def _nothing_left(total: int, excluded: Mapping[str, int]) -> str:
    if not total:
        return (
            "a surrogate needs measured rows, there are none; run 'hwprof profile' or 'hwprof "
            "import' first."
        )
    reasons = ", ".join(f"{n} {reason}" for reason, n in excluded.items())
    return f"none of {total} rows can be fitted ({reasons}); see the column error of the store."
