"""The measurement store: verified rows and error rows, one for each key, in SQLite.

A row's key is everything that decides its cycles (docs/FORMATS.md, "Measurement store"), so a
task that runs twice stores one row. Writing goes through one process; any number may read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import sqlalchemy as sa

from hwprof.errors import StoreError
from hwprof.measurement import Context, Measurement, Origin
from hwprof.profiler.annotations import Annotated, Stored, annotate, make_extras, read_extras
from hwprof.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_VERSION = 2

_metadata = sa.MetaData()

_schema = sa.Table("hwprof_schema", _metadata, sa.Column("version", sa.Integer, nullable=False))

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

_measurements = sa.Table(
    "measurements",
    _metadata,
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

_operators = sa.Table(
    "operators",
    _metadata,
    sa.Column("key", sa.ForeignKey("measurements.key", ondelete="CASCADE"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("op", sa.String, nullable=False),
    sa.Column("block", sa.String, nullable=False),
    sa.Column("macs", sa.BigInteger, nullable=False),
    sa.Column("cycles", sa.BigInteger, nullable=False),
)


def _context_columns(context: Context) -> dict[str, object]:
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


def measurement_key(origin: Origin, program_sha256: str) -> str:
    """Hash of everything that decides a row's cycles; equal keys replace each other."""
    parts = [
        program_sha256,
        origin.target,
        origin.board_identity,
        origin.firmware_sha256,
        origin.code_sha256,
        *(str(value) for value in _context_columns(origin.context).values()),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _columns(row: Measurement, key: str) -> dict[str, object]:
    return {
        "key": key,
        "block_type": row.block_type,
        "block_key": row.block_key,
        **_context_columns(row.origin.context),
        "target": row.origin.target,
        "board_identity": row.origin.board_identity,
        "firmware_sha256": row.origin.firmware_sha256,
        "code_sha256": row.origin.code_sha256,
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


class MeasurementStore:
    """Rows on disk. Use as a context manager, or call ``close``.

    Raises:
        StoreError: the file is no store of ours, of another schema version, or cannot be
            opened; with ``create=False`` also when there is none.
    """

    def __init__(self, path: Path, *, create: bool = False) -> None:
        self._path = path
        if not create and not path.exists():
            raise StoreError(
                f"no measurement store at {path}; run 'hwprof sample' and 'hwprof profile' first, "
                "or point --workspace at the folder that has one."
            )
        with self._translated():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._engine = sa.create_engine(f"sqlite:///{path}")
            self._prepare()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the file."""
        self._engine.dispose()

    def add(self, row: Measurement) -> None:
        """Store a row, in place of one with the same key."""
        with self._translated(), self._engine.begin() as connection:
            _put(connection, row)

    def add_all(self, rows: Sequence[Annotated]) -> Stored:
        """Store rows and their notes, in place of those with the same keys: all, or none."""
        keys = [measurement_key(item.row.origin, item.row.program_sha256) for item in rows]
        with self._translated(), self._engine.begin() as connection:
            make_extras(connection)
            columns = (_measurements.c.key, _measurements.c.cycles, _measurements.c.spread_cycles)
            before = {key: tuple(times) for key, *times in connection.execute(sa.select(*columns))}
            for item in rows:
                annotate(connection, _put(connection, item.row), item.notes)
        now = {
            key: (item.row.cycles, item.row.spread_cycles)
            for key, item in zip(keys, rows, strict=True)
        }
        there = [key for key in now if key in before]
        unchanged = sum(before[key] == now[key] for key in there)
        return Stored(len(now) - len(there), unchanged, len(there) - unchanged)

    def keys(self) -> frozenset[str]:
        """Keys of all rows that are data points; error rows are worth another try."""
        query = sa.select(_measurements.c.key).where(_measurements.c.error == "")
        with self._translated(), self._engine.connect() as connection:
            return frozenset(connection.scalars(query))

    def frame(self) -> pd.DataFrame:
        """All rows, error rows included; units are in the column names."""
        import pandas as pd

        columns = [column for column in _measurements.c if column.name != "key"]
        query = sa.select(*columns).order_by(_measurements.c.block_key, _measurements.c.key)
        with self._translated(), self._engine.connect() as connection:
            return pd.read_sql(query, connection)

    def extras(self) -> pd.DataFrame:
        """What imported tables said in columns of their own: block_key, repeat, name, value."""
        with self._translated(), self._engine.begin() as connection:
            make_extras(connection)
            return read_extras(connection, _measurements)

    def block_cycles(
        self, block_type: str, context: Context, code_sha256: str
    ) -> dict[str, dict[str, int]]:
        """Cycles by block, by block key, of good rows in one context and of one code."""
        wanted = {**_context_columns(context), "code_sha256": code_sha256, "error": ""}
        query = (
            sa.select(
                _measurements.c.block_key, _operators.c.block, sa.func.sum(_operators.c.cycles)
            )
            .join(_operators, _operators.c.key == _measurements.c.key)
            .where(_measurements.c.block_type == block_type)
            .where(*(_measurements.c[name] == value for name, value in wanted.items()))
            .group_by(_measurements.c.key, _operators.c.block)
        )
        cycles: dict[str, dict[str, int]] = {}
        with self._translated(), self._engine.connect() as connection:
            for key, block, total in connection.execute(query):
                cycles.setdefault(key, {})[block] = int(total)
        return cycles

    def _prepare(self) -> None:
        tables = set(sa.inspect(self._engine).get_table_names())
        if not tables:
            _metadata.create_all(self._engine)
            with self._engine.begin() as connection:
                connection.execute(_schema.insert(), {"version": SCHEMA_VERSION})
            return
        if not set(_metadata.tables) <= tables:
            raise StoreError(
                f"{self._path} is an SQLite file but no hwprof store; choose another --workspace."
            )
        with self._engine.connect() as connection:
            version = connection.scalar(sa.select(_schema.c.version))
        if version != SCHEMA_VERSION:
            raise StoreError(
                f"{self._path} has store schema {version}, this hwprof reads {SCHEMA_VERSION}; "
                "use the hwprof that wrote it, or another --workspace."
            )

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sa.exc.DBAPIError as error:
            raise StoreError(
                f"the measurement store {self._path} cannot be used ({error.orig}); check that it "
                "is hwprof's own file and that the disk has room, or choose another --workspace."
            ) from error
        except OSError as error:
            raise StoreError(
                f"the measurement store {self._path} cannot be opened: {error}."
            ) from error


def _put(connection: sa.Connection, row: Measurement) -> str:
    """Write a row in place of one with the same key, which is returned."""
    key = measurement_key(row.origin, row.program_sha256)
    operators = [
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
    connection.execute(_operators.delete().where(_operators.c.key == key))
    connection.execute(_measurements.delete().where(_measurements.c.key == key))
    connection.execute(_measurements.insert(), _columns(row, key))
    if operators:
        connection.execute(_operators.insert(), operators)
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
