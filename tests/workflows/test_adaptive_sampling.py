"""Block types measured where their surrogate is least sure."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from hwprof.cli import main
from hwprof.errors import ConfigurationError, UnknownNameError
from hwprof.measurement import Measurement
from hwprof.profiler.bench import Setup
from hwprof.profiler.reference_checks import CheckBook
from hwprof.profiler.sampling import read_manifest, sample
from hwprof.profiler.store import load_measurements
from hwprof.workflows import adaptive_sampling
from hwprof.workflows.adaptive_sampling import (
    Budget,
    Sampled,
    choose_configs,
    sample_adaptively,
)
from hwprof.workflows.sample_blocks import sample_blocks
from hwprof.workspace import Workspace

SETUP = Setup()


def keys_of(workspace: Workspace) -> list[str]:
    """Blocks in the manifest's order."""
    manifest = read_manifest(workspace.samples / "fc" / "manifest.json")
    return [entry.config.key for entry in manifest.entries]


def sample_fc(workspace: Workspace, budget: Budget) -> Sampled:
    """Dense layers, by one worker."""
    (sampled,) = sample_adaptively(workspace, SETUP, ["fc"], budget, workers=1)
    return sampled


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Two batches of dense layers, the second of 5."""
    workspace = Workspace(tmp_path_factory.mktemp("work"))
    sample_fc(workspace, Budget(25))
    return workspace


def test_as_many_are_measured_as_the_budget_says(workspace: Workspace) -> None:
    """Each sample of the manifest has one row, and there are 25."""
    frame = load_measurements(workspace)
    assert len(keys_of(workspace)) == len(set(keys_of(workspace))) == 25
    assert set(frame["block_key"]) == set(keys_of(workspace))


def test_the_same_command_measures_nothing_twice(workspace: Workspace) -> None:
    """A budget that is spent ends at once, with the same samples."""
    before = keys_of(workspace)
    again = sample_fc(workspace, Budget(25))
    assert (again.samples, again.rows, again.stopped_by) == (25, 25, "samples")
    assert keys_of(workspace) == before


def test_a_killed_run_goes_on_as_if_it_had_not_been(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between two rows of the second batch, the same command ends with the same samples."""
    killed = Workspace(tmp_path / "work")
    sample_fc(killed, Budget(20))
    rows, add = [], CheckBook.add

    def add_two(book: CheckBook, row: Measurement, *behind: float) -> str:
        if len(rows) == 2:
            raise KeyboardInterrupt
        rows.append(row)
        return add(book, row, *behind)

    with monkeypatch.context() as patch:
        patch.setattr(CheckBook, "add", add_two)
        with pytest.raises(KeyboardInterrupt):
            sample_fc(killed, Budget(25))
    assert len(load_measurements(killed)) == 22

    assert sample_fc(killed, Budget(25)).rows == 25
    assert keys_of(killed) == keys_of(workspace)


def test_an_error_that_is_reached_ends_it(workspace: Workspace) -> None:
    """A generous target is met by what is there; it is a held-out error."""
    sampled = sample_fc(workspace, Budget(200, error_percent=99.0))
    assert (sampled.samples, sampled.stopped_by) == (25, "error")
    assert sampled.error_percent is not None
    assert 0 < sampled.error_percent <= 99


def test_board_minutes_that_are_spent_end_it(workspace: Workspace) -> None:
    """Minutes are cycles at the board's clock."""
    sampled = sample_fc(workspace, Budget(200, board_minutes=1e-9))
    frame = load_measurements(workspace)
    assert (sampled.samples, sampled.stopped_by) == (25, "board minutes")
    assert sampled.board_minutes == pytest.approx(frame["latency_us"].sum() / 60e6)


