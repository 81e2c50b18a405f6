"""A look at a search space: every network counted and predicted, or a sample of them."""

from __future__ import annotations

import random
import time
from contextlib import suppress
from dataclasses import dataclass, field
from math import sqrt

import numpy as np
import numpy.typing as npt

from hwprof.errors import ConfigurationError, ModelDoesNotFitError
from hwprof.profiler.bench import Setup
from hwprof.profiler.block_memory import counted_memory
from hwprof.profiler.lowering import lower
from hwprof.search.estimators import get_task
from hwprof.search.spaces import Indices, SearchSpace
from hwprof.surrogates.predict import Method
from hwprof.surrogates.tables import TabularSpace
from hwprof.workflows.setup_predictor import setup_predictor
from hwprof.workflows.space_shape._candidates import Candidates, Counter, Progress
from hwprof.workflows.space_shape._effects import Effects, Varied
from hwprof.workflows.space_shape._sizes import (
    by_input_size,
    choose,
    divided,
    large_mmacs,
    quantiles,
)
from hwprof.workflows.space_shape._values import (
    Limits,
    RamCheck,
    Share,
    Shares,
    SpaceShape,
)
from hwprof.workspace import Workspace

MOST_WHOLE = 1_000_000
"""Networks of a space with a table of parameters that are all looked at: a minute or two."""
SAMPLES = 10_000
"""Networks of any other space that are looked at: each is built, some tens of seconds in all."""
_LOWERED = 8

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ShapeRequest:
    """What to look at.

    Attributes:
        task: a count that stands for quality.
        samples: networks to draw where the space has more; None for the space's own default.
        seed: of the draw.
        by: a parameter that divides input sizes into cells; None for none.
    """

    limits: Limits = field(default_factory=Limits)
    task: str = "flops-proxy"
    latency: Method = "surrogate"
    samples: int | None = None
    seed: int = 0
    by: str | None = None
    setup: Setup = field(default_factory=Setup)


def look_at(
    space: SearchSpace,
    request: ShapeRequest,
    workspace: Workspace,
    progress: Progress | None = None,
) -> tuple[SpaceShape, Candidates]:
    """Count and predict the networks of a space.

    Raises:
        UnknownNameError: no such task, or no such parameter to divide input sizes by.
        ArtefactError: no surrogate fits the target.
        ConfigurationError: a limit is not positive, or no network is within the limits.
    """
    began, cpu_began = time.perf_counter(), time.process_time()
    _check(request)
    setup, task = request.setup, get_task(request.task)
    predictor = setup_predictor(setup, workspace, request.latency)
    indices = drawn(space, request)
    candidates = Counter(predictor, task, setup.scheme).candidates(space, indices, progress)
    limits = request.limits
    meeting = _all_met(candidates, limits)
    if not meeting.any():
        raise ConfigurationError(_nobody(space, candidates, limits))
    large, varied = large_mmacs(candidates, meeting), Varied.of(space, candidates)
    sizes = tuple(by_input_size(candidates, meeting, large))
    cells = None
    if request.by is not None:
        found = by_input_size(candidates, meeting, large, varied.named(request.by))
        cells = divided(request.by, list(found))
    effects = Effects(candidates, meeting, len(candidates) == space.size)
    context = predictor.context
    shape = SpaceShape(
        space=space.name,
        space_size=space.size,
        architectures=len(candidates),
        latency=f"{request.latency} for {context.board} ({context.timing_model}, "
        f"{context.placement})",
        score=task.name,
        limits=limits,
        shares=_shares(candidates, limits, space.size),
        latency_ms=quantiles(candidates.latency_us / 1000),
        mmacs=quantiles(candidates.macs / 1e6),
        ram_bytes=quantiles(candidates.ram_bytes),
        flash_bytes=quantiles(candidates.flash_bytes),
        large_mmacs=large,
        by_input_size=sizes,
        choice=choose(sizes),
        cells=cells,
        effects=tuple(map(effects.of, varied.parameters)),
        dimensions=tuple(map(effects.of, varied.joined)),
        interactions=tuple(effects.interactions(varied.dimensions)),
        ram_check=_ram_check(space, indices, request),
        seconds=time.perf_counter() - began,
        cpu_seconds=time.process_time() - cpu_began,
    )
    return shape, candidates


