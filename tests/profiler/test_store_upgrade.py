"""Stores of every older schema open without loss; reading one writes nothing."""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from hwprof.measurement import Context, Measurement, OperatorMeasurement, Origin
from hwprof.profiler.quarantine import REPLACED, quarantined_rows
from hwprof.profiler.store import MeasurementStore, measurement_key
from hwprof.profiler.store_schema import (
    SCHEMA_VERSION,
    measurement_columns,
    operator_columns,
    origin_columns,
)

# As hwprof wrote them: schema 2 word for word, schema 1 without the column that 2 added.
SCHEMA_2 = """
CREATE TABLE hwprof_schema (
 version INTEGER NOT NULL
);
CREATE TABLE measurements (
 "key" VARCHAR(64) NOT NULL,
 block_type VARCHAR NOT NULL,
 block_key VARCHAR NOT NULL,
 board VARCHAR NOT NULL,
 clock_hz INTEGER NOT NULL,
 kernels VARCHAR NOT NULL,
 scheme VARCHAR NOT NULL,
 activations_memory VARCHAR NOT NULL,
 weights_memory VARCHAR NOT NULL,
 scratch_memory VARCHAR NOT NULL,
 code_memory VARCHAR NOT NULL,
 cache_state VARCHAR NOT NULL,
 timing_model VARCHAR NOT NULL,
 kind VARCHAR NOT NULL,
 target VARCHAR NOT NULL,
 board_identity VARCHAR NOT NULL,
 firmware_sha256 VARCHAR(64) NOT NULL,
 code_sha256 VARCHAR(64) NOT NULL,
 program_sha256 VARCHAR(64) NOT NULL,
 cycles BIGINT NOT NULL,
 spread_cycles BIGINT NOT NULL,
 latency_us FLOAT NOT NULL,
 instructions BIGINT,
 macs BIGINT NOT NULL,
 peak_ram_bytes BIGINT NOT NULL,
 flash_bytes BIGINT NOT NULL,
 saturated_share FLOAT NOT NULL,
 repeats INTEGER NOT NULL,
 error VARCHAR NOT NULL,
 PRIMARY KEY ("key")
);
CREATE INDEX ix_measurements_block_key ON measurements (block_key);
CREATE INDEX ix_measurements_block_type ON measurements (block_type);
CREATE TABLE operators (
 "key" VARCHAR(64) NOT NULL,
 position INTEGER NOT NULL,
 name VARCHAR NOT NULL,
 op VARCHAR NOT NULL,
 block VARCHAR NOT NULL,
 macs BIGINT NOT NULL,
 cycles BIGINT NOT NULL,
 PRIMARY KEY ("key", position),
 FOREIGN KEY("key") REFERENCES measurements ("key") ON DELETE CASCADE
);
"""
CODE_COLUMN = "\n code_sha256 VARCHAR(64) NOT NULL,"
SILICON = Context("rt1170", 996_000_000, timing_model="silicon")
VIRTUAL = Context("rt1170", 996_000_000, timing_model="exact-3", cache_state="cold")
ROW = Measurement(
    block_type="conv",
    block_key="conv(k=3)[8x8x8]",
    origin=Origin("virtual:rt1170", "485750524f464533", "f" * 64, VIRTUAL, "c" * 64),
    program_sha256="a" * 64,
    cycles=996_000,
    macs=1000,
    peak_ram_bytes=64,
    flash_bytes=32,
    operators=(OperatorMeasurement("conv", "conv2d", "conv", 1000, 996_000),),
)
ON_A_BOARD = replace(ROW, origin=Origin("serial:A", "0123456789abcdef", "f" * 64, SILICON))


def _old_key(row: Measurement, version: int) -> str:
    """The key as schemas 1 and 2 defined it: with the port, in 1 without the code."""
    columns = origin_columns(row.origin)
    origin = ["target", "board_identity", "firmware_sha256", "code_sha256"]
    context = [name for name in columns if name not in origin]
    parts = [row.program_sha256, *(columns[name] for name in [*origin[: version + 2], *context])]
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()