def test_a_type_with_no_further_block_ends_it(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the axes hold no more, the budget need not be spent."""
    monkeypatch.setattr(adaptive_sampling, "CANDIDATES", 0)
    sampled = sample_fc(workspace, Budget(200))
    assert (sampled.samples, sampled.stopped_by) == (25, "candidates")


def test_candidates_exclude_what_is_known() -> None:
    """No block is offered that was listed before; the others keep their order."""
    pool = sample("fc", 30)
    assert adaptive_sampling._candidates(pool, pool[5:10]) == [*pool[:5], *pool[10:]]


def test_a_batch_of_more_than_there_are_is_all_of_them() -> None:
    """Few candidates are simply taken."""
    few = sample("fc", 4)
    assert set(choose_configs((), np.zeros(0), few, 10)) == set(few)


def test_samples_that_are_there_count(tmp_path: Path) -> None:
    """A workspace of random samples is measured and added to."""
    workspace = Workspace(tmp_path / "work")
    list(sample_blocks(workspace, ["fc"], count=20, method="random", seed=3))
    before = keys_of(workspace)
    assert sample_fc(workspace, Budget(23)).rows == 23
    assert keys_of(workspace)[:20] == before


@pytest.mark.parametrize(
    "limits", [(19, 0.0, 0.0), (40, -1.0, 0.0), (40, 0.0, -1.0), (40, float("nan"), 0.0)]
)
def test_budgets_that_are_none_are_refused(limits: tuple[int, float, float]) -> None:
    """Too few samples to fit, or a limit below nothing."""
    with pytest.raises(ConfigurationError, match="at least 20 samples, and limits of 0 or more"):
        Budget(*limits)


def test_an_unknown_block_type_is_refused(tmp_path) -> None:
    """Nothing is measured before every name is known."""
    workspace = Workspace(tmp_path / "work")
    with pytest.raises(UnknownNameError, match="unknown block type 'fcc'"):
        sample_adaptively(workspace, SETUP, ["fc", "fcc"], Budget(20), workers=1)
    assert not workspace.root.exists()


def run(workspace: Workspace, *arguments: str) -> Result:
    """``hwprof profile`` in a workspace."""
    return CliRunner().invoke(main, ["profile", "--workspace", str(workspace.root), *arguments])


ADAPTIVE = ("--adaptive", "25", "--block", "fc", "--workers", "1")


def test_the_command_prints_an_object(workspace: Workspace) -> None:
    """A program reads what stopped the sampling; no error is computed where none was asked for."""
    result = run(workspace, *ADAPTIVE, "--json")
    assert result.exit_code == 0, result.output
    (sampled,) = json.loads(result.stdout)["adaptive"]
    assert sampled.pop("board_minutes") > 0
    assert sampled == {
        "block_type": "fc", "samples": 25, "rows": 25, "error_percent": None,
        "stopped_by": "samples",
    }  # fmt: skip


def test_the_command_prints_a_table(workspace: Workspace) -> None:
    """A reader learns what stopped it, how good it is, and what comes next."""
    result = run(workspace, *ADAPTIVE, "--until-error", "99")
    assert result.exit_code == 0, result.output
    heading, line, _, way_on = result.stdout.splitlines()
    assert heading.split()[:3] == ["block", "type", "samples"]
    assert line.split()[:3] == ["fc", "25", "25"]
    assert line.endswith("error")
    assert "hwprof fit" in way_on


def test_fit_takes_what_was_chosen(workspace: Workspace) -> None:
    """Rows that were chosen are rows like others."""
    result = CliRunner().invoke(
        main, ["fit", "--workspace", str(workspace.root), "--workers", "1", "--json"]
    )
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["block_types"]["fc"]["n"] == 25


def test_block_names_what_is_measured(tmp_path: Path) -> None:
    """Without --adaptive, samples of other types stay without a row."""
    workspace = Workspace(tmp_path / "work")
    list(sample_blocks(workspace, ["fc", "reshape"], count=2, method="random", seed=0))
    result = run(workspace, "--block", "reshape", "--workers", "1")
    assert result.exit_code == 0, result.output
    assert set(load_measurements(workspace)["block_type"]) == {"reshape"}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--until-error", "2"), "add --adaptive N"),
        (("--board-minutes", "2"), "add --adaptive N"),
        (("--adaptive", "19"), "20<=x<=2000"),
        (("--adaptive", "20", "--until-error", "0"), "x>0"),
        (("--adaptive", "20", "--target", "my-board"), "only the name of imported rows"),
        (("--adaptive", "20", "--block", "fcc"), "unknown block type 'fcc'"),
        (("--adaptive", "20", "--board-minutes", "nan"), "limits of 0 or more"),
        (("--adaptive", "20", "--networks", "3"), "got --networks and --adaptive; leave out"),
        (("--adaptive", "20", "person-detector"), "got person-detector and --adaptive; leave out"),
        (("--block", "fc", "person-detector"), "got person-detector and --block; leave out"),
        (("--networks", "3", "person-detector"), "got person-detector and --networks; leave out"),
        (("--block", "fc"), "nothing was sampled"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    tmp_path: Path, options: tuple[str, ...], sentence: str
) -> None:
    """One sentence and exit code 2; nothing is written."""
    workspace = Workspace(tmp_path / "work")
    result = run(workspace, *options)
    assert result.exit_code == 2, result.output
    assert sentence in result.output
    assert "Traceback" not in result.output
    assert not workspace.root.exists()
