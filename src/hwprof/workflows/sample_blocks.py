"""Samples of block types, written into a workspace."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hwprof.blocks import BLOCK_TYPES, BlockConfig
from hwprof.errors import UnknownNameError
from hwprof.profiler.sampling import sample, write_samples
from hwprof.templates import TemplateBlock
from hwprof.workflows.own_blocks import (
    Subject,
    keep_template,
    make_template,
    sample_template,
    workspace_templates,
)
from hwprof.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Written:
    """Files of one block type."""

    block_type: str
    count: int
    folder: Path

    def to_json(self) -> dict[str, object]:
        """What ``hwprof sample --json`` prints for a block type."""
        return {"block_type": self.block_type, "count": self.count, "folder": str(self.folder)}


def sample_blocks(
    workspace: Workspace, block_types: Iterable[str], *, count: int, method: str, seed: int
) -> Iterator[Written]:
    """Sample each block type, all of them if none is named; files replace those of the same name.

    Raises:
        UnknownNameError: a block type nobody registered and nobody made in this workspace;
            nothing is written then.
    """
    known = {**BLOCK_TYPES, **workspace_templates(workspace)}
    names = list(block_types) or list(known)
    for name in names:
        if name not in known:
            raise UnknownNameError("block type", name, known)
    for name in names:
        kind = known[name]
        if isinstance(kind, TemplateBlock):
            configs = sample_template(kind, count, method=method, seed=seed)
        else:
            configs = sample(name, count, method=method, seed=seed)
        yield _write(workspace, name, configs, method=method, seed=seed)


def sample_subgraph(
    workspace: Workspace, subject: Subject, *, count: int, method: str, seed: int
) -> Written:
    """Make a block type out of a model's subgraph, keep it in the workspace, and sample it.

    Raises:
        ModelError, UnknownNameError, ConfigurationError: as ``make_template``,
            ``sample_template`` and ``keep_template``; nothing is written then.
    """
    template = make_template(subject)
    configs = sample_template(template, count, method=method, seed=seed)
    keep_template(workspace, template)
    return _write(workspace, template.name, configs, method=method, seed=seed)


def _write(
    workspace: Workspace, name: str, configs: Sequence[BlockConfig], *, method: str, seed: int
) -> Written:
    folder = workspace.samples / name
    write_samples(configs, folder, seed=seed, method=method)
    return Written(name, len(configs), folder)
