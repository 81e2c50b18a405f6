"""One network under every quantisation scheme of NXP's study, modelled beside the published."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TYPE_CHECKING

from hwprof.measurement import DEFAULT_SCHEME, Placement
from hwprof.models import resolve_model
from hwprof.networks import person_detector
from hwprof.profiler.bench import Bench, Setup

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hwprof.measurement import Measurement

PUBLISHED_SOURCE = (
    "NXP's lecture on neural architecture search (2025), quantisation table: person detector at "
    "256 x 320 on an i.MX RT1170 at 1 GHz, AP50 on PASCAL VOC; placements are not stated there"
)
PUBLISHED_FLOAT_AP50_PERCENT = 61.4
STUDY_TARGET = "virtual:rt1170?clock_hz=1000000000"


@dataclass(frozen=True, slots=True)
class Study:
    """One row of the published table, and the set-up that repeats it.

    The generic kernels' rows had activations in SDRAM, those of CMSIS-NN in OCRAM: a fit over
    published figures says so (docs/TIMING.md, 5). Code and weights lay in flash.

    Attributes:
        published_ms, published_ap50_percent: None where the table has no such row.
    """

    scheme: str
    kernels: str
    activations: str
    published_ms: float | None = None
    published_ap50_percent: float | None = None

    @property
    def placement(self) -> Placement:
        """Where the row's memory lay."""
        return Placement(activations=self.activations, weights="flash", code="flash")


ROWS = (
    Study("asymmetric/per-tensor", "reference", "sdram", 769, 61.0),
    Study("asymmetric/per-channel", "reference", "sdram", 807, 60.6),
    Study("symmetric/per-tensor", "reference", "sdram", 727, 60.2),
    Study("symmetric/per-channel", "reference", "sdram", 747, 60.5),
    Study("symmetric-uint8/per-tensor", "reference", "sdram", 728, 60.4),
    Study("symmetric-uint8/per-channel", "reference", "sdram", 793, 60.4),
    Study("power-of-two/per-tensor", "simd", "ocram", 237, 58.9),
    Study("power-of-two/per-channel", "simd", "ocram", 229, 60.2),
    Study(DEFAULT_SCHEME, "simd", "ocram"),
)


@dataclass(frozen=True, slots=True)
class SchemeLatency:
    """A network under one scheme.

    Attributes:
        modelled_ms: measured where the target is a board.
        published_ms, published_ap50_percent: None for networks other than the study's, and for
            our default scheme.
    """

    scheme: str
    kernels: str
    placement: str
    kind: str
    modelled_ms: float
    published_ms: float | None
    published_ap50_percent: float | None


def scheme_latencies(model: str, *, target: str, timing: str, workers: int) -> list[SchemeLatency]:
    """Run a network under the study's eight schemes and our default, each with its kernels.

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
            published_ap50_percent=row.published_ap50_percent if is_studied else None,
        )
        for row, measured in zip(ROWS, _measured(tasks, workers), strict=True)
    ]


def _setup(row: Study, target: str, timing: str) -> Setup:
    return Setup(target, row.placement, row.kernels, row.scheme, timing=timing)


def _measured(tasks: list[tuple[str, Setup]], workers: int) -> Iterator[Measurement]:
    if workers == 1:
        yield from map(_measure, tasks)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_measure, tasks)


def _measure(task: tuple[str, Setup]) -> Measurement:
    model, setup = task
    graph = resolve_model(model).graph
    with Bench(setup) as bench:
        return bench.measure(bench.lower(graph), block_type="network", block_key=model)
