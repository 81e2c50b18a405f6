"""The measurement store keeps one row for each key and refuses files that are not its own."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from hwprof.errors import StoreError
from hwprof.measurement import Context, Measurement, OperatorMeasurement, Origin
from hwprof.profiler.store import MeasurementStore, measurement_key

ORIGIN = Origin("virtual:rt1170", "virtual", "f" * 64, Context("rt1170", 996_000_000))
ROW = Measurement(
    block_type="conv",
    block_key="conv(k=3)[8x8x8]",
    origin=ORIGIN,
    program_sha256="a" * 64,
    cycles=996_000,
    macs=1000,
    peak_ram_bytes=64,
    flash_bytes=32,
    operators=(OperatorMeasurement("conv", "conv2d", "conv", 1000, 996_000),),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A place for a store inside a folder that does not exist yet."""
    return tmp_path / "work" / "measurements.sqlite"


def test_a_stored_row_comes_back_with_units(path: Path) -> None:
    """A row read back carries its cycles and its latency at the context's clock."""
    with MeasurementStore(path, create=True) as store:
        store.add(ROW)
        frame = store.frame()

    assert frame[["block_key", "cycles", "latency_us"]].to_dict("records") == [
        {"block_key": ROW.block_key, "cycles": 996_000, "latency_us": 1000.0}
    ]


def test_the_same_task_twice_is_one_row(path: Path) -> None:
    """A second row with the same key takes the first one's place."""
    with MeasurementStore(path, create=True) as store:
        store.add(ROW)
        store.add(replace(ROW, cycles=5))

        assert store.frame()["cycles"].tolist() == [5]


def test_another_context_is_another_row() -> None:
    """Anything that decides the cycles is part of the key."""
    slower = replace(ORIGIN, context=replace(ORIGIN.context, clock_hz=1))

    assert measurement_key(ORIGIN, "a") != measurement_key(slower, "a")


def test_another_machine_description_is_another_row() -> None:
    """A number changed in a core or board file makes rows of before worth nothing."""
    changed = replace(ORIGIN, code_sha256="c" * 64)

    assert measurement_key(ORIGIN, "a") != measurement_key(changed, "a")


def test_another_image_around_the_same_kernels_is_the_same_row() -> None:
    """Modelled cycles do not depend on the protocol; a row that names no kernels might."""
    modelled = replace(ORIGIN, code_sha256="c" * 64)
    other = {"firmware_sha256": "0" * 64}

    assert measurement_key(modelled, "a") == measurement_key(replace(modelled, **other), "a")
    assert measurement_key(ORIGIN, "a") != measurement_key(replace(ORIGIN, **other), "a")


def test_rows_of_another_image_need_not_be_measured_again(path: Path) -> None:
    """A campaign finds what was modelled by the same kernels, whichever image it was."""
    modelled = replace(ORIGIN, code_sha256="c" * 64)
    with MeasurementStore(path, create=True) as store:
        store.add(replace(ROW, origin=modelled))

        assert store.measured(replace(modelled, firmware_sha256="0" * 64)) == {
            ROW.program_sha256: ROW.block_key
        }
        assert not store.measured(replace(ORIGIN, firmware_sha256="0" * 64))


def test_error_rows_are_kept_but_not_counted_as_done(path: Path) -> None:
    """A row with an error is stored, and its task is still to do."""
    with MeasurementStore(path, create=True) as store:
        store.add(replace(ROW, error="wrong bytes"))

        assert store.keys() == frozenset()
        assert store.frame()["error"].tolist() == ["wrong bytes"]


def test_rows_survive_reopening(path: Path) -> None:
    """A store opened again knows the keys it held."""
    with MeasurementStore(path, create=True) as store:
        store.add(ROW)
    with MeasurementStore(path) as store:
        assert store.keys() == {measurement_key(ORIGIN, ROW.program_sha256)}


def test_a_missing_store_is_not_created_by_reading(path: Path) -> None:
    """Reading where nothing was measured says what to run and leaves no file."""
    with pytest.raises(StoreError, match="run 'hwprof sample' and 'hwprof profile' first"):
        MeasurementStore(path)

    assert not path.exists()


def test_a_foreign_database_is_refused_and_untouched(tmp_path: Path) -> None:
    """An SQLite file of somebody else is named as such and keeps its bytes."""
    path = tmp_path / "foreign.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("create table songs (title text)")
    connection.close()
    before = path.read_bytes()

    with pytest.raises(StoreError, match="no hwprof store"):
        MeasurementStore(path, create=True)

    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """Bytes that SQLite cannot read become one sentence."""
    path = tmp_path / "noise.sqlite"
    path.write_bytes(b"\x17" * 4096)

    with pytest.raises(StoreError, match="cannot be used"):
        MeasurementStore(path)


def test_another_schema_version_is_refused(path: Path) -> None:
    """A store of another schema version names both versions."""
    MeasurementStore(path, create=True).close()
    with sqlite3.connect(path) as connection:
        connection.execute("update hwprof_schema set version = 99")
    connection.close()

    with pytest.raises(StoreError, match="has store schema 99, this hwprof reads up to 3"):
        MeasurementStore(path)
