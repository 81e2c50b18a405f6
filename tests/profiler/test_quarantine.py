"""Quarantined rows are out of every reader's way, and come back whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hwprof.measurement import NETWORK, Context, Measurement, OperatorMeasurement, Origin
from hwprof.profiler.quarantine import put_aside, quarantined_rows, release
from hwprof.profiler.store import MeasurementStore, measurement_key

ROW = Measurement(
    block_type=NETWORK,
    block_key="net",
    origin=Origin("virtual:rt1170", "virtual", "f" * 64, Context("rt1170", 996_000_000), "c" * 64),
    program_sha256="a" * 64,
    cycles=30,
    macs=1000,
    peak_ram_bytes=64,
    flash_bytes=32,
    operators=(
        OperatorMeasurement("one", "conv2d", "first", 600, 10),
        OperatorMeasurement("two", "conv2d", "second", 400, 20),
    ),
)
KEY = measurement_key(ROW.origin, ROW.program_sha256)


@pytest.fixture
def store(tmp_path: Path) -> MeasurementStore:
    """A store with one row in quarantine."""
    store = MeasurementStore(tmp_path / "measurements.sqlite", create=True)
    store.add(ROW)
    with store.writing() as connection:
        put_aside(connection, [KEY, "no such row"], check_number=4, reason="drifted")
    return store


def _blocks(store: MeasurementStore) -> object:
    return store.block_cycles(NETWORK, ROW.origin.context, ROW.origin.code_sha256)


def test_no_reader_sees_a_quarantined_row(store: MeasurementStore) -> None:
    """It is in no table that fits, exports or resumes read, and its reason is told."""
    kept = quarantined_rows(store)

    assert store.frame().empty
    assert store.keys() == frozenset()
    assert store.measured(ROW.origin) == {}
    assert _blocks(store) == {}
    assert kept[["check_number", "reason", "block_key", "cycles"]].to_numpy().tolist() == [
        [4, "drifted", "net", 30]
    ]


def test_a_released_row_is_whole(store: MeasurementStore) -> None:
    """It counts again, its layers with it, and the quarantine is empty."""
    assert release(store, 4) == (1, 0)

    assert store.measured(ROW.origin) == {ROW.program_sha256: "net"}
    assert _blocks(store) == {"net": {"first": 10, "second": 20}}
    assert quarantined_rows(store).empty


def test_releasing_does_not_undo_a_new_measurement(store: MeasurementStore) -> None:
    """Where the task was measured again that row stands, and the old one stays put."""
    store.add(replace(ROW, cycles=31))

    assert release(store, 4) == (0, 1)
    assert store.frame()["cycles"].tolist() == [31]
    assert quarantined_rows(store)["cycles"].tolist() == [30]
