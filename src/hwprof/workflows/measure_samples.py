"""Everything sampled in a workspace, measured into its store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hwprof.errors import ConfigurationError, PausedError
from hwprof.profiler.bench import Setup
from hwprof.profiler.campaign import CampaignReport, NetworkTask, Task, run_campaign
from hwprof.profiler.sampling import read_manifest
from hwprof.profiler.store import MeasurementStore
from hwprof.workflows.pausing import pausable
from hwprof.workflows.progress import Progress
from hwprof.workspace import Workspace


def sampled_tasks(workspace: Workspace, block_types: Iterable[str] = ()) -> list[Task]:
    """One task for each file in the manifests of ``workspace``; of all block types by default.

    Raises:
        ConfigurationError: nothing was sampled there.
    """
    wanted = set(block_types)
    manifests = sorted(workspace.samples.glob("*/manifest.json"))
    tasks = [
        Task(manifest.parent / entry.file, entry.config.block_type, entry.config.key, entry.macs)
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

    Ctrl-C or SIGTERM pauses.

    Raises:
        LinkError: the last board or worker process was lost, or drifted; rows so far are stored.
        PausedError: somebody paused it before all was measured.
    """
    with (
        MeasurementStore(workspace.store, create=True) as store,
        Progress(len(tasks), unit) as progress,
        pausable(progress.say) as paused,
    ):
        try:
            report = run_campaign(
                tasks, store, setup=setup, workers=workers, progress=progress, paused=paused
            )
        except KeyboardInterrupt:
            if not paused():
                raise
            raise PausedError(f"paused, the {unit} under way was given up; {_GO_ON}") from None
    if report.left:
        done = f"paused: {report.asked - report.left} of {report.asked} {unit}s are done"
        raise PausedError("\n".join([f"{done}; {_GO_ON}", *report.dropped]))
    return report


_GO_ON = "all rows are stored, and the same command goes on from here."