def _write_old(path: Path, version: int, *rows: Measurement) -> None:
    """A store as an older hwprof left it."""
    connection = sqlite3.connect(path)
    connection.executescript(SCHEMA_2 if version > 1 else SCHEMA_2.replace(CODE_COLUMN, ""))
    connection.execute("insert into hwprof_schema values (?)", (version,))
    for row in rows:
        key = _old_key(row, version)
        columns = measurement_columns(row, key)
        if version == 1:
            del columns["code_sha256"]
        for table, values in (
            ("measurements", [columns]),
            ("operators", operator_columns(row, key)),
        ):
            for value in values:
                names = ", ".join(value)
                marks = ", ".join("?" * len(value))
                statement = f"insert into {table} ({names}) values ({marks})"  # noqa: S608
                connection.execute(statement, list(value.values()))
    connection.commit()
    connection.close()


def _version(path: Path) -> int:
    connection = sqlite3.connect(path)
    (found,) = connection.execute("select version from hwprof_schema").fetchone()
    connection.close()
    return int(found)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store lies."""
    return tmp_path / "measurements.sqlite"


def test_reading_a_store_of_schema_2_changes_no_byte(path: Path) -> None:
    """Its rows are read as they are; an older hwprof beside this one still opens it."""
    _write_old(path, 2, ROW)
    before = path.read_bytes()

    with MeasurementStore(path) as store:
        assert store.frame()["cycles"].tolist() == [ROW.cycles]
        assert quarantined_rows(store).empty

    assert path.read_bytes() == before


@pytest.mark.parametrize("version", [1, 2])
def test_writing_upgrades_and_keeps_every_row(path: Path, version: int) -> None:
    """Rows of before are there beside the new one, with their layers, each under its key."""
    other = replace(ROW, program_sha256="b" * 64, cycles=7)
    _write_old(path, version, ROW, ON_A_BOARD)

    with MeasurementStore(path) as store:
        store.add(other)
        frame = store.frame()
        expected = {measurement_key(row.origin, row.program_sha256) for row in (ON_A_BOARD, other)}

        assert sorted(frame["cycles"]) == [7, 996_000, 996_000]
        assert expected <= store.keys()
    connection = sqlite3.connect(path)
    assert connection.execute("select count(*) from operators").fetchone() == (3,)
    assert connection.execute("pragma foreign_key_check").fetchall() == []
    connection.close()
    assert _version(path) == SCHEMA_VERSION


def test_rows_of_schema_1_rest_on_unknown_code(path: Path) -> None:
    """Nobody noted which kernels they came from, so no fit takes them for the installed ones."""
    _write_old(path, 1, ROW)

    with MeasurementStore(path) as store:
        assert store.frame()["code_sha256"].tolist() == [""]


def test_a_board_measured_over_two_ports_is_one_row(path: Path) -> None:
    """Its serial number names it now; the second row of one task is kept in quarantine."""
    again = replace(ON_A_BOARD, origin=replace(ON_A_BOARD.origin, target="serial:B"))
    _write_old(path, 2, ON_A_BOARD, again)

    with MeasurementStore(path) as store:
        store.add(replace(ROW, program_sha256="b" * 64))

        assert len(store.frame()) == 2
        assert quarantined_rows(store)["reason"].tolist() == [REPLACED]


def test_an_upgrade_that_fails_changes_nothing(path: Path) -> None:
    """All steps are one transaction: what stops one stops all."""
    _write_old(path, 2, ROW)
    connection = sqlite3.connect(path)
    connection.execute("create table quarantined (mine text)")
    connection.commit()
    connection.close()

    with MeasurementStore(path) as store, pytest.raises(Exception, match="already exists"):
        store.add(ROW)

    assert _version(path) == 2
    connection = sqlite3.connect(path)
    names = {name for (name,) in connection.execute("select name from sqlite_master")}
    connection.close()
    assert "campaign_rows" not in names


def test_two_who_opened_an_old_store_upgrade_it_once(path: Path) -> None:
    """The second writer finds the upgrade done."""
    _write_old(path, 2, ROW)

    with MeasurementStore(path) as one, MeasurementStore(path) as other:
        one.add(replace(ROW, program_sha256="1" * 64))
        other.add(replace(ROW, program_sha256="2" * 64))

        assert len(one.frame()) == 3