def drawn(space: SearchSpace, request: ShapeRequest) -> Indices:
    """Numbers of the networks that are looked at, ascending: all, or so many at random."""
    usual = MOST_WHOLE if isinstance(space, TabularSpace) else SAMPLES
    most = request.samples or usual
    if space.size <= most:
        return np.arange(space.size)
    return np.array(sorted(random.Random(request.seed).sample(range(space.size), most)))


def _check(request: ShapeRequest) -> None:
    limits = request.limits
    for name, value, scale, unit in (
        ("a latency budget", limits.budget_us, 1000, "ms"),
        ("a limit of RAM", limits.ram_bytes, 1024, "KiB"),
        ("a limit of flash", limits.flash_bytes, 1024, "KiB"),
    ):
        if value is not None and not 0 < value < float("inf"):
            raise ConfigurationError(
                f"{name} is positive and finite; got {value / scale:g} {unit}; give a larger one "
                "that is finite, or leave it out."
            )


def _met(values: npt.NDArray[np.float64], limit: float | None) -> Mask:
    return np.full(len(values), True) if limit is None else values <= limit


def _all_met(candidates: Candidates, limits: Limits) -> Mask:
    return (
        _met(candidates.latency_us, limits.budget_us)
        & _met(candidates.ram_bytes, limits.ram_bytes)
        & _met(candidates.flash_bytes, limits.flash_bytes)
    )


def _nobody(space: SearchSpace, candidates: Candidates, limits: Limits) -> str:
    looked = (
        f"none of its {space.size:,} networks is"
        if len(candidates) == space.size
        else f"none of {len(candidates):,} networks drawn from its {space.size:,} is"
    )
    return (
        f"a look at {space.name} needs limits that some network meets; {looked} within {limits}; "
        f"the least are {candidates.latency_us.min() / 1000:.2f} ms, "
        f"{candidates.ram_bytes.min() / 1024:.1f} KiB of RAM and "
        f"{candidates.flash_bytes.min() / 1024:.1f} KiB of flash, each by itself."
    )


def _shares(candidates: Candidates, limits: Limits, space_size: int) -> Shares:
    def share(values: npt.NDArray[np.float64], limit: float | None) -> Share | None:
        return None if limit is None else _share(_met(values, limit), space_size)

    return Shares(
        latency=share(candidates.latency_us, limits.budget_us),
        latency_surely=share(candidates.high_us, limits.budget_us),
        latency_possibly=share(candidates.low_us, limits.budget_us),
        ram=share(candidates.ram_bytes, limits.ram_bytes),
        flash=share(candidates.flash_bytes, limits.flash_bytes),
        all=_share(_all_met(candidates, limits), space_size),
    )


def _share(met: Mask, space_size: int) -> Share:
    """Share and standard error of a draw without replacement (Cochran 1977, section 3.2)."""
    n, share = len(met), float(met.mean())
    unseen = 1 - n / space_size
    return Share(share, sqrt(share * (1 - share) * unseen / max(n - 1, 1)))


def _ram_check(space: SearchSpace, indices: Indices, request: ShapeRequest) -> RamCheck:
    """Planned beside counted RAM of some networks: how tight the bound is here."""
    rng = random.Random(request.seed)
    chosen = rng.sample(indices.tolist(), min(_LOWERED, len(indices)))
    excesses = []
    scheme = request.setup.scheme
    for architecture in space.architectures(chosen):
        counted = counted_memory(architecture.blocks, architecture.outputs, scheme).ram_bytes
        with suppress(ModelDoesNotFitError):  # a tensor larger than the pool is counted, not run
            planned = lower(architecture.graph(), scheme=scheme).peak_ram_bytes
            excesses.append(100 * (planned / counted - 1))
    larger = sum(excess > 0 for excess in excesses)
    return RamCheck(len(excesses), larger, max(excesses, default=0.0))
