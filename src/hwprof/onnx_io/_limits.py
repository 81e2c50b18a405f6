"""How much of anything a file may have, so that a stranger's file cannot take memory or minutes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwprof.errors import ModelError

if TYPE_CHECKING:
    from onnx import GraphProto

# A quarter of the RT1170-EVK's 64 MB of SDRAM as int8; it bounds what a hostile file can allocate.
MAX_ELEMENTS = 1 << 24
# Ten times what quantised networks for microcontrollers have.
MAX_NODES = 1 << 13
_MOST_INPUTS = 64
_MOST_OPERANDS = 8 * MAX_NODES


def check_counts(graph: GraphProto) -> None:
    """Refuse what would take minutes to read and run nowhere."""
    operands = sum(len(node.input) + len(node.output) for node in graph.node)
    inputs = len(graph.input) - len({entry.name for entry in graph.initializer})
    for what, count, most in (
        ("ONNX nodes", len(graph.node), MAX_NODES),
        ("operands", operands, _MOST_OPERANDS),
        ("inputs", inputs, _MOST_INPUTS),
        ("outputs", len(graph.output), MAX_NODES),
    ):
        if count > most:
            raise ModelError(
                f"a network has at most {most:,} {what}; this one has {count:,}; no "
                "microcontroller runs it."
            )
