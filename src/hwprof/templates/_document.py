"""A template as JSON (docs/FORMATS.md, "Block template"), read without trust."""

from __future__ import annotations

from typing import Any

from hwprof.architecture import single_operator
from hwprof.blocks import BLOCK_TYPES, BlockConfig, SingleOperatorBlock
from hwprof.documents import (
    BrokenRuleError,
    as_config,
    as_list,
    as_number,
    as_object,
    as_shape,
    as_text,
    config_document,
)
from hwprof.errors import HwprofError
from hwprof.graph import Node, Op
from hwprof.templates._cut import MOST_NODES, Subgraph
from hwprof.templates._template import TemplateBlock
from hwprof.templates._vary import Variation

FORMAT_VERSION = 1


def template_document(template: TemplateBlock) -> dict[str, Any]:
    """A template as a JSON object."""
    subgraph = template.subgraph
    return {
        "format_version": FORMAT_VERSION,
        "name": template.name,
        "inputs": [{"name": name, "shape": list(shape)} for name, shape in subgraph.inputs],
        "nodes": [
            {
                "name": node.name,
                "operator": config_document(
                    single_operator(node, subgraph.input_shapes(node)).config
                ),
                "inputs": list(node.inputs),
            }
            for node in subgraph.nodes
        ],
        "vary": [
            {"quantity": one.quantity, "node": one.node, "values": list(one.values)}
            for one in template.variations
        ],
    }


def read_template(value: Any) -> TemplateBlock:
    """The template that ``template_document`` wrote.

    Raises:
        BrokenRuleError: not that format, of another version, or beyond its bounds.
    """
    document = as_object(value)
    if document.get("format_version") != FORMAT_VERSION:
        raise BrokenRuleError(f"format_version {FORMAT_VERSION}")
    try:
        return TemplateBlock(
            as_text(document.get("name")),
            _subgraph(document),
            tuple(_variation(as_object(one)) for one in as_list(document.get("vary"))),
        )
    except HwprofError as error:
        raise BrokenRuleError(f"a block that can be built: {error}") from error


def _subgraph(document: dict[str, Any]) -> Subgraph:
    entries = [as_object(entry) for entry in as_list(document.get("inputs"))]
    inputs = tuple((as_text(one.get("name")), as_shape(one.get("shape"))) for one in entries)
    nodes = tuple(_node(as_object(entry)) for entry in as_list(document.get("nodes")))
    names = [name for name, _ in inputs] + [node.name for node in nodes]
    if not inputs or not 1 <= len(nodes) <= MOST_NODES or len(set(names)) < len(names):
        raise BrokenRuleError(f"inputs and 1 to {MOST_NODES} nodes, each with its own name")
    _check_order(inputs, nodes)
    return Subgraph(inputs, nodes)


def _check_order(inputs: tuple[tuple[str, Any], ...], nodes: tuple[Node, ...]) -> None:
    known = {name for name, _ in inputs}
    read: set[str] = set()
    for node in nodes:
        if not set(node.inputs) <= known or not node.inputs:
            raise BrokenRuleError(f"inputs of {node.name!r} written before it")
        known.add(node.name)
        read |= set(node.inputs)
    if known - read != {nodes[-1].name}:
        raise BrokenRuleError("one output, the last node")


def _node(entry: dict[str, Any]) -> Node:
    name = as_text(entry.get("name"))
    config = as_config(entry.get("operator"))
    inputs = tuple(as_text(one) for one in as_list(entry.get("inputs")))
    return Node(name, _operator(config), inputs, "")


def _operator(config: BlockConfig) -> Op:
    kind = BLOCK_TYPES.get(config.block_type)
    if not isinstance(kind, SingleOperatorBlock):
        raise BrokenRuleError(f"single operators where it has {config.block_type!r}")
    return kind.operator(config)


def _variation(entry: dict[str, Any]) -> Variation:
    values = tuple(as_number(value) for value in as_list(entry.get("values")))
    return Variation(as_text(entry.get("quantity")), as_text(entry.get("node")), values)
