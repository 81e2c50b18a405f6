"""One campaign at a time writes into a store; a second one is told whose turn it is.

The lock is an open transaction on a small SQLite file beside the store: it works wherever the
store does, and ends with its process, however that ends.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from sqlite3 import SQLITE_BUSY, Connection, DatabaseError, OperationalError, connect

from hwprof.errors import StoreError

SUFFIX = ".campaign"


@contextmanager
def only_campaign(store: Path) -> Iterator[None]:
    """Be the one campaign that writes into ``store`` until the block is left.

    Raises:
        StoreError: another campaign is, and the message says which process, and since when; or
            the folder cannot be written.
    """
    path = store.with_suffix(SUFFIX)
    with closing(_held(path, store)):
        yield


def _held(path: Path, store: Path) -> Connection:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    lock = None
    try:
        lock = connect(path, timeout=0, isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        lock.execute("CREATE TABLE IF NOT EXISTS holder (process INTEGER, since TEXT)")
        lock.execute("DELETE FROM holder")
        lock.execute("INSERT INTO holder VALUES (?, ?)", (os.getpid(), since))
        lock.execute("COMMIT")  # so that others can read who it is
        lock.execute("BEGIN IMMEDIATE")
    except DatabaseError as error:
        if lock is not None:
            lock.close()
        if error.sqlite_errorcode == SQLITE_BUSY:
            raise StoreError(_taken(path, store)) from error
        raise StoreError(
            f"a campaign writes beside {store}, and {path.name} cannot be written there ({error}); "
            "give permission or make room, delete that file if it is damaged, or choose another "
            "--workspace."
        ) from error
    return lock


def _taken(path: Path, store: Path) -> str:
    return (
        f"{_holder(path)} measures into {store}; wait for it, give it the other boards too "
        "(--target may be repeated), or choose another --workspace."
    )


def _holder(path: Path) -> str:
    """Who holds a lock; a process that has it since a moment ago has not signed yet."""
    with closing(connect(path)) as lock, suppress(OperationalError):
        for process, since in lock.execute("SELECT process, since FROM holder"):
            return f"the campaign of process {process}, since {since},"
    return "another campaign"
