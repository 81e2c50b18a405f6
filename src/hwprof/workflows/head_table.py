"""The complete table of the person-detection space's heads, measured on the virtual board."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from hwprof.errors import StoreError
from hwprof.firmware_stub.stamp import code_sha256
from hwprof.luts import CYCLES_METRIC, LookupTable, save_table, shipped_folder
from hwprof.measurement import NETWORK, Context, Placement
from hwprof.networks import person_detector_head
from hwprof.networks.person_detector import CHANNELS, GROUPS, KERNELS, legal_sizes
from hwprof.profiler.bench import Bench, Setup
from hwprof.profiler.campaign import CampaignReport, NetworkTask
from hwprof.profiler.store import MeasurementStore
from hwprof.surrogates.artefact import context_slug
from hwprof.workflows.measure_samples import measure_tasks
from hwprof.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hwprof.architecture import Architecture

HEAD_TABLE = "heads.lut.json.gz"
SETUP = Setup(placement=Placement(activations="ocram"))


def heads() -> Iterator[Architecture]:
    """Each distinct head of the space on each of its grids: 6,672."""
    grids = sorted({size.grid for size in legal_sizes()})
    for height, width in grids:
        for groups in GROUPS:
            for channels in (count for count in CHANNELS if count % groups == 0):
                for kernel in KERNELS:
                    yield person_detector_head(
                        k=kernel, g=groups, c=channels, height=height, width=width
                    )


def measure_heads(
    workspace: Workspace, *, workers: int, count: int | None = None
) -> CampaignReport:
    """Measure heads that have no row yet, with a progress bar.

    Args:
        count: only the first so many.
    """
    workspace.make()
    tasks = [NetworkTask(head.name) for head in heads()][:count]
    return measure_tasks(tasks, workspace, SETUP, workers=workers, unit="head")


def save_head_table(workspace: Workspace, folder: Path | None = None) -> Path:
    """Write the table of all heads beside the shipped surrogate of its context.

    Raises:
        StoreError: a head has no row of the installed kernels and machine description.
    """
    with Bench(SETUP) as bench:
        context = bench.origin.context
    table = head_table(workspace, context)
    path = (folder or shipped_folder()) / context_slug(context) / HEAD_TABLE
    save_table(table, path)
    return path


def head_table(workspace: Workspace, context: Context) -> LookupTable:
    """Cycles of both blocks of each head: the pyramid from cold caches, the head behind it.

    Raises:
        StoreError: a head has no row of the installed kernels and machine description.
    """
    code = code_sha256(context.board, context.kernels)
    with MeasurementStore(workspace.store) as store:
        measured = store.block_cycles(NETWORK, context, code)
    values: dict[str, float] = {}
    missing = 0
    for head in heads():
        blocks = measured.get(head.name, _NOTHING)
        missing += not blocks
        values |= {
            block.config.key: float(blocks[block.name])
            for block in head.blocks
            if block.name in blocks
        }
    if missing:
        raise StoreError(
            f"{missing} heads have no row in {workspace.store} for the installed kernels and "
            "machine description; run scripts/make_head_table.py again."
        )
    return LookupTable(context, CYCLES_METRIC, "cycle", values, code, {"heads": len(values) // 2})


_NOTHING: Mapping[str, int] = MappingProxyType({})
