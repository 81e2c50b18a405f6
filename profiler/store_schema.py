"""Tables of the measurement store, and what of a row becomes which column.

docs/FORMATS.md, "Measurement store", is the definition.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from hwprof.measurement import Context, Measurement, Origin

SCHEMA_VERSION = 3

metadata = sa.MetaData()

schema = sa.Table("hwprof_schema", metadata, sa.Column("version", sa.Integer, nullable=False))

_CONTEXT_COLUMNS: tuple[tuple[str, type[sa.types.TypeEngine[Any]]], ...] = (
    ("board", sa.String),
    ("clock_hz", sa.Integer),
    ("kernels", sa.String),
    ("scheme", sa.String),
    ("activations_memory", sa.String),
    ("weights_memory", sa.String),
    ("scratch_memory", sa.String),
    ("code_memory", sa.String),
    ("cache_state", sa.String),
    ("timing_model", sa.String),
    ("kind", sa.String),
)

measurements = sa.Table(
    "measurements",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("block_type", sa.String, nullable=False, index=True),
    sa.Column("block_key", sa.String, nullable=False, index=True),
    *(sa.Column(name, kind, nullable=False) for name, kind in _CONTEXT_COLUMNS),
    sa.Column("target", sa.String, nullable=False),
    sa.Column("board_identity", sa.String, nullable=False),
    sa.Column("firmware_sha256", sa.String(64), nullable=False),
    sa.Column("code_sha256", sa.String(64), nullable=False),
    sa.Column("program_sha256", sa.String(64), nullable=False),
    sa.Column("cycles", sa.BigInteger, nullable=False),
    sa.Column("spread_cycles", sa.BigInteger, nullable=False),
    sa.Column("latency_us", sa.Float, nullable=False),
    sa.Column("instructions", sa.BigInteger),
    sa.Column("macs", sa.BigInteger, nullable=False),
    sa.Column("peak_ram_bytes", sa.BigInteger, nullable=False),
    sa.Column("flash_bytes", sa.BigInteger, nullable=False),
    sa.Column("saturated_share", sa.Float, nullable=False),
    sa.Column("repeats", sa.Integer, nullable=False),
    sa.Column("error", sa.String, nullable=False),
)

operators = sa.Table(
    "operators",
    metadata,
    sa.Column("key", sa.ForeignKey("measurements.key", ondelete="CASCADE"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("op", sa.String, nullable=False),
    sa.Column("block", sa.String, nullable=False),
    sa.Column("macs", sa.BigInteger, nullable=False),
    sa.Column("cycles", sa.BigInteger, nullable=False),
)


reference_checks = sa.Table(
    "reference_checks",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("key", sa.String(64), nullable=False, index=True),
    sa.Column("target", sa.String, nullable=False),
    sa.Column("board_identity", sa.String, nullable=False),
    sa.Column("at", sa.String, nullable=False),
    sa.Column("cycles", sa.BigInteger, nullable=False),
    sa.Column("spread_cycles", sa.BigInteger, nullable=False),
    sa.Column("expected_cycles", sa.BigInteger, nullable=False),
    sa.Column("tolerance", sa.Float, nullable=False),
    sa.Column("fault", sa.String, nullable=False),
    sa.Column("judged_by", sa.Integer),
)

campaign_rows = sa.Table(
    "campaign_rows",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("check_number", sa.Integer, nullable=False, index=True),
    sa.Column("wall_s", sa.Float, nullable=False),
)

quarantined = sa.Table(
    "quarantined",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("check_number", sa.Integer, nullable=False, index=True),
    sa.Column("reason", sa.String, nullable=False),
    *(sa.Column(column.name, column.type, nullable=column.nullable) for column in measurements.c),
)

quarantined_operators = sa.Table(
    "quarantined_operators",
    metadata,
    sa.Column("number", sa.ForeignKey("quarantined.number"), primary_key=True),
    *(
        sa.Column(column.name, column.type, primary_key=column.primary_key, nullable=False)
        for column in operators.c
        if column.name != "key"
    ),
)

CAMPAIGN_TABLES = (reference_checks, campaign_rows, quarantined, quarantined_operators)
"""What schema 3 has beyond schema 2."""


def context_columns(context: Context) -> dict[str, object]:
    """What a latency belongs to, by column."""
    place = context.placement
    return {
        "board": context.board,
        "clock_hz": context.clock_hz,
        "kernels": context.kernels,
        "scheme": context.scheme,
        "activations_memory": place.activations,
        "weights_memory": place.weights,
        "scratch_memory": place.scratch,
        "code_memory": place.code,
        "cache_state": context.cache_state,
        "timing_model": context.timing_model,
        "kind": context.kind,
    }


_ORIGIN_COLUMNS = ("target", "board_identity", "firmware_sha256", "code_sha256")


def origin_columns(origin: Origin) -> dict[str, object]:
    """Where a row came from, context included, by column."""
    own = {name: getattr(origin, name) for name in _ORIGIN_COLUMNS}
    return {**own, **context_columns(origin.context)}


def measurement_key(origin: Origin, program_sha256: str) -> str:
    """Hash of everything that decides a row's cycles; equal keys replace each other."""
    return row_key({**origin_columns(origin), "program_sha256": program_sha256})


def row_key(columns: Mapping[str, object]) -> str:
    """The same, from a row's columns."""
    # A real board is known by its serial number, whichever port it was plugged into.
    own_board = columns["kind"] == "measured" and ":" in str(columns["target"])
    parts = [
        columns["program_sha256"],
        "" if own_board and columns["board_identity"] else columns["target"],
        columns["board_identity"],
        # Modelled cycles follow from kernels, core and board data; an image with another protocol
        # around the same kernels measures the same.
        columns["code_sha256"] or columns["firmware_sha256"],
        *(columns[name] for name, _ in _CONTEXT_COLUMNS),
    ]
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()


def measurement_columns(row: Measurement, key: str) -> dict[str, object]:
    """What of a row lies in ``measurements``."""
    return {
        "key": key,
        "block_type": row.block_type,
        "block_key": row.block_key,
        **origin_columns(row.origin),
        "program_sha256": row.program_sha256,
        "cycles": row.cycles,
        "spread_cycles": row.spread_cycles,
        "latency_us": row.latency_us,
        "instructions": row.instructions,
        "macs": row.macs,
        "peak_ram_bytes": row.peak_ram_bytes,
        "flash_bytes": row.flash_bytes,
        "saturated_share": row.saturated_share,
        "repeats": row.repeats,
        "error": row.error,
    }


def operator_columns(row: Measurement, key: str) -> list[dict[str, object]]:
    """What of a row lies in ``operators``, a line for each layer."""
    return [
        {
            "key": key,
            "position": position,
            "name": operator.name,
            "op": operator.op,
            "block": operator.block,
            "macs": operator.macs,
            "cycles": operator.cycles,
        }
        for position, operator in enumerate(row.operators)
    ]
