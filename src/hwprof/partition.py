"""A graph cut into blocks: by the metadata of our own files, else one block for each operator.

The metadata key ``hwprof.architecture`` holds an Architecture as JSON (docs/FORMATS.md,
"Architecture in ONNX metadata"). It is a claim: it is used only where the blocks it names build
exactly the operators of the graph.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from hwprof.architecture import Architecture, BlockInstance, single_operator
from hwprof.documents import (
    as_config,
    as_list,
    as_object,
    as_shape,
    as_text,
    config_document,
    load_object,
)
from hwprof.errors import ModelError, UnknownNameError
from hwprof.graph import Graph
from hwprof.templates import TemplateBlock, find_blocks

ARCHITECTURE_KEY = "hwprof.architecture"
FORMAT_VERSION = 1


def architecture_metadata(architecture: Architecture) -> dict[str, str]:
    """ONNX metadata that lets a reader find an exported network's blocks again."""
    document = {
        "format_version": FORMAT_VERSION,
        "name": architecture.name,
        "inputs": {name: list(shape) for name, shape in architecture.inputs},
        "blocks": [_block_document(block) for block in architecture.blocks],
        "outputs": list(architecture.outputs),
    }
    return {ARCHITECTURE_KEY: json.dumps(document, separators=(",", ":"))}


def _block_document(block: BlockInstance) -> dict[str, object]:
    return {
        "name": block.name,
        "config": config_document(block.config),
        "inputs": list(block.inputs),
        "group": block.group,
        **({"nodes": list(block.nodes)} if block.nodes else {}),
    }


def partition(
    graph: Graph, metadata: Mapping[str, str], templates: Sequence[TemplateBlock] = ()
) -> Architecture:
    """The blocks of a graph that was read from a file.

    Args:
        graph: as the reader returned it.
        metadata: the file's metadata; only ``hwprof.architecture`` is looked at.
        templates: block types of the user's that are looked for where no metadata speaks; the
            one of more operators goes first.

    Raises:
        ModelError: that entry is not what hwprof writes.
    """
    text = metadata.get(ARCHITECTURE_KEY)
    if text is not None:
        claimed = read_architecture(text)
        if _is_described(graph, claimed):
            return claimed
    return _cut(graph, templates)


def _is_described(graph: Graph, claimed: Architecture) -> bool:
    try:
        return _describes(claimed.graph(), graph)
    except (ModelError, UnknownNameError):
        return False


def read_architecture(text: str) -> Architecture:
    """An Architecture from the JSON that ``architecture_metadata`` writes.

    Raises:
        ModelError: not that format, of another version, or beyond its bounds.
    """
    try:
        return _architecture(load_object(text, FORMAT_VERSION))
    except ValueError as error:
        raise ModelError(
            f"the model's metadata entry {ARCHITECTURE_KEY} is not what hwprof writes ({error}); "
            "export the model again, or remove the entry to have it cut into single operators."
        ) from error


def _architecture(document: dict[str, Any]) -> Architecture:
    inputs = as_object(document.get("inputs"))
    return Architecture(
        as_text(document.get("name")),
        tuple((as_text(name), as_shape(shape)) for name, shape in inputs.items()),
        tuple(_block(as_object(block)) for block in as_list(document.get("blocks"))),
        tuple(as_text(name) for name in as_list(document.get("outputs"))),
    )


def _block(document: dict[str, Any]) -> BlockInstance:
    return BlockInstance(
        as_text(document.get("name")),
        as_config(document.get("config")),
        tuple(as_text(name) for name in as_list(document.get("inputs"))),
        as_text(document.get("group")),
        tuple(as_text(name) for name in as_list(document.get("nodes", []))),
    )


def _describes(built: Graph, graph: Graph) -> bool:
    """Whether two graphs run the same operators on the same tensors, names apart."""
    if len(built.nodes) != len(graph.nodes) or len(built.inputs) != len(graph.inputs):
        return False
    if list(built.inputs.values()) != list(graph.inputs.values()):
        return False
    renamed = dict(zip(built.inputs, graph.inputs, strict=True))
    for ours, theirs in zip(built.nodes, graph.nodes, strict=True):
        inputs = tuple(renamed[name] for name in ours.inputs)
        if ours.op != theirs.op or inputs != theirs.inputs:
            return False
        renamed[ours.name] = theirs.name
    return True


def _cut(graph: Graph, templates: Sequence[TemplateBlock]) -> Architecture:
    found = find_blocks(graph, templates)
    inside = {name for block in found.values() for name in block.nodes}
    blocks = (
        found.get(node.name) or single_operator(node, graph.input_shapes(node))
        for node in graph.nodes
        if node.name in found or node.name not in inside
    )
    return Architecture(
        graph.name, tuple(graph.inputs.items()), tuple(blocks), tuple(graph.outputs)
    )
