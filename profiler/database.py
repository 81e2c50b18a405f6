"""An SQLite file that keeps what it has acknowledged, and says in a sentence why it cannot.

A transaction is acknowledged when ``writing`` is left: by then SQLite has the bytes on the disk,
and the folder's entry of the rollback journal is gone from it too (``synchronous = EXTRA``), so
neither a killed process nor a power failure takes them back. The rollback journal is kept rather
than a write-ahead log because a store is one file then, to be copied, mailed, or read from media
that cannot be written, which a log's shared-memory file does not allow
(https://www.sqlite.org/wal.html, "Read-Only Databases"; https://www.sqlite.org/pragma.html).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from hwprof.errors import StoreError

BUSY_S = 30.0  # for another process's transaction to end

# By primary result code, https://www.sqlite.org/rescode.html: what happened, and the way out.
_SENTENCES = {
    5: ("is being written by another program", "wait for it and run the same command again"),
    8: (
        "can be read and not written",
        "its rows stay readable; give permission to write, or choose another --workspace",
    ),
    10: (
        "took no more, the disk is full or does not answer",
        "rows stored so far stay readable; make room and run the same command again",
    ),
    13: (
        "took no more, the disk is full",
        "rows stored so far stay readable; make room and run the same command again",
    ),
}
_OTHER = (
    "cannot be used",
    "check that it is hwprof's own file and that the disk has room, or choose another --workspace",
)


class Database:
    """One SQLite file; nothing is opened before it is asked.

    Every method raises StoreError where SQLite refuses.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_S})
        sa.event.listen(self._engine, "connect", _prepare)
        sa.event.listen(self._engine, "begin", _begin)

    def close(self) -> None:
        """Release the file."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A view of the file as it is now, whatever others write meanwhile."""
        with self._translated(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction of the only writer: on the disk when the block is left, or none of it."""
        engine = self._engine.execution_options(begin="IMMEDIATE")
        with self._translated(), engine.begin() as connection:
            yield connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sa.exc.DBAPIError as error:
            code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
            happened, way_out = _SENTENCES.get(code, _OTHER)
            raise StoreError(
                f"the measurement store {self.path} {happened} ({error.orig}); {way_out}."
            ) from error
        except OSError as error:
            raise StoreError(
                f"the measurement store {self.path} cannot be opened: {error}."
            ) from error


def _prepare(connection: Any, _record: object) -> None:
    # Python's own handling of transactions begins them late; ours begin where they are written.
    connection.isolation_level = None
    connection.execute("PRAGMA synchronous = EXTRA")


def _begin(connection: sa.Connection) -> None:
    mode = connection.get_execution_options().get("begin", "DEFERRED")
    connection.exec_driver_sql(f"BEGIN {mode}")
