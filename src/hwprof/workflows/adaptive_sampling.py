"""Measure a block type where its surrogate is least sure, batch by batch.

Candidates are drawn once; of those not measured yet a batch is chosen (``surrogates.active``),
written beside the samples that are there, and measured into the workspace's store. What a killed
run has chosen and measured is found again: the same command goes on where it stopped, and what
it chooses is what it would have chosen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from hwprof.blocks import BLOCK_TYPES, BlockConfig, BlockType
from hwprof.errors import ConfigurationError, UnknownNameError
from hwprof.firmware_stub.targets import is_name
from hwprof.profiler.bench import Bench, Setup
from hwprof.profiler.sampling import MANIFEST, METHODS, read_manifest, write_samples
from hwprof.profiler.store import MeasurementStore
from hwprof.surrogates.active import choose_next
from hwprof.surrogates.features import block_features
from hwprof.surrogates.fit import FitOptions, fit
from hwprof.surrogates.regressors import Vector
from hwprof.surrogates.rows import Samples, collect_samples
from hwprof.templates import TemplateBlock
from hwprof.workflows.measure_samples import measure_tasks, sampled_tasks
from hwprof.workflows.own_blocks import workspace_templates
from hwprof.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

    from hwprof.measurement import Origin

METHOD = "adaptive"
"""What manifests call samples chosen here."""

FIRST_BATCH = 20
"""As many as a surrogate needs at least; chosen by what costs are guessed at."""

BATCH = 10

CANDIDATES = 500
"""Blocks that a batch is chosen among; choosing takes memory by their square, and time by their
square for each row that is there."""


@dataclass(frozen=True, slots=True)
class Budget:
    """When to stop, for each block type: at whichever comes first.

    Attributes:
        samples: in the workspace, those that were there included.
        board_minutes: what the board computed for them; 0 for no limit.
        error_percent: held-out MAPE to reach; 0 for none.
    """

    samples: int
    board_minutes: float = 0.0
    error_percent: float = 0.0

    def __post_init__(self) -> None:
        limits = (self.board_minutes, self.error_percent)
        if self.samples < FIRST_BATCH or not all(0 <= limit < float("inf") for limit in limits):
            raise ConfigurationError(
                f"adaptive sampling needs at least {FIRST_BATCH} samples, and limits of 0 or more; "
                f"got {self.samples} samples, {self.board_minutes:g} board minutes and an error of "
                f"{self.error_percent:g} %."
            )


@dataclass(frozen=True, slots=True)
class Sampled:
    """What became of one block type.

    Attributes:
        samples: files in the workspace.
        rows: of them and of others of the type, good for a fit.
        error_percent: held-out MAPE of the rows measured, which are harder than random ones; None
            where no target was set.
        stopped_by: ``samples``, ``board minutes``, ``error`` or ``candidates`` (none was left).
    """

    block_type: str
    samples: int
    rows: int
    board_minutes: float
    error_percent: float | None
    stopped_by: str = ""

    def to_json(self) -> dict[str, object]:
        """An entry of what ``hwprof profile --adaptive --json`` prints."""
        return asdict(self)


def sample_adaptively(
    workspace: Workspace,
    setup: Setup,
    block_types: Iterable[str],
    budget: Budget,
    *,
    workers: int,
    seed: int = 0,
) -> list[Sampled]:
    """Sample and measure block types, all of them if none is named, until the budget says stop.

    Raises:
        UnknownNameError: a block type nobody registered and nobody made in this workspace;
            nothing is measured then.
        ConfigurationError: the target is the mere name of a board.
        StoreError: the first samples gave no row that can be fitted.
        LinkError: the board failed; rows so far are stored.
    """
    templates = workspace_templates(workspace)
    known: Mapping[str, BlockType] = {**BLOCK_TYPES, **templates}
    names = list(dict.fromkeys(block_types)) or list(known)
    for name in names:
        if name not in known:
            raise UnknownNameError("block type", name, known)
    if is_name(setup.target):
        raise ConfigurationError(
            f"adaptive sampling measures, and {setup.target!r} is only the name of imported rows; "
            "name a board that can be reached, as --target virtual:rt1170."
        )
    with Bench(setup) as bench:
        origin = bench.origin
    campaign = _Campaign(workspace, setup, origin, templates, workers, seed)
    return [_sample(campaign, known[name], budget) for name in names]


@dataclass(frozen=True, slots=True)
class _Campaign:
    """Where rows are measured and kept."""

    workspace: Workspace
    setup: Setup
    origin: Origin
    templates: Mapping[str, TemplateBlock]
    workers: int
    seed: int

    def listed(self, block_type: str) -> list[BlockConfig]:
        """What the workspace's manifest of a type lists."""
        manifest = self.workspace.samples / block_type / MANIFEST
        return [e.config for e in read_manifest(manifest).entries] if manifest.exists() else []

    def list_also(
        self, listed: Sequence[BlockConfig], batch: Sequence[BlockConfig]
    ) -> list[BlockConfig]:
        """Write a batch of one type behind what is listed; both together."""
        every = [*listed, *batch]
        folder = self.workspace.samples / batch[0].block_type
        write_samples(every, folder, seed=self.seed, method=METHOD)
        return every

    def measure(self, configs: Sequence[BlockConfig]) -> tuple[pd.DataFrame, Samples]:
        """Measure these of one type; the type's rows, and those of this context that are good."""
        block_type, keys = configs[0].block_type, {config.key for config in configs}
        tasks = [
            task for task in sampled_tasks(self.workspace, [block_type]) if task.block_key in keys
        ]
        measure_tasks(tasks, self.workspace, self.setup, workers=self.workers)
        with MeasurementStore(self.workspace.store) as store:
            rows = store.frame()
        rows = rows[rows["block_type"] == block_type]
        samples = collect_samples(
            rows,
            self.origin.context,
            firmware_sha256=self.origin.firmware_sha256,
            code_sha256=self.origin.code_sha256,
            templates=self.templates,
        )
        return rows, samples

    def error_percent(self, rows: pd.DataFrame) -> float | None:
        """Held-out MAPE of a fit on rows of one type; None where outliers leave too few."""
        fitted = fit(
            rows,
            FitOptions(seed=self.seed, code_sha256=self.origin.code_sha256),
            context=self.origin.context,
            firmware_sha256=self.origin.firmware_sha256,
            templates=self.templates,
        )
        return next((kind.scores.mape_percent for kind in fitted.report.types), None)


