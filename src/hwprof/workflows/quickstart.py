"""The whole pipeline, small: sample, profile, fit, predict, search and verify."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

from hwprof.measurement import Measurement
from hwprof.networks import person_detector
from hwprof.profiler.bench import Bench, Setup
from hwprof.profiler.campaign import CampaignReport
from hwprof.search.loop import SearchOptions
from hwprof.search.results import SearchResult
from hwprof.surrogates.fit import Fitted
from hwprof.surrogates.predict import LatencyPrediction, predict_latency
from hwprof.workflows.detector_search import SearchRequest, search_by_name
from hwprof.workflows.fit_workspace import fit_workspace
from hwprof.workflows.measure_samples import measure_samples
from hwprof.workflows.sample_blocks import sample_blocks
from hwprof.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Scale:
    """How small the small pipeline is.

    Attributes:
        samples: of each block type of the person detector.
        trials: of the search.
        budget_us: of the search; the application's wish is 100 ms.
        exhaustive: whether the whole space is predicted as well.
    """

    samples: int = 40
    trials: int = 40
    budget_us: float = 100_000.0
    exhaustive: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Quickstart:
    """What each step made.

    Attributes:
        seconds: wall time by step, in the order of the work.
        seed_row: the person detector that the search starts from, run on the virtual board.
        seed_prediction: the same network predicted from the blocks just measured.
    """

    seconds: dict[str, float]
    campaign: CampaignReport
    fitted: Fitted
    seed_row: Measurement
    seed_prediction: LatencyPrediction[float]
    search: SearchResult


def quickstart(
    workspace: Workspace,
    *,
    workers: int,
    scale: Scale | None = None,
    timing: str = "",
    say: Callable[[str], None],
) -> Quickstart:
    """Run the pipeline; a second run finds its rows and trials and is quick.

    Args:
        timing: what the virtual board's cycles count; empty for the default.
        say: told each step before it begins.

    Raises:
        HwprofError: whatever a step raises; what was measured before is kept.
    """
    scale = scale or Scale()
    setup, clock = Setup(timing=timing), _Clock(say)
    detector = person_detector()
    kinds = list(dict.fromkeys(block.config.block_type for block in detector.blocks))

    with clock.step("sample", f"{scale.samples} configurations of {', '.join(kinds)}"):
        list(sample_blocks(workspace, kinds, count=scale.samples, method="low-discrepancy", seed=0))
    with clock.step("profile", "each one on the virtual RT1170, verified bit for bit"):
        campaign = measure_samples(workspace, setup, workers=workers, block_types=kinds)
    with clock.step("fit", "one surrogate for each block type"):
        fitted, _ = fit_workspace(workspace, setup, workers=workers)
    with clock.step("predict", "the person detector, and run it for comparison"):
        prediction = predict_latency(detector, timing=timing, workspace=workspace)
        with Bench(setup) as bench:
            program = bench.lower(detector.graph())
            row = bench.measure(program, block_type="network", block_key=detector.name)
    with clock.step("search", f"detection heads within {scale.budget_us / 1000:g} ms"):
        request = SearchRequest(
            space="person-detection",
            budget_us=scale.budget_us,
            options=SearchOptions(trials=scale.trials),
            setup=setup,
            exhaustive=scale.exhaustive,
        )
        found = search_by_name(request, workspace)
    return Quickstart(clock.seconds, campaign, fitted, row, prediction, found)


class _Clock:
    """Announces steps and times them."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self.seconds: dict[str, float] = {}

    def step(self, name: str, what: str) -> _Step:
        self._say(f"{name}: {what}")
        return _Step(self.seconds, name)


class _Step:
    def __init__(self, seconds: dict[str, float], name: str) -> None:
        self._seconds = seconds
        self._name = name

    def __enter__(self) -> None:
        self._start_s = perf_counter()

    def __exit__(self, *_: object) -> None:
        self._seconds[self._name] = perf_counter() - self._start_s
