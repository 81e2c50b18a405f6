"""A static in-order dual-issue scoreboard: how many cycles a stretch of operations takes.

An operation issues as early as its operands allow, never before the one ahead of it, in the same
cycle as that one where the pair is allowed. Time is the issue cycle; what a result's consumers
must wait is the core's latency table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from hwprof.firmware_stub.virtual.core import CoreModel
from hwprof.firmware_stub.virtual.decode import ANY_CONDITION, FLAGS, Operation

NEVER_CYCLE = -1_000_000
BANK_BYTES = 4
WORD_SHIFT = 2
EARLY_SHIFTER = frozenset(("shifter", "bitfield"))  # tags of what occupies it


class Result(NamedTuple):
    """A register's newest value: row of the latency table, cycle, and who predicated it."""

    producer: str
    cycle: int
    condition: int = ANY_CONDITION


@dataclass(slots=True)
class PipelineState:
    """The pipeline between two operations.

    Attributes:
        cycle: of the last issue; -1 in a fresh pipeline.
        free_from: first cycle in which another pair may issue.
        older: the operation that still lacks a partner.
        results: of each register.
        stores: cycle of the newest store to each word whose address the code tells, by base
            register and number of the word behind it.
        stall_cycles: expected waits that the issue cycles leave out.
        narrow_stores: byte and halfword stores so far.
    """

    cycle: int = -1
    free_from: int = 0
    older: Operation | None = None
    results: dict[str, Result] = field(default_factory=dict)
    stores: dict[tuple[str, int], int] = field(default_factory=dict)
    stall_cycles: float = 0.0
    narrow_stores: int = 0

    @property
    def cycles(self) -> float:
        """What everything so far took."""
        return self.free_from + self.stall_cycles

    def handed_on(self, *, may_pair: bool) -> PipelineState:
        """The state that the next block starts from, its time counted from zero."""
        shift = self.free_from
        kept = {r: Result(p, at - shift, c) for r, (p, at, c) in self.results.items()}
        stores = {word: at - shift for word, at in self.stores.items()}
        older = self.older if may_pair else None
        return PipelineState(self.cycle - shift, 0, older, kept, stores)


class Scoreboard:
    """Issues operations on one core."""

    def __init__(self, core: CoreModel) -> None:
        self._core = core

    def run(
        self, operations: Sequence[Operation], state: PipelineState | None = None
    ) -> PipelineState:
        """Issue all operations; ``state`` is where to start from and is used up."""
        state = state or PipelineState()
        for operation in operations:
            self._issue(operation, state)
        floor = state.narrow_stores * self._core.narrow_store_cycles
        state.stall_cycles += max(0.0, floor - state.cycles)
        return state

    def issue_cycles(self, operations: Sequence[Operation]) -> list[int]:
        """Cycle in which each operation issues, from zero."""
        state = PipelineState()
        found = []
        for operation in operations:
            self._issue(operation, state)
            found.append(state.cycle)
        return found

    def mispredicted_cycles(self, state: PipelineState) -> float:
        """What a mispredicted branch at the end costs; less where its flags came early."""
        flags_cycle = state.results.get(FLAGS, Result("late", NEVER_CYCLE)).cycle
        if state.cycle - flags_cycle >= self._core.early_flags_distance_cycles:
            return self._core.mispredicted_early_flags_cycles
        return self._core.mispredicted_cycles

    def _issue(self, operation: Operation, state: PipelineState) -> None:
        ready = self._ready(operation, state)
        older = state.older
        pairs = older is not None and ready <= state.cycle and self._may_pair(older, operation)
        if pairs and older is not None:
            state.older = None
            state.stall_cycles += self._bank_cycles(older, operation)
        else:
            state.cycle = max(state.free_from, ready)
            state.older = None if operation.cls.alone else operation
        state.free_from = state.cycle + operation.cycles
        state.narrow_stores += operation.cls.narrow_store
        self._write(operation, state, older if pairs else None)

    def _ready(self, operation: Operation, state: PipelineState) -> int:
        """First cycle in which every operand can be read in its role."""
        ready = NEVER_CYCLE
        for register, role in operation.reads:
            if register in state.results:
                result = state.results[register]
                cycles = self._core.latency_cycles[result.producer][role]
                if result.condition not in (ANY_CONDITION, operation.condition):
                    cycles = self._mismatched(cycles, role)
                ready = max(ready, result.cycle + cycles)
        hint = operation.address_hint
        if state.stores and hint is not None and hint.exact and operation.cls.kind == "load":
            stored = state.stores.get((hint.base, hint.displacement >> WORD_SHIFT), NEVER_CYCLE)
            ready = max(ready, stored + self._core.store_to_load_cycles)
        return ready

    def _mismatched(self, cycles: int, role: str) -> int:
        """A latency where another condition, or none, predicates the consumer."""
        longer = cycles + self._core.predicated_cycles[role]
        return max(cycles, min(longer, self._core.predicated_latest_cycles))

    def _write(self, operation: Operation, state: PipelineState, older: Operation | None) -> None:
        """Note results; ``older`` is the operation that it shares its cycle with."""
        early = self._executes_early(operation, state, older)
        for (register, producer), lag in zip(operation.writes, operation.lags, strict=True):
            if register == FLAGS:
                state.results[register] = Result(producer, state.cycle + lag)
                continue
            row = "early" if early and producer == "late" else producer
            state.results[register] = Result(row, state.cycle + lag, operation.condition)
            for word in [word for word in state.stores if word[0] == register]:
                del state.stores[word]
        hint = operation.address_hint
        moves_base = hint is not None and (hint.base, "update") in operation.writes
        if operation.cls.kind == "store" and hint is not None and hint.exact and not moves_base:
            state.stores[hint.base, hint.displacement >> WORD_SHIFT] = state.cycle

    def _executes_early(
        self, operation: Operation, state: PipelineState, older: Operation | None
    ) -> bool:
        """Whether the early ALU takes it: the right slot, and operands there a cycle sooner."""
        if not operation.may_be_early:
            return False
        if older is not None and (
            operation.may_be_early == "older" or not EARLY_SHIFTER.isdisjoint(older.tags)
        ):
            return False
        for register, _ in operation.reads:
            if register in state.results:
                result = state.results[register]
                latency = self._core.latency_cycles[result.producer]["shifted"]
                if result.cycle + latency > state.cycle:
                    return False
        return True

    def _may_pair(self, older: Operation, younger: Operation) -> bool:
        if younger.cls.alone or older.cycles > 1 or younger.cycles > 1:
            return False
        forbidden = self._core.forbidden
        for first in (*older.tags, "any"):
            for second in younger.tags:
                if (first, second) in forbidden:
                    return False
        return not self._same_bank(older, younger)

    def _same_bank(self, older: Operation, younger: Operation) -> bool:
        """Whether two loads surely meet in one bank."""
        a, b = older.address_hint, younger.address_hint
        if a is None or b is None or not _are_loads(older, younger):
            return False
        if not (a.exact and b.exact) or a.base != b.base:
            return False
        return not (a.displacement ^ b.displacement) & BANK_BYTES

    def _bank_cycles(self, older: Operation, younger: Operation) -> float:
        """Expected wait of a pair of loads whose banks the code does not tell."""
        a, b = older.address_hint, younger.address_hint
        if a is None or b is None or not _are_loads(older, younger):
            return 0.0
        if a.exact and b.exact and a.base == b.base:
            return 0.0
        return self._core.unknown_bank_cycles


def _are_loads(older: Operation, younger: Operation) -> bool:
    return older.cls.kind == younger.cls.kind == "load"
