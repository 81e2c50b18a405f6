"""What stops a store from being written is one sentence, and what was stored stays readable."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from hwprof.errors import StoreError
from hwprof.profiler.database import Database
from hwprof.testing.hardship import drop_privilege, limit_files

HALF_MIB = 1 << 19
# A process that writes rows of 4 KiB until it is told why it cannot; prints how many it was told
# were stored, then the sentence.
WRITER = """
import sys
from pathlib import Path
import sqlalchemy as sa
from hwprof.errors import StoreError
from hwprof.profiler.database import Database

database, stored = Database(Path(sys.argv[1])), 0
try:
    while stored < 1000:
        with database.writing() as connection:
            connection.execute(sa.text("insert into t values (0, randomblob(4096))"))
        stored += 1
except StoreError as error:
    print(stored)
    print(error)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database with one empty table."""
    path = tmp_path / "store.sqlite"
    database = Database(path)
    with database.writing() as connection:
        connection.execute(sa.text("create table t (n integer, data blob)"))
    database.close()
    return path


def _rows(path: Path) -> int:
    database = Database(path)
    with database.reading() as connection:
        (count,) = connection.execute(sa.text("select count(*) from t")).one()
        assert connection.execute(sa.text("pragma integrity_check")).scalar() == "ok"
    database.close()
    return int(count)


def _write(path: Path, prepare: Callable[[], None]) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", WRITER, str(path)],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=prepare,
    )
    stored, sentence = done.stdout.splitlines()
    return int(stored), sentence


def test_a_file_that_may_not_grow_keeps_what_it_acknowledged(path: Path) -> None:
    """Where the system gives no more bytes the writer is told so, and nothing is lost."""
    stored, sentence = _write(path, lambda: limit_files(HALF_MIB))

    assert 0 < stored < 1000
    assert "disk is full" in sentence
    assert "rows stored so far stay readable" in sentence
    assert _rows(path) == stored


def test_a_full_database_keeps_what_it_acknowledged(path: Path) -> None:
    """The same where SQLite itself has no more pages to give."""
    database, stored = Database(path), list[int]()

    def write_on() -> None:
        while len(stored) < 100:
            with database.writing() as connection:
                connection.exec_driver_sql("pragma max_page_count = 40")
                connection.execute(sa.text("insert into t values (0, randomblob(4096))"))
            stored.append(1)

    with pytest.raises(StoreError, match=r"the disk is full .*make room"):
        write_on()
    database.close()

    assert 0 < len(stored) < 100
    assert _rows(path) == len(stored)


def test_a_store_that_may_not_be_written_is_read(path: Path) -> None:
    """Without permission to write, a write is refused and reading goes on."""
    path.chmod(0o444)
    path.parent.chmod(0o555)
    try:
        stored, sentence = _write(path, drop_privilege)

        assert stored == 0
        assert "can be read and not written" in sentence
        assert _rows(path) == 0
    finally:
        path.parent.chmod(0o755)


def test_a_store_that_somebody_else_writes_is_waited_for(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction of another program that does not end is named as what holds the store."""
    monkeypatch.setattr("hwprof.profiler.database.BUSY_S", 0.05)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("begin immediate")
    database = Database(path)

    with pytest.raises(StoreError, match="being written by another program"), database.writing():
        pass

    assert _rows(path) == 0
    other.execute("rollback")
    other.close()
    with database.writing():
        pass
    database.close()


def test_a_failed_block_leaves_nothing(path: Path) -> None:
    """What is raised inside a transaction takes all of it back."""
    database = Database(path)

    def give_up() -> None:
        with database.writing() as connection:
            connection.execute(sa.text("insert into t values (1, null)"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        give_up()

    database.close()
    assert _rows(path) == 0


def test_a_commit_reaches_the_disk(path: Path) -> None:
    """SQLite waits for the medium, for the journal's entry in the folder too."""
    database = Database(path)
    with database.reading() as connection:
        assert connection.exec_driver_sql("pragma synchronous").scalar() == 3
        assert connection.exec_driver_sql("pragma journal_mode").scalar() == "delete"
    database.close()
