"""What the data cache still holds of a node's tensors when its kernel begins.

A block starts with a cold cache, and its tensors share one arena: an output lands where dead
tensors lay, and some of their lines, like those of an input written a moment ago, are still
there. What tells is how many lines came in since: each replaces one of its set at random, so that
a line survives n insertions spread over all sets with probability (1 - 1/ways)^(n / sets), and
nothing is replaced before the cache is full. Notation: the clock counts inserted lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

from hwprof.blocks import GraphBuilder
from hwprof.graph import Add, Graph, Lookup, Mul, Node, Requantise, Scalar, Sub, Unary
from hwprof.surrogates.cache import CACHE_LINES, LINE_BYTES, SETS, WAYS

_IN_PLACE = (Add, Lookup, Mul, Requantise, Scalar, Sub, Unary)


class Held(NamedTuple):
    """What one kernel call finds in the cache.

    Attributes:
        input_bytes, output_bytes: of what it reads and of where it writes.
        inserted_lines: lines that came in before it, since the block began.
    """

    input_bytes: int
    output_bytes: int
    inserted_lines: int


class Residency:
    """Follows a graph in execution order: ``begin`` a node, ask ``find`` for each of its calls."""

    def __init__(self, graph: Graph | GraphBuilder) -> None:
        self._sizes = {name: prod(shape) for name, shape in graph.shapes.items()}
        self._last = {name: index for index, node in enumerate(graph.nodes) for name in node.inputs}
        written = {node.name for node in graph.nodes}
        self._live_bytes = sum(size for name, size in self._sizes.items() if name not in written)
        self._used_bytes = float(self._live_bytes)
        self._arena_bytes = self._most_alive(graph.nodes)
        self._touched_at: dict[str, float] = {}
        self._died_at = 0.0
        self._clock = 0.0
        self._index = -1
        self._output = ""
        self._output_share = 0.0
        self._unwritten_lines = 0.0

    def begin(self, node: Node) -> None:
        """The next node: its output takes bytes of dead tensors and unused ones of the arena.

        The planner knows all tensors before it places one, so that any free byte may be chosen.
        """
        self._index += 1
        self._output = node.name
        size = self._sizes[node.name]
        self._unwritten_lines = size / LINE_BYTES
        unused = max(self._arena_bytes - self._used_bytes, 0.0)
        dead = max(self._used_bytes - self._live_bytes, 0.0)
        if self._live_bytes + size > self._arena_bytes:
            unused, self._output_share = 0.0, 1.0  # it overwrites what it has just read
        else:
            fresh = unused / (unused + dead) if unused else 0.0
            unused = min(fresh * size, unused)
            self._output_share = (1 - fresh) * self._survival(self._died_at)
        self._live_bytes += size
        self._used_bytes += unused

    def find(self, inputs: Sequence[str], touched_lines: float, weight_bytes: int) -> Held:
        """What a call of the node finds that reads tensors and touches lines of its output."""
        known = [name for name in inputs if name in self._touched_at]
        held = sum(self._sizes[name] * self._survival(self._touched_at[name]) for name in known)
        fresh = min(touched_lines, self._unwritten_lines)
        self._unwritten_lines -= fresh
        again = self._survival(self._touched_at.get(self._output, self._clock))
        output_held = fresh * self._output_share + (touched_lines - fresh) * again
        found = Held(int(held), int(output_held * LINE_BYTES), int(self._clock))
        self._touched_at |= dict.fromkeys((*inputs, self._output), self._clock)
        read = sum(self._sizes[name] for name in inputs) - held + weight_bytes
        self._clock += read / LINE_BYTES + touched_lines - output_held
        return found

    def end(self, node: Node) -> None:
        """The node's last readers are through: what they read is dead."""
        for name in dict.fromkeys(node.inputs):
            if self._last.get(name) == self._index:
                self._live_bytes -= self._sizes[name]
                self._died_at = self._touched_at.get(name, 0.0)

    def _most_alive(self, nodes: Sequence[Node]) -> int:
        """The most bytes alive at one node: what the arena needs at least."""
        alive = most = self._live_bytes
        for index, node in enumerate(nodes):
            alive += self._sizes[node.name]
            ending = [name for name in dict.fromkeys(node.inputs) if self._last.get(name) == index]
            in_place = isinstance(node.op, _IN_PLACE) and any(
                self._sizes[name] == self._sizes[node.name] for name in ending
            )
            most = max(most, alive - in_place * self._sizes[node.name])
            alive -= sum(self._sizes[name] for name in ending)
        return most

    def _survival(self, touched_at: float) -> float:
        inserted = max(self._clock - max(touched_at, float(CACHE_LINES)), 0.0)
        return float((1 - 1 / WAYS) ** (inserted / SETS))
