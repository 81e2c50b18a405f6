"""The search as the command line runs it: everything by name, the board at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from tqdm import tqdm

from hwprof.architecture import Architecture
from hwprof.errors import BoardError
from hwprof.profiler.bench import Bench, Setup
from hwprof.search.estimators import get_task
from hwprof.search.loop import SearchOptions
from hwprof.search.problem import Problem
from hwprof.search.results import SearchResult
from hwprof.search.spaces import get_space
from hwprof.search.strategies import get_strategy
from hwprof.surrogates.predict import Method, load_predictor
from hwprof.workflows.verified_search import predicted_latency, verified_search
from hwprof.workspace import Workspace


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """A search by the names that a user gives.

    Attributes:
        latency: how a candidate's latency is predicted.
        budget_us: candidates above it are no solutions; None for no budget.
        exhaustive: whether the whole space is predicted as well.
        verify: whether the winners and the seed network are run on the board.
    """

    space: str
    strategy: str = "motpe"
    task: str = "flops-proxy"
    latency: Method = "surrogate"
    budget_us: float | None = None
    options: SearchOptions = field(default_factory=SearchOptions)
    setup: Setup = field(default_factory=Setup)
    exhaustive: bool = True
    verify: bool = True


def search_by_name(request: SearchRequest, workspace: Workspace) -> SearchResult:
    """Run a search; trials stay in the workspace, so that the same call goes on where it stopped.

    Raises:
        UnknownNameError: no such space, strategy or task.
        ArtefactError: no surrogate fits the target.
        ConfigurationError: nothing meets the budget, or the study belongs to another search.
        BoardError: a winner's outputs on the board are not the reference's.
    """
    setup = request.setup
    space, task = get_space(request.space), get_task(request.task)
    strategy = get_strategy(request.strategy)
    predictor = load_predictor(
        target=setup.target,
        kernels=setup.kernels,
        scheme=setup.scheme,
        placement=setup.placement,
        timing=setup.timing,
        cache_state=setup.cache_state,
        method=request.latency,
        workspace=workspace,
    )
    problem = Problem(space, task, predicted_latency(predictor, request.latency), request.budget_us)
    workspace.make()
    with _progress() as report, ExitStack() as stack:
        bench = stack.enter_context(Bench(setup)) if request.verify else None
        return verified_search(
            problem,
            strategy,
            request.options,
            storage=workspace.studies,
            profile=_profile(bench) if bench else None,
            exhaustive=request.exhaustive,
            progress=report,
        )


def _profile(bench: Bench) -> Callable[[Architecture], float]:
    """Runs architectures on one board, each verified."""

    def latency_us(architecture: Architecture) -> float:
        program = bench.lower(architecture.graph())
        row = bench.measure(program, block_type="network", block_key=architecture.name)
        if row.error:
            raise BoardError(f"{architecture.name} did not verify: {row.error}.")
        return row.latency_us

    return latency_us


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    bars: dict[str, tqdm[None]] = {}

    def advance(stage: str, count: int, total: int) -> None:
        if stage not in bars:
            bars[stage] = tqdm(total=total, desc=stage, disable=None)
        bars[stage].update(count)

    try:
        yield advance
    finally:
        for bar in bars.values():
            bar.close()
