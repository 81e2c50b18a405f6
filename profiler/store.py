"""The measurement store: verified rows and error rows, one for each key, in SQLite.

A row's key is everything that decides its cycles (docs/FORMATS.md, "Measurement store"), so a
task that runs twice stores one row. A row is stored once the call that adds it has returned.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

import sqlalchemy as sa

from hwprof.errors import StoreError
from hwprof.measurement import Context, Measurement, Origin
from hwprof.profiler.annotations import Annotated, Stored, annotate, make_extras, read_extras
from hwprof.profiler.database import Database
from hwprof.profiler.store_schema import (
    SCHEMA_VERSION,
    campaign_rows,
    context_columns,
    measurement_columns,
    measurement_key,
    measurements,
    metadata,
    operator_columns,
    operators,
    row_key,
    schema,
)
from hwprof.profiler.store_upgrade import READABLE_SINCE, UPGRADABLE, upgrade
from hwprof.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MeasurementStore", "load_measurements", "measurement_key", "put"]

_CORE = (schema, measurements, operators)


class MeasurementStore:
    """Rows on disk. Use as a context manager, or call ``close``.

    A store of an older schema is read as it is where that is possible, and upgraded by the first
    transaction that writes.

    Raises:
        StoreError: the file is no store of ours, of a newer schema version, or cannot be
            opened; with ``create=False`` also when there is none.
    """

    def __init__(self, path: Path, *, create: bool = False) -> None:
        if not create and not path.exists():
            raise StoreError(
                f"no measurement store at {path}; run 'hwprof sample' and 'hwprof profile' first, "
                "or point --workspace at the folder that has one."
            )
        self.path = path
        self._database = Database(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"the measurement store {path} cannot be made: {error.strerror}; choose another "
                "--workspace."
            ) from error
        self._version = self._prepare()
        if self._version < READABLE_SINCE:
            with self.writing():
                pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the file."""
        self._database.close()

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """The tables as they are now, for the modules that keep them."""
        with self._database.reading() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction on the tables: stored when the block is left, or none of it.

        Raises:
            StoreError: the disk is full, the file cannot be written, or somebody else writes.
        """
        with self._database.writing() as connection:
            if self._version != SCHEMA_VERSION:
                upgrade(connection)
            yield connection
        self._version = SCHEMA_VERSION

    def add(self, row: Measurement) -> None:
        """Store a row, in place of one with the same key."""
        with self.writing() as connection:
            put(connection, row)

    def add_all(self, rows: Sequence[Annotated]) -> Stored:
        """Store rows and their notes, in place of those with the same keys: all, or none."""
        keys = [measurement_key(item.row.origin, item.row.program_sha256) for item in rows]
        with self.writing() as connection:
            make_extras(connection)
            columns = (measurements.c.key, measurements.c.cycles, measurements.c.spread_cycles)
            before = {key: tuple(times) for key, *times in connection.execute(sa.select(*columns))}
            for item in rows:
                annotate(connection, put(connection, item.row), item.notes)
        now = {
            key: (item.row.cycles, item.row.spread_cycles)
            for key, item in zip(keys, rows, strict=True)
        }
        there = [key for key in now if key in before]
        unchanged = sum(before[key] == now[key] for key in there)
        return Stored(len(now) - len(there), unchanged, len(there) - unchanged)

    def keys(self) -> frozenset[str]:
        """Keys of all rows that are data points; error rows are worth another try."""
        query = sa.select(measurements.c.key).where(measurements.c.error == "")
        with self.reading() as connection:
            return frozenset(connection.scalars(query))

    def measured(self, origin: Origin) -> dict[str, str]:
        """Block keys by program hash of the data points of one board in one context."""
        alike = {"board_identity": origin.board_identity, "code_sha256": origin.code_sha256}
        query = sa.select(measurements).where(
            measurements.c.error == "",
            *(measurements.c[name] == value for name, value in alike.items()),
        )
        with self.reading() as connection:
            rows = [dict(row) for row in connection.execute(query).mappings()]
        # By today's rule, as an upgrade will write it: an older store is read as it is.
        return {
            row["program_sha256"]: row["block_key"]
            for row in rows
            if row_key(row) == measurement_key(origin, row["program_sha256"])
        }

    def frame(self) -> pd.DataFrame:
        """All rows, error rows included; units are in the column names."""
        import pandas as pd

        columns = [column for column in measurements.c if column.name != "key"]
        query = sa.select(*columns).order_by(measurements.c.block_key, measurements.c.key)
        with self.reading() as connection:
            return pd.read_sql(query, connection)

    def extras(self) -> pd.DataFrame:
        """What imported tables said in columns of their own: block_key, repeat, name, value."""
        with self.reading() as connection:
            return read_extras(connection, measurements)

    def block_cycles(
        self, block_type: str, context: Context, code_sha256: str
    ) -> dict[str, dict[str, int]]:
        """Cycles by block, by block key, of good rows in one context and of one code."""
        wanted = {**context_columns(context), "code_sha256": code_sha256, "error": ""}
        query = (
            sa.select(measurements.c.block_key, operators.c.block, sa.func.sum(operators.c.cycles))
            .join(operators, operators.c.key == measurements.c.key)
            .where(measurements.c.block_type == block_type)
            .where(*(measurements.c[name] == value for name, value in wanted.items()))
            .group_by(measurements.c.key, operators.c.block)
        )
        cycles: dict[str, dict[str, int]] = {}
        with self.reading() as connection:
            for key, block, total in connection.execute(query):
                cycles.setdefault(key, {})[block] = int(total)
        return cycles

    def _prepare(self) -> int:
        """Make the tables of a new store; returns the schema version that the file has."""
        with self._database.reading() as connection:
            tables = set(sa.inspect(connection).get_table_names())
            version = connection.scalar(sa.select(schema.c.version)) if tables >= _names() else None
        if not tables:
            with self._database.writing() as connection:
                metadata.create_all(connection)
                connection.execute(schema.insert(), {"version": SCHEMA_VERSION})
            return SCHEMA_VERSION
        if version is None:
            raise StoreError(
                f"{self.path} is an SQLite file but no hwprof store; choose another --workspace."
            )
        if version not in (*UPGRADABLE, SCHEMA_VERSION):
            raise StoreError(
                f"{self.path} has store schema {version}, this hwprof reads up to "
                f"{SCHEMA_VERSION}; use the hwprof that wrote it, or another --workspace."
            )
        return int(version)


def _names() -> set[str]:
    return {table.name for table in _CORE}


def put(connection: sa.Connection, row: Measurement) -> str:
    """Write a row in place of one with the same key, which is returned."""
    key = measurement_key(row.origin, row.program_sha256)
    connection.execute(campaign_rows.delete().where(campaign_rows.c.key == key))
    connection.execute(operators.delete().where(operators.c.key == key))
    connection.execute(measurements.delete().where(measurements.c.key == key))
    connection.execute(measurements.insert(), measurement_columns(row, key))
    if row.operators:
        connection.execute(operators.insert(), operator_columns(row, key))
    return key


def load_measurements(workspace: Workspace | str | Path | None = None) -> pd.DataFrame:
    """Rows of a workspace's store; columns and units are in docs/FORMATS.md.

    Args:
        workspace: a workspace or its folder; by default ``$HWPROF_WORKSPACE`` or ``./hwprof-work``.

    Raises:
        StoreError: there is no store, or it is not hwprof's.
    """
    if not isinstance(workspace, Workspace):
        workspace = Workspace.resolve(workspace)
    with MeasurementStore(workspace.store) as store:
        return store.frame()
