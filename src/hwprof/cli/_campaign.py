"""``hwprof profile`` without a model: a campaign over samples or random networks, or its plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from hwprof.cli._output import print_json
from hwprof.workspace import Workspace

if TYPE_CHECKING:
    from hwprof.profiler.bench import Setup
    from hwprof.profiler.tasks import NetworkTask, Task


@dataclass(frozen=True, slots=True)
class Subject:
    """What a campaign measures.

    Attributes:
        networks: so many random ones, drawn from ``seed``; with 0 the samples of the workspace.
        blocks: block types, all where none is named.
    """

    networks: int
    seed: int
    blocks: tuple[str, ...]

    @property
    def unit(self) -> str:
        """What one task is called."""
        return "network" if self.networks else "block"

    def tasks(self, workspace: Workspace) -> Sequence[Task | NetworkTask]:
        """What there is to measure.

        Raises:
            ConfigurationError: nothing was sampled.
        """
        from hwprof.workflows.measure_networks import draw_networks, network_tasks
        from hwprof.workflows.measure_samples import sampled_tasks

        if not self.networks:
            return sampled_tasks(workspace, self.blocks)
        drawn = draw_networks(self.networks, seed=self.seed)
        return network_tasks(network.name for network in drawn)


def run(subject: Subject, workspace: Workspace, setup: Setup, workers: int) -> None:
    """Measure what has no row yet, and say what became of all."""
    from hwprof.workflows.measure_samples import measure_tasks

    tasks = subject.tasks(workspace)
    workspace.make()
    report = measure_tasks(tasks, workspace, setup, workers=workers, unit=subject.unit)
    click.echo(str(report))


def print_plan(
    subject: Subject, workspace: Workspace, setup: Setup, workers: int, *, as_json: bool
) -> None:
    """Say what would be measured, on what, and how long it takes."""
    from hwprof.workflows.campaign_plan import plan_campaign

    tasks = subject.tasks(workspace)
    workspace.make()
    plan = plan_campaign(tasks, workspace, setup, workers=workers)
    if as_json:
        print_json(plan.document())
    else:
        click.echo(str(plan))
