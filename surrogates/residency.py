"""What the data cache still holds of a node's tensors when its kernel begins.

A block starts with a cold cache, and its tensors share one arena: an output lands where dead
tensors lay, and some of their lines, like those of an input written a moment ago, are still
there. What tells is how many lines came in since: each replaces one of its set at random, so that
a line survives n insertions spread over all sets with probability (1 - 1/ways)^(n / sets), and
nothing is replaced before the cache is full. Notation: the clock counts inserted lines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from hwprof.graph import Add, Lookup, Mul, Op, Requantise, Scalar, Sub, Unary
from hwprof.surrogates.cache import CACHE_LINES, LINE_BYTES, SETS, WAYS
from hwprof.surrogates.elementwise import Number, larger, power, smaller, where, whole

_IN_PLACE = frozenset((Add, Lookup, Mul, Requantise, Scalar, Sub, Unary))


class Step(NamedTuple):
    """A node as residency sees it: its tensor, its kind, and what it reads."""

    name: str
    kind: type[Op]
    inputs: tuple[str, ...]


class Held(NamedTuple):
    """What one kernel call finds in the cache.

    Attributes:
        input_bytes, output_bytes: of what it reads and of where it writes.
        inserted_lines: lines that came in before it, since the block began.
    """

    input_bytes: Number
    output_bytes: Number
    inserted_lines: Number


class Residency:
    """Follows nodes in execution order: ``begin`` one, ask ``find`` for each of its calls.

    Args:
        sizes: bytes of each tensor by name, inputs first; of one graph plain numbers, of n graphs
            with the same nodes arrays (n,).
    """

    def __init__(self, sizes: Mapping[str, Number], steps: Sequence[Step]) -> None:
        self._sizes = sizes
        self._last = {name: index for index, step in enumerate(steps) for name in step.inputs}
        written = {step.name for step in steps}
        self._live_bytes = sum(size for name, size in sizes.items() if name not in written)
        self._used_bytes = 1.0 * self._live_bytes
        self._arena_bytes = self._most_alive(steps)
        self._touched_at: dict[str, Number] = {}
        self._clock: Number = 0.0 * self._arena_bytes
        self._died_at = self._clock
        self._index = -1
        self._output = ""
        self._output_share: Number = 0.0
        self._unwritten_lines: Number = 0.0

    def begin(self, step: Step) -> None:
        """The next node: its output takes bytes of dead tensors and unused ones of the arena.

        The planner knows all tensors before it places one, so that any free byte may be chosen.
        """
        self._index += 1
        self._output = step.name
        size = self._sizes[step.name]
        self._unwritten_lines = size / LINE_BYTES
        unused = larger(self._arena_bytes - self._used_bytes, 0.0)
        dead = larger(self._used_bytes - self._live_bytes, 0.0)
        fresh = unused / where(unused > 0, unused + dead, 1.0)
        overwrites = self._live_bytes + size > self._arena_bytes  # what it has just read
        kept = (1 - fresh) * self._survival(self._died_at)
        self._output_share = where(overwrites, 1.0, kept)
        self._live_bytes = self._live_bytes + size
        self._used_bytes = self._used_bytes + where(overwrites, 0.0, smaller(fresh * size, unused))

    def find(self, inputs: Sequence[str], touched_lines: Number, weight_bytes: Number) -> Held:
        """What a call of the node finds that reads tensors and touches lines of its output."""
        known = [name for name in inputs if name in self._touched_at]
        held = sum(self._sizes[name] * self._survival(self._touched_at[name]) for name in known)
        fresh = smaller(touched_lines, self._unwritten_lines)
        self._unwritten_lines = self._unwritten_lines - fresh
        again = self._survival(self._touched_at.get(self._output, self._clock))
        output_held = fresh * self._output_share + (touched_lines - fresh) * again
        found = Held(whole(held), whole(output_held * LINE_BYTES), whole(self._clock))
        self._touched_at |= dict.fromkeys((*inputs, self._output), self._clock)
        read = sum(self._sizes[name] for name in inputs) - held + weight_bytes
        self._clock = self._clock + (read / LINE_BYTES + touched_lines - output_held)
        return found

    def end(self, step: Step) -> None:
        """The node's last readers are through: what they read is dead."""
        for name in dict.fromkeys(step.inputs):
            if self._last.get(name) == self._index:
                self._live_bytes = self._live_bytes - self._sizes[name]
                self._died_at = self._touched_at.get(name, 0.0 * self._clock)

    def _most_alive(self, steps: Sequence[Step]) -> Number:
        """The most bytes alive at one node: what the arena needs at least."""
        alive = most = self._live_bytes
        for index, step in enumerate(steps):
            size = self._sizes[step.name]
            ends = [name for name in dict.fromkeys(step.inputs) if self._last.get(name) == index]
            alive = alive + size
            replaced = sum(self._sizes[name] == size for name in ends) * (step.kind in _IN_PLACE)
            most = larger(most, alive - where(replaced > 0, size, 0))
            alive = alive - sum(self._sizes[name] for name in ends)
        return most

    def _survival(self, touched_at: Number) -> Number:
        inserted = larger(self._clock - larger(touched_at, float(CACHE_LINES)), 0.0)
        return power(1 - 1 / WAYS, inserted / SETS)
