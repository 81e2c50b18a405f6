"""Everything sampled in a workspace, measured into its store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tqdm import tqdm

from hwprof.errors import ConfigurationError
from hwprof.profiler.bench import Setup
from hwprof.profiler.campaign import CampaignReport, NetworkTask, Outcome, Task, run_campaign
from hwprof.profiler.sampling import read_manifest
from hwprof.profiler.store import MeasurementStore
from hwprof.workspace import Workspace


def sampled_tasks(workspace: Workspace, block_types: Iterable[str] = ()) -> list[Task]:
    """One task for each file in the manifests of ``workspace``; of all block types by default.

    Raises:
        ConfigurationError: nothing was sampled there.
    """
    wanted = set(block_types)
    manifests = sorted(workspace.samples.glob("*/manifest.json"))
    tasks = [
        Task(manifest.parent / entry.file, entry.config.block_type, entry.config.key)
        for manifest in manifests
        if not wanted or manifest.parent.name in wanted
        for entry in read_manifest(manifest).entries
    ]
    if not tasks:
        raise ConfigurationError(
            f"nothing was sampled in {workspace.samples}; run 'hwprof sample' first."
        )
    return tasks


def measure_samples(
    workspace: Workspace, setup: Setup, *, workers: int, block_types: Iterable[str] = ()
) -> CampaignReport:
    """Measure the samples that have no row yet."""
    tasks = sampled_tasks(workspace, block_types)
    return measure_tasks(tasks, workspace, setup, workers=workers)


def measure_tasks(
    tasks: Sequence[Task | NetworkTask],
    workspace: Workspace,
    setup: Setup,
    *,
    workers: int,
    unit: str = "block",
) -> CampaignReport:
    """Measure what has no row yet into the workspace's store, with a bar on standard error.

    Raises:
        LinkError: a board or a worker process was lost; rows so far are stored.
    """
    with (
        MeasurementStore(workspace.store, create=True) as store,
        tqdm(total=len(tasks), unit=unit, desc="profile", disable=None) as bar,
    ):

        def advance(_: Outcome) -> None:
            bar.update()

        return run_campaign(tasks, store, setup=setup, workers=workers, progress=advance)
