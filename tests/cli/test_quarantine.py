"""``hwprof quarantine`` shows what is put aside, why, and takes it back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hwprof.cli import main
from hwprof.measurement import Context, Measurement, Origin
from hwprof.profiler.quarantine import put_aside
from hwprof.profiler.store import MeasurementStore, measurement_key

ROW = Measurement(
    block_type="fc",
    block_key="fc(out_features=4)[1x1x8]",
    origin=Origin("serial:A", "0123", "f" * 64, Context("rt1170", 996_000_000)),
    program_sha256="a" * 64,
    cycles=30,
    macs=32,
    peak_ram_bytes=64,
    flash_bytes=32,
)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace with one row that check 3 put aside."""
    with MeasurementStore(tmp_path / "measurements.sqlite", create=True) as store:
        store.add(ROW)
        key = measurement_key(ROW.origin, ROW.program_sha256)
        with store.writing() as connection:
            put_aside(connection, [key], check_number=3, reason="it moved")
    return tmp_path


def _run(workspace: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["quarantine", "--workspace", str(workspace), *arguments])


def test_rows_are_shown_by_check_with_the_reason(workspace: Path) -> None:
    """A reader sees which rows, and why nobody uses them."""
    output = _run(workspace).output

    assert "check 3: 1 rows, it moved" in output
    assert ROW.block_key in output


def test_json_names_rows_and_reason(workspace: Path) -> None:
    """A program reads the same."""
    (found,) = json.loads(_run(workspace, "--json").output)["quarantined"]

    assert (found["check"], found["reason"]) == (3, "it moved")
    assert [row["cycles"] for row in found["rows"]] == [30]


def test_released_rows_are_measurements_again(workspace: Path) -> None:
    """They are counted, and nothing is left to show."""
    assert json.loads(_run(workspace, "--release", "3", "--json").output) == {
        "released": 1,
        "measured_again": 0,
    }
    assert _run(workspace).output == "nothing is in quarantine\n"
    with MeasurementStore(workspace / "measurements.sqlite") as store:
        assert store.frame()["cycles"].tolist() == [30]


def test_an_unknown_check_is_refused(workspace: Path) -> None:
    """One sentence says which checks have rows."""
    result = _run(workspace, "--release", "7")

    assert result.exit_code == 2
    assert "checks that have some: 3" in result.output


def test_a_workspace_without_a_store_is_refused(tmp_path: Path) -> None:
    """Nothing was measured there."""
    result = _run(tmp_path)

    assert result.exit_code == 2
    assert "no measurement store" in result.output
