"""A graph cut into blocks: by the metadata of our own files, else one block for each operator.

The metadata key ``hwprof.architecture`` holds an Architecture as JSON (docs/FORMATS.md,
"Architecture in ONNX metadata"). It is a claim: it is used only where the blocks it names build
exactly the operators of the graph.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hwprof.architecture import Architecture, BlockInstance
from hwprof.blocks import BLOCK_TYPES, BlockConfig, SingleOperatorBlock, Value
from hwprof.errors import ModelError, UnknownNameError
from hwprof.graph import Graph, Node, Shape

ARCHITECTURE_KEY = "hwprof.architecture"
FORMAT_VERSION = 1

_MOST_CHARACTERS = 4 << 20
_MOST_BLOCKS = 20_000
_LONGEST_NAME = 1_024
_LARGEST_NUMBER = 1 << 31


def architecture_metadata(architecture: Architecture) -> dict[str, str]:
    """ONNX metadata that lets a reader find an exported network's blocks again."""
    document = {
        "format_version": FORMAT_VERSION,
        "name": architecture.name,
        "inputs": [[name, list(shape)] for name, shape in architecture.inputs],
        "blocks": [_block_document(block) for block in architecture.blocks],
        "outputs": list(architecture.outputs),
    }
    return {ARCHITECTURE_KEY: json.dumps(document, separators=(",", ":"), sort_keys=True)}


def _block_document(block: BlockInstance) -> dict[str, Any]:
    return {
        "name": block.name,
        "type": block.config.block_type,
        "params": dict(block.config.params),
        "shapes": [list(shape) for shape in block.config.inputs],
        "inputs": list(block.inputs),
        "group": block.group,
    }


def partition(graph: Graph, metadata: Mapping[str, str]) -> Architecture:
    """The blocks of a graph that was read from a file.

    Args:
        graph: as the reader returned it.
        metadata: the file's metadata; only ``hwprof.architecture`` is looked at.

    Raises:
        ModelError: that entry is not what hwprof writes.
    """
    text = metadata.get(ARCHITECTURE_KEY)
    if text is not None:
        claimed = read_architecture(text)
        if _is_described(graph, claimed):
            return claimed
    return _single_operators(graph)


def label(graph: Graph, architecture: Architecture) -> Graph:
    """The graph with the ``block`` of each node set to the block it belongs to.

    Raises:
        ModelError: the architecture was made for another graph.
    """
    if [node.name for node in graph.nodes] == [block.name for block in architecture.blocks]:
        return _labelled(graph, [node.name for node in graph.nodes])
    built = architecture.graph()
    if not _describes(built, graph):
        raise ModelError(
            f"an architecture labels the nodes of its own graph only; {architecture.name!r} does "
            f"not describe {graph.name!r}."
        )
    return _labelled(graph, [node.block for node in built.nodes])


def _labelled(graph: Graph, blocks: Sequence[str]) -> Graph:
    pairs = zip(graph.nodes, blocks, strict=True)
    return replace(graph, nodes=tuple(replace(node, block=block) for node, block in pairs))


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
        if len(text) > _MOST_CHARACTERS:
            raise _BrokenRuleError(f"at most {_MOST_CHARACTERS} characters")
        return _architecture(_object(json.loads(text)))
    except (ValueError, RecursionError) as error:
        raise ModelError(
            f"the model's metadata entry {ARCHITECTURE_KEY} is not what hwprof writes ({error}); "
            "export the model again, or remove the entry to have it cut into single operators."
        ) from error


class _BrokenRuleError(ValueError):
    """A rule of the format that the text breaks."""

    def __init__(self, rule: str) -> None:
        super().__init__(f"it needs {rule}")


def _architecture(document: dict[str, Any]) -> Architecture:
    if document.get("format_version") != FORMAT_VERSION:
        raise _BrokenRuleError(f"format_version {FORMAT_VERSION}")
    return Architecture(
        _text(document.get("name")),
        tuple((_text(name), _shape(shape)) for name, shape in _pairs(document.get("inputs"))),
        tuple(_block(_object(block)) for block in _list(document.get("blocks"))),
        tuple(_text(name) for name in _list(document.get("outputs"))),
    )


def _block(document: dict[str, Any]) -> BlockInstance:
    params = _object(document.get("params"))
    config = BlockConfig.of(
        _text(document.get("type")),
        [_shape(shape) for shape in _list(document.get("shapes"))],
        **{_text(name): _value(value) for name, value in params.items()},
    )
    inputs = tuple(_text(name) for name in _list(document.get("inputs")))
    return BlockInstance(_text(document.get("name")), config, inputs, _text(document.get("group")))


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _BrokenRuleError("an object for the document, each block and its params")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list) or len(value) > _MOST_BLOCKS:
        raise _BrokenRuleError(f"lists of at most {_MOST_BLOCKS} entries")
    return value


def _pairs(value: Any) -> list[tuple[Any, Any]]:
    pairs = [_list(pair) for pair in _list(value)]
    if any(len(pair) != 2 for pair in pairs):
        raise _BrokenRuleError("a name and a shape for each input")
    return [(name, shape) for name, shape in pairs]


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_NAME:
        raise _BrokenRuleError(f"names of at most {_LONGEST_NAME} characters")
    return value


def _number(value: Any) -> int:
    if type(value) is not int or not 0 <= value < _LARGEST_NUMBER:
        raise _BrokenRuleError(f"whole numbers from 0 to {_LARGEST_NUMBER - 1}")
    return value


def _value(value: Any) -> Value:
    return _text(value) if isinstance(value, str) else _number(value)


def _shape(value: Any) -> Shape:
    extents = [_number(extent) for extent in _list(value)]
    if len(extents) != 3 or 0 in extents:
        raise _BrokenRuleError("three positive extents in each shape")
    return (extents[0], extents[1], extents[2])


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


def _single_operators(graph: Graph) -> Architecture:
    return Architecture(
        graph.name,
        tuple(graph.inputs.items()),
        tuple(_single_operator(node, tuple(graph.input_shapes(node))) for node in graph.nodes),
        tuple(graph.outputs),
    )


def _single_operator(node: Node, shapes: tuple[Shape, ...]) -> BlockInstance:
    for kind in BLOCK_TYPES.values():
        if isinstance(kind, SingleOperatorBlock):
            config = kind.config_of(node.op, shapes)
            if config is not None:
                return BlockInstance(node.name, config, node.inputs)
    unknown = BlockConfig.of(f"operator:{node.op.kind}", shapes)
    return BlockInstance(node.name, unknown, node.inputs)
