"""``hwprof explain``: a table measured elsewhere, and the virtual boards it could be of."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from math import exp, log
from pathlib import Path
from typing import TYPE_CHECKING

from hwprof.errors import ConfigurationError, ModelError, StoreError
from hwprof.firmware_stub.targets import describe_virtual, virtual_reference
from hwprof.firmware_stub.virtual.board_fields import CLOCK_RANGE_HZ
from hwprof.measurement import NETWORK, Measurement
from hwprof.profiler.bench import Bench, Setup
from hwprof.workflows.explanation.align import FEWEST_PAIRS, Alignment, align, layers_of
from hwprof.workflows.explanation.hypotheses import SAME, Hypothesis, at_clock, hypotheses
from hwprof.workflows.explanation.judge import (
    Judgement,
    Times,
    Verdict,
    decide,
    judge,
    modelled_time,
)
from hwprof.workflows.explanation.table import LayerTable, Unit, read_layer_table

if TYPE_CHECKING:
    from hwprof.models import Model

SCALED = "one factor on all layers"
_CLOCK_STEP_HZ = 1_000_000
_CLOCKS_TRIED = 3
_LEAST_SLOPE = 0.1
_WORTH_A_CLOCK = 0.05
"""A bias of less is no reason to look for another clock."""


@dataclass(frozen=True, slots=True)
class LayerEvidence:
    """One line of the table beside the model.

    Attributes:
        measured, modelled, explained: in the table's unit; ``explained`` under the cause, or
            under the least bad hypothesis where there is none.
    """

    label: str
    measured: float
    modelled: float
    explained: float

    @property
    def ratio(self) -> float:
        """Measured over modelled, 0 where nothing is modelled."""
        return self.measured / self.modelled if self.modelled else 0.0

    @property
    def explained_ratio(self) -> float:
        """Measured over explained, 0 where nothing is."""
        return self.measured / self.explained if self.explained else 0.0


@dataclass(frozen=True, slots=True)
class Explanation:
    """A verdict with its evidence.

    Attributes:
        aligned_by: how lines found their layers.
        left_out: lines without layers.
        not_run: hypotheses that the board cannot run, with the reason.
    """

    table: str
    unit: Unit
    target: str
    aligned_by: str
    left_out: tuple[str, ...]
    verdict: Verdict
    layers: tuple[LayerEvidence, ...]
    not_run: tuple[tuple[str, str], ...]

    @property
    def sentence(self) -> str:
        """The answer in words."""
        verdict = self.verdict
        if not verdict.cause:
            least = verdict.best
            return (
                f"none explains it: the least bad, {least.name}, is {least.off_percent:.0f} % off"
            )
        off = verdict.of(verdict.cause).off_percent
        if verdict.cause == SAME:
            return f"nothing to explain: as modelled, {off:.1f} % off"
        alike = f"; not told apart from {', '.join(verdict.alike)}" if verdict.alike else ""
        return (
            f"the likeliest cause: {verdict.cause}, {off:.1f} % off instead of "
            f"{verdict.of(SAME).off_percent:.1f} %{alike}"
        )

    def to_json(self) -> dict[str, object]:
        """The object that ``hwprof explain --json`` prints."""
        return {
            "table": self.table,
            "unit": self.unit.value,
            "target": self.target,
            "aligned_by": self.aligned_by,
            "left_out": list(self.left_out),
            "cause": self.verdict.cause,
            "alike": list(self.verdict.alike),
            "sentence": self.sentence,
            "hypotheses": [asdict(judgement) for judgement in self.verdict.judgements],
            "layers": [asdict(layer) for layer in self.layers],
            "not_run": [{"name": name, "reason": reason} for name, reason in self.not_run],
        }


@dataclass(frozen=True, slots=True)
class Resimulator:
    """Runs a model under hypotheses."""

    model: Model
    base: Setup

    @property
    def reference(self) -> str:
        """The virtual board.

        Raises:
            ConfigurationError: the target is no virtual board.
        """
        reference = virtual_reference(self.base.target)
        if reference is None:
            raise ConfigurationError(
                f"causes are tried on a virtual board; got --target {self.base.target}; pass the "
                "virtual board of the one that was measured (hwprof targets)."
            )
        return reference

    def run(self, hypothesis: Hypothesis) -> Measurement:
        """The model under one hypothesis.

        Raises:
            ModelError, ConfigurationError: the board cannot run it so.
        """
        with (
            tempfile.TemporaryDirectory(prefix="hwprof-") as folder,
            Bench(hypothesis.setup(self.base, Path(folder))) as bench,
        ):
            program = bench.lower(self.model.graph)
            return bench.measure(program, block_type=NETWORK, block_key=self.model.name)


def layer_times(row: Measurement, unit: Unit, *, ticks_hz: int = 0) -> dict[str, float]:
    """Time of each layer of a row in a table's unit.

    Args:
        ticks_hz: rate of a table's cycles, where they are not the core's.
    """
    clock_hz = row.origin.context.clock_hz
    rates = {
        Unit.CYCLES: ticks_hz / clock_hz if ticks_hz else 1.0,
        Unit.MICROSECONDS: 1e6 / clock_hz,
    }
    return {layer.name: layer.cycles * rates[unit] for layer in row.operators}


def explain(
    path: Path,
    resimulator: Resimulator,
    *,
    ticks_hz: int = 0,
    say: Callable[[str], None] = lambda _: None,
) -> Explanation:
    """Name the likeliest cause of the difference between a table and the virtual board.

    Args:
        path: the table.
        ticks_hz: rate at which its ticks count; 0 for the core's clock.
        say: told each hypothesis before it runs.

    Raises:
        StoreError: the table cannot be read or is of another model.
        ModelError, ConfigurationError: the model does not run on the board.
    """
    table = read_layer_table(path)
    reference = resimulator.reference
    alignment = align(table, layers_of(resimulator.model.graph))
    bench = _Bench(resimulator, table.unit, ticks_hz, say)
    for hypothesis in hypotheses(reference, resimulator.base):
        bench.try_out(hypothesis)
    _check_timed(table, alignment, bench.times[SAME])
    if table.unit is Unit.MICROSECONDS:
        _try_other_clocks(bench, alignment)
    verdict = judge_table(alignment, bench.times, table)
    return Explanation(
        table=path.name,
        unit=table.unit,
        target=resimulator.base.target,
        aligned_by=alignment.how,
        left_out=alignment.left_out,
        verdict=verdict,
        layers=_evidence(alignment, bench.times, verdict),
        not_run=tuple(bench.not_run),
    )


def _check_timed(table: LayerTable, alignment: Alignment, times: Times) -> None:
    """Refuse a table whose layers run no code in the model."""
    timed = [pair for pair in alignment.pairs if pair.measured and modelled_time(pair, times)]
    if len(timed) < FEWEST_PAIRS:
        raise StoreError(
            f"causes are told by {FEWEST_PAIRS} layers or more that take time; {table.source} has "
            f"{len(timed)} of this model; measure more of its layers."
        )


@dataclass(slots=True)
class _Bench:
    """Runs hypotheses and keeps their times, and the reasons of those that do not run."""

    resimulator: Resimulator
    unit: Unit
    ticks_hz: int
    say: Callable[[str], None]
    times: dict[str, Times] = field(default_factory=dict)
    not_run: list[tuple[str, str]] = field(default_factory=list)

    def try_out(self, hypothesis: Hypothesis) -> None:
        self.say(hypothesis.name)
        try:
            row = self.resimulator.run(hypothesis)
        except (ModelError, ConfigurationError) as error:
            if hypothesis.name == SAME:
                raise
            self.not_run.append((hypothesis.name, str(error)))
        else:
            self.times[hypothesis.name] = layer_times(row, self.unit, ticks_hz=self.ticks_hz)


def judge_table(alignment: Alignment, runs: Mapping[str, Times], table: LayerTable) -> Verdict:
    """Hold every hypothesis that ran against a table; ticks may be of another rate."""
    judgements = [judge(name, alignment.pairs, times) for name, times in runs.items()]
    if table.unit is Unit.CYCLES:
        judgements.append(judge(SCALED, alignment.pairs, runs[SAME], scaled=True))
    return decide(judgements)


def _try_other_clocks(bench: _Bench, alignment: Alignment) -> None:
    """Find the core clock that takes the bias away; memories keep theirs, so it takes secants."""
    reference = bench.resimulator.reference
    board_hz = describe_virtual(reference).clock_hz
    points = [(log(board_hz), _bias(bench.times[SAME], alignment))]
    if abs(points[0][1]) < _WORTH_A_CLOCK:
        return
    tried = ""
    for _ in range(_CLOCKS_TRIED):
        clock_hz = round(exp(_root(points)) / _CLOCK_STEP_HZ) * _CLOCK_STEP_HZ
        hypothesis = at_clock(reference, clock_hz)
        low, high = CLOCK_RANGE_HZ
        if hypothesis.name == tried or not low <= clock_hz <= high:
            break
        bench.times.pop(tried, None)
        bench.try_out(hypothesis)
        tried = hypothesis.name
        if tried not in bench.times:
            break
        points.append((log(clock_hz), _bias(bench.times[tried], alignment)))


def _root(points: list[tuple[float, float]]) -> float:
    """Where the bias vanishes, on the line through the last two points, or of slope 1."""
    (clock, bias), before = points[-1], points[-2:-1]
    slope = (bias - before[0][1]) / (clock - before[0][0]) if before else 1.0
    return clock - bias / max(slope, _LEAST_SLOPE)


def _bias(times: Times, alignment: Alignment) -> float:
    """Weighted mean of the logarithm of measured over modelled."""
    return log(judge(SCALED, alignment.pairs, times, scaled=True).scale)


def _evidence(
    alignment: Alignment, runs: Mapping[str, Times], verdict: Verdict
) -> tuple[LayerEvidence, ...]:
    shown: Judgement = verdict.of(verdict.cause) if verdict.cause else verdict.best
    times = runs.get(shown.name, runs[SAME])
    return tuple(
        LayerEvidence(
            pair.label,
            pair.measured,
            modelled_time(pair, runs[SAME]),
            shown.scale * modelled_time(pair, times),
        )
        for pair in alignment.pairs
    )
