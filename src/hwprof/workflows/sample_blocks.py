"""Samples of block types, written into a workspace."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hwprof.blocks import BLOCK_TYPES, get_block_type
from hwprof.profiler.sampling import sample, write_samples
from hwprof.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Written:
    """Files of one block type."""

    block_type: str
    count: int
    folder: Path


def sample_blocks(
    workspace: Workspace, block_types: Iterable[str], *, count: int, method: str, seed: int
) -> Iterator[Written]:
    """Sample each block type, all of them if none is named; files replace those of the same name.

    Raises:
        UnknownNameError: a block type nobody registered; nothing is written then.
    """
    names = [get_block_type(name).name for name in block_types] or list(BLOCK_TYPES)
    for name in names:
        configs = sample(name, count, method=method, seed=seed)
        folder = workspace.samples / name
        write_samples(configs, folder, seed=seed, method=method)
        yield Written(name, len(configs), folder)
