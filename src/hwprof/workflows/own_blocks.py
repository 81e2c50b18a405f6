"""Block types that a user made out of a model's subgraph, kept in a workspace."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from pathlib import Path

from hwprof.blocks import BlockConfig
from hwprof.documents import MOST_CHARACTERS
from hwprof.errors import ConfigurationError, StoreError
from hwprof.models import resolve_model
from hwprof.profiler.sampling import sample
from hwprof.templates import (
    TemplateBlock,
    cut,
    parse_variation,
    read_template,
    template_document,
)
from hwprof.workspace import TEMPLATE_FILE, Workspace

_FEWEST_TO_DRAW = 1 << 12
"""Ranges of up to this many points are tried point by point: some may hold no block."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a user wants to vary.

    Attributes:
        model: a file or a named network.
        nodes: ``first..last`` by the names of ``hwprof inspect``.
        vary: ``kernel=3,5`` and so on.
        name: of the block type; empty for the model's own.
    """

    model: str
    nodes: str
    vary: tuple[str, ...]
    name: str = ""


def make_template(subject: Subject) -> TemplateBlock:
    """The block type that a user describes.

    Raises:
        ModelError: the model cannot be read.
        UnknownNameError: it has no such node, or there is no such quantity.
        ConfigurationError: the nodes are no block, nothing varies, or values are out of range.
    """
    if not subject.nodes:
        raise ConfigurationError(
            "a block type is a stretch of the model's operators; name its ends, as 'hwprof "
            "inspect' prints them: --nodes first..last."
        )
    graph = resolve_model(subject.model).graph
    subgraph = cut(graph, subject.nodes)
    variations = tuple(parse_variation(text) for text in subject.vary)
    return TemplateBlock(subject.name or _own_name(subject.model), subgraph, variations)


def _own_name(model: str) -> str:
    stem = Path(model).stem if Path(model).suffix[1:].isalpha() else model.partition(":")[0]
    words = re.sub(r"[^A-Za-z0-9]+", "_", stem).strip("_")
    return f"{words or 'block'}_block" if words[:1].isalpha() else f"block_{words}"


def keep_template(workspace: Workspace, template: TemplateBlock) -> None:
    """Write a block type into the workspace.

    Raises:
        ConfigurationError: one of that name is another subgraph, or varies other quantities; or
            the file cannot be written.
    """
    path = workspace.template(template.name)
    if path.exists():
        before = _read(path)
        if (before.subgraph, _quantities(before)) != (template.subgraph, _quantities(template)):
            raise ConfigurationError(
                f"the workspace has a block type {template.name!r} of other operators or "
                "quantities, and rows may rest on it; choose another --name."
            )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(template_document(template), indent=1) + "\n", "utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"samples need a folder that can be written; {str(path.parent)!r}: {error.strerror}."
        ) from error


def _quantities(template: TemplateBlock) -> list[str]:
    return sorted(map(str, template.variations))


def workspace_templates(workspace: Workspace) -> dict[str, TemplateBlock]:
    """The user's own block types in a workspace, by name.

    Raises:
        StoreError: a file is not what ``hwprof sample`` writes.
    """
    read = [_read(path) for path in sorted(workspace.samples.glob(f"*/{TEMPLATE_FILE}"))]
    return {template.name: template for template in read}


def _read(path: Path) -> TemplateBlock:
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(MOST_CHARACTERS + 1)
        template = read_template(json.loads(text))
    except (OSError, ValueError, RecursionError) as error:
        raise StoreError(
            f"a block type is written by 'hwprof sample --from'; {str(path)!r} cannot be used "
            f"({error}); sample it again, or remove its folder."
        ) from error
    if template.name != path.parent.name:
        raise StoreError(f"{str(path)!r} holds the block type {template.name!r} of another folder.")
    return template


def sample_template(
    template: TemplateBlock, count: int, *, method: str, seed: int
) -> Sequence[BlockConfig]:
    """Up to ``count`` configurations; all of them where there are no more.

    Raises:
        ConfigurationError: no combination of the values is a block.
    """
    axes = template.axes()
    if prod(len(axis.values) for axis in axes) > max(count, _FEWEST_TO_DRAW):
        return sample(template, count, method=method, seed=seed)
    points = product(*(axis.values for axis in axes))
    names = [axis.name for axis in axes]
    drawn = (template.config(dict(zip(names, point, strict=True))) for point in points)
    every = list(dict.fromkeys(config for config in drawn if config))
    if not every:
        raise ConfigurationError(
            f"no combination of {', '.join(map(str, template.variations))} makes a block of these "
            "nodes (operands would differ in shape, groups not divide channels, or a window not "
            "fit); vary other values."
        )
    if len(every) <= count:
        return every
    return sample(template, count, method=method, seed=seed)
