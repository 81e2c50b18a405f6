"""What a campaign would measure, on which boards, and how long that takes, before it is begun."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from hwprof.measurement import NETWORK
from hwprof.profiler.bench import Bench, Setup
from hwprof.profiler.lineup import boards
from hwprof.profiler.quarantine import quarantined_rows
from hwprof.profiler.reference_checks import check_rows, wall_times
from hwprof.profiler.store import MeasurementStore
from hwprof.profiler.tasks import NetworkTask, Task
from hwprof.workflows.measure_samples import measure_tasks
from hwprof.workflows.progress import duration
from hwprof.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

    from hwprof.measurement import Origin

FIRST_FEW = 3
"""Tasks measured to learn a board's pace where nothing was measured on it yet."""


@dataclass(frozen=True, slots=True)
class PlannedBoard:
    """A line of the campaign, and what its last check found.

    Attributes:
        workers: boards behind it; a virtual one has several.
        checked_at: when (UTC, ISO 8601), empty before the first check.
        fault: why it was not trusted then; empty if it was.
    """

    target: str
    identity: str
    workers: int
    checked_at: str = ""
    fault: str = ""


@dataclass(frozen=True, slots=True)
class CampaignPlan:
    """What is to do.

    Attributes:
        stored: tasks of that name with a row; whether it is of the very program is found out when
            the campaign comes to it.
        seconds: that the rest takes, None where no row says how long one takes.
        basis: rows that the estimate rests on.
        quarantined: rows that are kept and not used.
    """

    asked: int
    stored: int
    seconds: float | None
    basis: int
    quarantined: int
    boards: tuple[PlannedBoard, ...]

    @property
    def to_measure(self) -> int:
        """Tasks without a row."""
        return self.asked - self.stored

    def document(self) -> dict[str, Any]:
        """The documented JSON object."""
        return {**asdict(self), "to_measure": self.to_measure}

    def __str__(self) -> str:
        lines = [f"{self.asked} asked, {self.stored} stored, {self.to_measure} to measure"]
        if self.to_measure and self.seconds is not None:
            lines[0] += f": about {duration(self.seconds)}, by {self.basis} rows so far"
        for board in self.boards:
            checked = f"checked {board.checked_at}" if board.checked_at else "not checked yet"
            state = f"not to be used: {board.fault}" if board.fault else "good"
            lines.append(
                f"{board.target} ({board.identity}, {board.workers} at work): {checked}"
                + (f", {state}" if board.checked_at else "")
            )
        if self.quarantined:
            lines.append(f"{self.quarantined} rows in quarantine; 'hwprof quarantine' shows them")
        return "\n".join(lines)


def plan_campaign(
    tasks: Sequence[Task | NetworkTask], workspace: Workspace, setup: Setup, *, workers: int
) -> CampaignPlan:
    """Look at the boards and the store; where no row tells the pace, measure the first few tasks.

    Raises:
        LinkError, ConfigurationError: a board cannot be opened.
        StoreError: the store cannot be read.
    """
    lines = [line.target for line in boards(setup, workers)]
    with MeasurementStore(workspace.store, create=True) as store:
        origins = {target: _origin(setup, target) for target in dict.fromkeys(lines)}
        left = _left(tasks, store, origins)
        times = wall_times(store, next(iter(origins.values())).context)
        if times.empty and left:
            measure_tasks(_spread(left), workspace, setup, workers=1)
            left = _left(tasks, store, origins)
            times = wall_times(store, next(iter(origins.values())).context)
        checks = check_rows(store)
        return CampaignPlan(
            asked=len(tasks),
            stored=len(tasks) - len(left),
            seconds=_seconds(left, times) / len(lines) if len(times) else None,
            basis=len(times),
            quarantined=len(quarantined_rows(store)),
            boards=tuple(
                _board(origin, lines.count(target), checks) for target, origin in origins.items()
            ),
        )


def _origin(setup: Setup, target: str) -> Origin:
    with Bench(replace(setup, target=target, also=())) as bench:
        return bench.origin


def _left(
    tasks: Sequence[Task | NetworkTask], store: MeasurementStore, origins: dict[str, Origin]
) -> list[Task | NetworkTask]:
    known = frozenset[str]().union(*(store.measured(o).values() for o in origins.values()))
    return [task for task in tasks if task.block_key not in known]


def _spread(left: Sequence[Task | NetworkTask]) -> list[Task | NetworkTask]:
    """A few tasks from the smallest to the largest."""
    ordered = sorted(left, key=lambda task: task.macs)
    positions = np.linspace(0, len(ordered) - 1, min(FIRST_FEW, len(ordered)))
    return [ordered[round(position)] for position in positions]


def _seconds(left: Sequence[Task | NetworkTask], times: pd.DataFrame) -> float:
    """Wall seconds of tasks one after the other: so much each, and so much for each MAC.

    Tasks whose MACs nobody counted take the mean of rows of their kind.
    """
    from scipy.optimize import nnls

    terms = np.column_stack([np.ones(len(times)), times["macs"].to_numpy(float)])
    scale = terms.max(axis=0).clip(min=1.0)
    each, per_mac = nnls(terms / scale, times["wall_s"].to_numpy(float))[0] / scale
    networks = times["block_type"] == NETWORK
    means = {
        is_network: times["wall_s"][networks == is_network].mean() for is_network in (True, False)
    }
    fallback = float(times["wall_s"].mean())
    return float(
        sum(
            each + per_mac * task.macs
            if task.macs
            else np.nan_to_num(means[task.block_type == NETWORK], nan=fallback)
            for task in left
        )
    )


def _board(origin: Origin, workers: int, checks: pd.DataFrame) -> PlannedBoard:
    own = checks[
        (checks["target"] == origin.target) & (checks["board_identity"] == origin.board_identity)
    ]
    board = PlannedBoard(origin.target, origin.board_identity, workers)
    if own.empty:
        return board
    last = own.iloc[-1]
    return PlannedBoard(
        origin.target, origin.board_identity, workers, str(last["at"]), str(last["fault"])
    )