def _sample(campaign: _Campaign, kind: BlockType, budget: Budget) -> Sampled:
    drawn = METHODS["low-discrepancy"](kind, campaign.seed)
    pool = list(islice(drawn, CANDIDATES + budget.samples))
    listed = campaign.listed(kind.name)
    batch = listed
    if not listed:
        batch = choose_configs((), np.zeros(0), pool[:CANDIDATES], FIRST_BATCH)
        listed = campaign.list_also(listed, batch)
    while True:
        rows, samples = campaign.measure(batch)
        candidates = _candidates(pool, [*listed, *samples.configs])
        enough = budget.error_percent and len(samples.cycles) >= FIRST_BATCH
        state = Sampled(
            block_type=kind.name,
            samples=len(listed),
            rows=len(samples.cycles),
            board_minutes=board_minutes(samples),
            error_percent=campaign.error_percent(rows) if enough else None,
        )
        if reason := _reason(state, budget, candidates):
            return replace(state, stopped_by=reason)
        count = min(BATCH, budget.samples - len(listed))
        batch = choose_configs(samples.configs, samples.cycles, candidates, count)
        listed = campaign.list_also(listed, batch)


def choose_configs(
    measured: Sequence[BlockConfig],
    cycles: Vector,
    candidates: Sequence[BlockConfig],
    count: int,
) -> list[BlockConfig]:
    """The batch to measure next; all candidates where there are no more."""
    features = block_features([*measured, *candidates])
    rows = choose_next(features.X, cycles, min(count, len(candidates)))
    return [candidates[row - len(measured)] for row in rows]


def board_minutes(samples: Samples) -> float:
    """What a board computes for one run of each; what a link and a host need is not in it."""
    return float(samples.cycles.sum()) / samples.context.clock_hz / 60


def _candidates(pool: Iterable[BlockConfig], known: Iterable[BlockConfig]) -> list[BlockConfig]:
    """The first of the pool that are not known."""
    taken = set(known)
    return list(islice((config for config in pool if config not in taken), CANDIDATES))


def _reason(state: Sampled, budget: Budget, candidates: Sequence[BlockConfig]) -> str:
    """Why to stop; empty while there is none."""
    if state.error_percent is not None and state.error_percent <= budget.error_percent:
        return "error"
    if state.samples >= budget.samples:
        return "samples"
    if budget.board_minutes and state.board_minutes >= budget.board_minutes:
        return "board minutes"
    return "" if candidates else "candidates"
