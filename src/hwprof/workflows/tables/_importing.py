"""From a table to rows of the measurement store: all of them, or none."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import isclose
from pathlib import Path
from statistics import median_low
from types import MappingProxyType

from hwprof.architecture import block_counts
from hwprof.blocks import BlockConfig
from hwprof.errors import ConfigurationError, ModelError, StoreError
from hwprof.measurement import NETWORK, Measurement, Origin
from hwprof.profiler.annotations import Annotated, Stored
from hwprof.profiler.store import MeasurementStore
from hwprof.surrogates.keys import parse_key
from hwprof.templates import TemplateBlock
from hwprof.workflows.own_blocks import workspace_templates
from hwprof.workflows.tables._contexts import TableDefaults, row_origin
from hwprof.workflows.tables._operators import operator_block
from hwprof.workflows.tables._table import Row, extras, read_table
from hwprof.workspace import Workspace

AGREEMENT = 0.02
"""Two columns of one time may differ by what rounding to a microsecond or 0.01 ms loses."""

MAX_REPEAT_RATIO = 1.5
"""Slowest over fastest of one block's rows: repeats on one board differ by 0.1 to 0.9 % (published
measurements of Cortex-M7 networks); more than this is another block, unit or board."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did.

    Attributes:
        lines: of the table, the header and empty lines apart.
        blocks: distinct blocks stored, by block type.
        stored: what became of them in the store.
        left_out: lines that are no data points of blocks, by reason.
        extra_columns: columns kept without being understood.
    """

    lines: int
    origin: Origin
    blocks: Mapping[str, int]
    stored: Stored
    left_out: Mapping[str, int]
    extra_columns: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """The object that ``hwprof import --json`` prints."""
        return {
            "lines": self.lines,
            "target": self.origin.target,
            "context": asdict(self.origin.context),
            "kind": self.origin.context.kind,
            "blocks": dict(self.blocks),
            **asdict(self.stored),
            "left_out": dict(self.left_out),
            "extra_columns": list(self.extra_columns),
        }


@dataclass(frozen=True, slots=True)
class _Entry:
    """One line that is a data point."""

    row: Row
    config: BlockConfig
    cycles: float
    origin: Origin


def import_table(path: Path, workspace: Workspace, defaults: TableDefaults) -> ImportReport:
    """Bring a table's rows into a workspace's store, in place of rows of the same blocks.

    Args:
        path: a CSV file (docs/FORMATS.md, "Measurement tables").
        defaults: what the table does not say of its rows.

    Raises:
        StoreError: a line breaks a rule, or the store cannot be written; nothing was stored then.
    """
    templates = workspace_templates(workspace)
    rows, left_out, lines = read_measurements(path, defaults, templates)
    with MeasurementStore(workspace.store, create=True) as store:
        stored = store.add_all(rows)
    names = {name for row in rows for note in row.notes for name in note}
    return ImportReport(
        lines=lines,
        origin=rows[0].row.origin,
        blocks=Counter(annotated.row.block_type for annotated in rows),
        stored=stored,
        left_out=left_out,
        extra_columns=tuple(sorted(names)),
    )


def read_measurements(
    path: Path,
    defaults: TableDefaults,
    templates: Mapping[str, TemplateBlock] = MappingProxyType({}),
) -> tuple[list[Annotated], Mapping[str, int], int]:
    """A table's rows as measurements, one for each block; repeats at their median.

    Args:
        path, defaults: as for ``import_table``.
        templates: block types of the user's own by name.

    Returns:
        The measurements, lines left out by reason, and how many lines there are.

    Raises:
        StoreError: a line breaks a rule.
    """
    _, rows = read_table(path)
    left_out: Counter[str] = Counter()
    groups: dict[tuple[str, str], list[_Entry]] = {}
    origin: tuple[Origin, Row] | None = None
    for row in rows:
        reason = _no_data_point(row)
        if reason:
            left_out[reason] += 1
            continue
        entry = _entry(row, defaults, templates)
        origin = origin or (entry.origin, row)
        _check_origin(entry, *origin)
        groups.setdefault((entry.config.key, row.get("program_sha256")), []).append(entry)
    if not groups:
        reasons = ", ".join(f"{n} {reason}" for reason, n in left_out.items())
        raise StoreError(
            f"a table has rows of operators or blocks; of {len(rows)} lines of {path.name} none is "
            f"({reasons}); export the rows that are."
        )
    return [_measurement(entries) for entries in groups.values()], left_out, len(rows)


def _no_data_point(row: Row) -> str:
    if row.get("error"):
        return "error row"
    return "whole network" if row.get("block_type") == NETWORK else ""


def _entry(row: Row, defaults: TableDefaults, templates: Mapping[str, TemplateBlock]) -> _Entry:
    origin = row_origin(row, defaults)
    return _Entry(row, _config(row, templates), _cycles(row, origin.context.clock_hz), origin)


def _config(row: Row, templates: Mapping[str, TemplateBlock]) -> BlockConfig:
    if row.get("block_key"):
        try:
            config = parse_key(row.get("block_key"), templates)
            block_counts(config)
        except (ConfigurationError, ModelError) as error:
            raise row.fault(str(error).rstrip("."), "such a block_key") from error
    elif row.get("op"):
        config = operator_block(row)
    else:
        raise row.fault("a row names its block by block_key or by op and its columns", "neither")
    named = row.get("block_type")
    if named not in {"", config.block_type}:
        raise row.fault(
            f"a block of type {config.block_type} has that block_type", f"block_type {named[:40]!r}"
        )
    return config


def _cycles(row: Row, clock_hz: int) -> float:
    """Cycles of a row; its columns of time must agree."""
    per_unit = {"cycles": 1.0, "latency_us": clock_hz / 1e6, "latency_ms": clock_hz / 1e3}
    found = {
        name: row.number(name, 0.0) * factor for name, factor in per_unit.items() if row.get(name)
    }
    if not found:
        raise row.fault(f"a row has a time in {', '.join(per_unit)}", "none")
    name, cycles = next(iter(found.items()))
    if min(found.values()) <= 0 or round(cycles) < 1:
        raise row.fault("a time is positive, a cycle or more", f"{name} {row.get(name)}")
    for other, value in found.items():
        if not isclose(value, cycles, rel_tol=AGREEMENT, abs_tol=1.0):
            raise row.fault(
                f"times of one row agree within {AGREEMENT:.0%} at {clock_hz:,} Hz",
                f"{name} {row.get(name)} and {other} {row.get(other)}",
                "correct one, the unit of the column or the clock",
            )
    return cycles


def _check_origin(entry: _Entry, first: Origin, first_row: Row) -> None:
    if entry.origin == first:
        return
    ours, theirs = _flat(entry.origin), _flat(first)
    name = next(name for name in ours if ours[name] != theirs[name])
    raise entry.row.fault(
        f"a table has rows of one target in one context, here {name} {theirs[name]} as in line "
        f"{first_row.line}",
        f"{name} {ours[name]}",
        "split the table and import each part",
    )


def _flat(origin: Origin) -> dict[str, str]:
    context = origin.context
    return {
        "target": origin.target,
        "board": context.board,
        "clock_hz": str(context.clock_hz),
        "kernels": context.kernels,
        "scheme": context.scheme,
        "placement": str(context.placement) or "none",
        "cache_state": context.cache_state,
        "timing_model": context.timing_model,
        "board_identity": origin.board_identity,
        "firmware_sha256": origin.firmware_sha256 or "none",
        "code_sha256": origin.code_sha256 or "none",
    }


def _measurement(entries: Sequence[_Entry]) -> Annotated:
    """One row for the repeats of one block."""
    slowest, fastest = (pick(entries, key=lambda entry: entry.cycles) for pick in (max, min))
    if slowest.cycles > MAX_REPEAT_RATIO * fastest.cycles:
        raise slowest.row.fault(
            f"rows of one block agree within a factor of {MAX_REPEAT_RATIO}, and line "
            f"{fastest.row.line} has {round(fastest.cycles):,} cycles of {fastest.config.key}",
            f"{round(slowest.cycles):,}",
            "take out the wrong one, or import tables of different boards apart",
        )
    first = entries[0]
    own_spread = max(entry.row.whole("spread_cycles", 0) for entry in entries)
    row = Measurement(
        block_type=first.config.block_type,
        block_key=first.config.key,
        origin=first.origin,
        program_sha256=first.row.get("program_sha256") or _no_program(first.config),
        cycles=median_low(round(entry.cycles) for entry in entries),
        macs=block_counts(first.config).macs,
        peak_ram_bytes=first.row.whole("peak_ram_bytes", 0),
        flash_bytes=first.row.whole("flash_bytes", 0),
        repeats=sum(entry.row.whole("repeats", 1, least=1) for entry in entries),
        spread_cycles=max(round(slowest.cycles - fastest.cycles), own_spread),
        saturated_share=first.row.number("saturated_share", 0.0),
    )
    if first.row.get("instructions"):
        row = replace(row, instructions=first.row.whole("instructions", 0))
    return Annotated(row, tuple(_notes(entries)))


def _notes(entries: Iterable[_Entry]) -> Iterable[Mapping[str, str]]:
    return (extras(entry.row) for entry in entries)


def _no_program(config: BlockConfig) -> str:
    """In place of the hash of a program that ran: a table names the block alone."""
    return hashlib.sha256(f"imported\n{config.key}".encode()).hexdigest()
