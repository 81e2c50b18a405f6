"""One row of the report's table, from a design's trainings and its runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hwprof.architecture import Architecture
from hwprof.search.design import Design
from hwprof.search.estimators import LatencyEstimate
from hwprof.search.training import bootstrap
from hwprof.search.training.bootstrap import PrecisionSamples
from hwprof.workflows.detector_files import write_detector
from hwprof.workflows.frame_budget import FrameSetup, frame_budget
from hwprof.workflows.int8_accuracy import Int8Detector
from hwprof.workflows.search_outcome._board import Board
from hwprof.workflows.search_outcome._shapes import Shape
from hwprof.workflows.search_outcome._trainings import Trained
from hwprof.workflows.search_report import (
    Detector,
    FramePart,
    Interval,
    Prediction,
    Role,
    Run,
    Saving,
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A design that gets a row.

    Attributes:
        why: the rule that chose it; empty for the seed.
        estimate: of its latency, before the board was asked.
        baseline: architecture that it must beat, by name; empty where there is none.
    """

    label: str
    role: Role
    design: Design
    why: str
    estimate: LatencyEstimate
    baseline: str = ""

    @property
    def architecture(self) -> Architecture:
        """The design's."""
        return self.design.architecture


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """An entry, trained and resampled on the same draws as all others.

    Attributes:
        int8: the first training's network as it is deployed.
    """

    entry: Entry
    trained: Trained
    of_float: PrecisionSamples
    of_int8: PrecisionSamples
    int8: Int8Detector


def judged(
    entries: Sequence[Entry], trained: Sequence[Trained], networks: Sequence[Int8Detector]
) -> list[Judged]:
    """Resample all detectors on the same draws of pictures, so that differences are paired."""
    both = [one.of_float for one in trained] + [one.of_int8 for one in trained]
    samples = bootstrap.paired_samples(both)
    columns = samples[: len(trained)], samples[len(trained) :]
    return [Judged(*row) for row in zip(entries, trained, *columns, networks, strict=True)]


def against_baseline(one: Judged, rows: Sequence[Judged]) -> Interval | None:
    """AP50 of a row less that of what it must beat; None where there is nothing."""
    names = {row.entry.architecture.name: row for row in rows}
    other = names.get(one.entry.baseline)
    return None if other is None else _interval(one.of_int8.less(other.of_int8))


@dataclass(frozen=True, slots=True)
class RowMaker:
    """Makes the rows of one report.

    Attributes:
        board: where trained networks and what lies between them and the seed are run.
        rows: all of the report; the first, the seed's, is what others are compared with.
        budget_us: None for no budget.
        folder: for the files.
    """

    board: Board
    rows: Sequence[Judged]
    budget_us: float | None
    folder: Path

    @property
    def seed(self) -> Judged:
        """The network that the search started from."""
        return self.rows[0]

    def row(self, one: Judged) -> Detector:
        """One row, its files written.

        Raises:
            BoardError: a run did not verify.
            ConfigurationError: a file cannot be written.
        """
        entry = one.entry
        shape = Shape.of(entry.architecture)
        run = self.board.run(one.int8, entry.architecture.name)
        estimate, budget_us = entry.estimate, self.budget_us
        is_seed = one is self.seed
        return Detector(
            label=entry.label,
            role=entry.role,
            arch=entry.architecture.name,
            why=entry.why,
            head=shape.head,
            input_size=shape.size,
            ap50_float=_interval(one.of_float.interval()),
            ap50_int8=_interval(one.of_int8.interval()),
            against_seed=None if is_seed else _interval(one.of_int8.less(self.seed.of_int8)),
            against_baseline=against_baseline(one, self.rows),
            predicted=Prediction(
                estimate.latency_us,
                estimate.low_us,
                estimate.high_us,
                estimate.level,
                estimate.kind,
            ),
            board=run,
            chance=None if budget_us is None else estimate.chance_within(budget_us),
            saving=None if is_seed else self._saving(shape),
            frame=self._frame(one.int8, shape, run),
            files=() if entry.role == "baseline" else self._files(one),
        )

    def _saving(self, shape: Shape) -> Saving:
        """Runs of the seed, of the row, and of each with the other's input."""
        seed = Shape.of(self.seed.entry.architecture)
        pairs = ((seed, seed), (seed, shape), (shape, seed), (shape, shape))
        return Saving(*(self.board.latency_us(head.at(at.size)) for head, at in pairs))

    def _frame(self, int8: Int8Detector, shape: Shape, run: Run) -> tuple[FramePart, ...]:
        setup = self.board.bench.setup
        if run.kind == "measured":
            return ()  # the other parts of a frame run on a virtual board only
        budget = frame_budget(
            run.latency_us,
            shape.size,
            kind=run.kind,
            setup=FrameSetup(
                target=setup.target,
                placement=setup.placement,
                timing=setup.timing,
                pixels=int8.input,
                output=int8.output,
            ),
        )
        return tuple(FramePart(p.name, p.latency_us, p.worst_us, p.kind) for p in budget.parts)

    def _files(self, one: Judged) -> tuple[str, ...]:
        stem = one.entry.label.replace(" ", "-")
        files = write_detector(one.int8.quantised, one.entry.architecture, self.folder, stem)
        return tuple(file.name for file in files)


def _interval(one: bootstrap.Interval) -> Interval:
    return Interval(one.value, one.low, one.high)
