"""The whole pipeline, smaller still, ends in verified winners and is quick the second time."""

from __future__ import annotations

import pytest

from hwprof.workflows.quickstart import Quickstart, Scale, quickstart
from hwprof.workspace import Workspace

SCALE = Scale(samples=20, trials=5, budget_us=150_000.0, exhaustive=False)


def run(workspace: Workspace, steps: list[str]) -> Quickstart:
    """One quickstart in this process."""
    return quickstart(workspace, workers=1, scale=SCALE, say=steps.append)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """One workspace for all tests: they say what is true of a first and a second run."""
    return Workspace(tmp_path_factory.mktemp("quickstart"))


@pytest.fixture(scope="module")
def first(workspace: Workspace) -> Quickstart:
    """The first run."""
    return run(workspace, [])


def test_every_sample_is_measured(first: Quickstart) -> None:
    """Twenty samples of each of the detector's five block types become rows."""
    assert (first.campaign.asked, first.campaign.measured) == (100, 100)


def test_the_prediction_is_close_to_the_run(first: Quickstart) -> None:
    """The detector predicted from twenty samples a type is within 10 % of its run."""
    assert first.seed_prediction.latency_us == pytest.approx(first.seed_row.latency_us, rel=0.10)
    assert first.seed_row.error == ""


def test_winners_meet_the_budget_and_were_run(first: Quickstart) -> None:
    """Each member of the front is predicted within the budget and has a modelled latency."""
    assert first.search.pareto
    assert all(found.predicted_us <= SCALE.budget_us for found in first.search.pareto)
    assert all(found.board_us for found in first.search.pareto)


def test_a_second_run_finds_its_rows_and_trials(workspace: Workspace, first: Quickstart) -> None:
    """Nothing is measured or tried again, and the result is the same."""
    steps: list[str] = []
    second = run(workspace, steps)

    assert (second.campaign.measured, second.campaign.already_stored) == (0, 100)
    assert [found.arch for found in second.search.pareto] == [
        found.arch for found in first.search.pareto
    ]
    assert [step.partition(":")[0] for step in steps] == list(second.seconds)
