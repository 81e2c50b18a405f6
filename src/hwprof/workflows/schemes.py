"""One network under every quantisation scheme of NXP's study, modelled beside the published."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TYPE_CHECKING

from hwprof.measurement import Placement
from hwprof.models import resolve_model
from hwprof.networks import person_detector
from hwprof.profiler.bench import Bench, Setup

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hwprof.measurement import Measurement

PUBLISHED_SOURCE = (
    "NXP's lecture on neural architecture search (2025), quantisation table: person detector at "
    "256 x 320 on an i.MX RT1170 at 1 GHz; placements are not stated there"
)
STUDY_TARGET = "virtual:rt1170?clock_hz=1000000000"


@dataclass(frozen=True, slots=True)
class Study:
    """One row of the published table, and the set-up that repeats it.

    The generic kernels' rows had activations in SDRAM, those of CMSIS-NN in OCRAM: a fit over
    published figures says so (docs/TIMING.md, 5). Code and weights lay in flash.
    """

    scheme: str
    kernels: str
    activations: str
    published_ms: float

    @property
    def placement(self) -> Placement:
        """Where the row's memory lay."""
        return Placement(activations=self.activations, weights="flash", code="flash")


ROWS = (
    Study("asymmetric/per-tensor", "reference", "sdram", 769),
    Study("asymmetric/per-channel", "reference", "sdram", 807),
    Study("symmetric/per-tensor", "reference", "sdram", 727),
    Study("symmetric/per-channel", "reference", "sdram", 747),
    Study("symmetric-uint8/per-tensor", "reference", "sdram", 728),
    Study("symmetric-uint8/per-channel", "reference", "sdram", 793),
    Study("power-of-two/per-tensor", "simd", "ocram", 237),
    Study("power-of-two/per-channel", "simd", "ocram", 229),
)


@dataclass(frozen=True, slots=True)
class SchemeLatency:
    """A network under one scheme.

    Attributes:
        modelled_ms: measured where the target is a board.
        published_ms: None for networks other than the study's.
    """

    scheme: str
    kernels: str
    placement: str
    kind: str
    modelled_ms: float
    published_ms: float | None


def scheme_latencies(model: str, *, target: str, timing: str, workers: int) -> list[SchemeLatency]:
    """Run a network under the study's eight schemes, each with its kernels and placement.

    Raises:
        ModelError, ConfigurationError, LinkError: the model or the target cannot be used.
    """
    is_studied = resolve_model(model).architecture == person_detector()
    tasks = [(model, _setup(row, target, timing)) for row in ROWS]
    return [
        SchemeLatency(
            scheme=row.scheme,
            kernels=row.kernels,
            placement=str(measured.origin.context.placement),
            kind=measured.origin.context.kind,
            modelled_ms=measured.latency_us / 1000,
            published_ms=row.published_ms if is_studied else None,
        )
        for row, measured in zip(ROWS, _measured(tasks, workers), strict=True)
    ]


def _setup(row: Study, target: str, timing: str) -> Setup:
    return Setup(target, row.placement, row.kernels, row.scheme, timing=timing)


def _measured(tasks: list[tuple[str, Setup]], workers: int) -> Iterator[Measurement]:
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_measure, tasks)


def _measure(task: tuple[str, Setup]) -> Measurement:
    model, setup = task
    graph = resolve_model(model).graph
    with Bench(setup) as bench:
        return bench.measure(bench.lower(graph), block_type="network", block_key=model)
