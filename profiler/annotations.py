"""What imported tables say of a row in columns that hwprof does not know: kept, never read.

The table ``extras`` is no part of the store's schema version: a store without it has no such rows,
and a reader that does not know it passes it over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from hwprof.measurement import Measurement

if TYPE_CHECKING:
    import pandas as pd

_metadata = sa.MetaData()

_extras = sa.Table(
    "extras",
    _metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("repeat", sa.Integer, primary_key=True),
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("value", sa.String, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Annotated:
    """A row, and what a table said of each of its repeats in columns of its own."""

    row: Measurement
    notes: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of rows: new ones, ones that were there alike, ones put in place of others."""

    added: int = 0
    unchanged: int = 0
    replaced: int = 0


def make_extras(connection: sa.Connection) -> None:
    """Give a store the table, where it has none."""
    _metadata.create_all(connection)


def annotate(connection: sa.Connection, key: str, notes: Sequence[Mapping[str, str]]) -> None:
    """Keep the notes of a row, in place of those it had."""
    connection.execute(_extras.delete().where(_extras.c.key == key))
    values = [
        {"key": key, "repeat": repeat, "name": name, "value": value}
        for repeat, note in enumerate(notes)
        for name, value in note.items()
    ]
    if values:
        connection.execute(_extras.insert(), values)


def read_extras(connection: sa.Connection, measurements: sa.Table) -> pd.DataFrame:
    """All notes with the block key of their row, repeat from 0, name and value."""
    import pandas as pd

    if not sa.inspect(connection).has_table(_extras.name):
        return pd.DataFrame(columns=["block_key", "repeat", "name", "value"])
    query = (
        sa.select(measurements.c.block_key, _extras.c.repeat, _extras.c.name, _extras.c.value)
        .join_from(_extras, measurements, _extras.c.key == measurements.c.key)
        .order_by(measurements.c.block_key, _extras.c.repeat, _extras.c.name)
    )
    return pd.read_sql(query, connection)
