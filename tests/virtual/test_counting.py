"""The native hook counts what a plain model of it counts."""

from __future__ import annotations

import ctypes
from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwprof.errors import BoardError
from hwprof.firmware_stub.virtual import counting
from hwprof.firmware_stub.virtual.counting import MAX_BLOCKS, STATE_WORDS, BlockCounter
from hwprof.firmware_stub.virtual.native import on_block

# Few addresses, close together, and three sizes: repeats, neighbours, and changed sizes.
blocks = st.tuples(st.integers(0, 12).map(lambda i: 2 * i), st.sampled_from([2, 4, 6]))


@dataclass
class Model:
    """What counting.py's docstring says, in plain Python."""

    count: Counter = field(default_factory=Counter)
    taken: Counter = field(default_factory=Counter)
    passed: Counter = field(default_factory=Counter)
    mispredicted: Counter = field(default_factory=Counter)
    retargeted: Counter = field(default_factory=Counter)
    predictor: Counter = field(default_factory=Counter)
    target: Counter = field(default_factory=Counter)

    def run(self, sequence):
        """Execute blocks one after the other."""
        previous = None
        for block in sequence:
            self.count[block] += 1
            if previous is not None:
                self._edge(previous, block[0])
            previous = block
        return self

    def _edge(self, previous, address):
        taken = address != sum(previous)
        predicted = self.predictor[previous] > 0
        self.mispredicted[previous] += taken != predicted
        step = self.predictor[previous] + (1 if taken else -1)
        self.predictor[previous] = min(2, max(-1, step))
        (self.taken if taken else self.passed)[previous] += 1
        if taken:
            self.retargeted[previous] += self.target[previous] != address
            self.target[previous] = address


HOOK = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint32, ctypes.c_void_p)


def _native(sequence):
    counter = BlockCounter(stop_function=0)
    hook = HOOK(on_block.address)
    for address, size in sequence:
        hook(None, address, size, counter.data_address)
    return counter


@given(st.lists(blocks, max_size=200))
def test_the_hook_counts_as_its_description_says(sequence):
    """Counts, taken, passed, mispredicted and retargeted agree block by block."""
    model = Model().run(sequence)
    counts = _native(sequence).counts()

    keys = list(zip(counts.address.tolist(), counts.size_bytes.tolist(), strict=True))
    for name in ("count", "taken", "passed", "mispredicted", "retargeted"):
        found = dict(zip(keys, getattr(counts, name).tolist(), strict=True))
        assert found == {key: getattr(model, name)[key] for key in keys}, name


@given(st.lists(blocks, min_size=1, max_size=60))
def test_blocks_are_listed_in_order_of_first_execution(sequence):
    """The list does not move when counts grow, so costs found once stay in place."""
    counts = _native(sequence).counts()
    listed = list(zip(counts.address.tolist(), counts.size_bytes.tolist(), strict=True))

    assert listed == list(dict.fromkeys(sequence))


def test_a_full_table_is_reported():
    """More blocks than the table holds is an error, never a wrong count."""
    counter = _native([(2 * i, 2) for i in range(MAX_BLOCKS + 1)])

    with pytest.raises(BoardError, match=f"{MAX_BLOCKS} different blocks"):
        counter.counts()


def test_a_row_taken_beforehand_is_the_blocks():
    """Once only, and never the last: a block that may not run takes none from one that does."""
    counter = BlockCounter(stop_function=0)
    assert counter.add(8, 2) > 0
    assert counter.add(8, 2) == 0
    full = _native([(2 * i, 2) for i in range(MAX_BLOCKS)])
    assert full.add(2 * MAX_BLOCKS, 2) == 0
    assert len(full.counts().row) == MAX_BLOCKS


def test_distant_addresses_that_share_a_slot_are_kept_apart():
    """Collisions of the hash table cost time, not counts."""
    sequence = [(i << 16 | i << 1, 2) for i in range(500)]

    assert len(_native(sequence * 2)) == 500


def test_the_table_has_room_for_what_it_describes():
    """Head, list and rows fit the array."""
    assert counting.FIRST_ROW + counting.ROWS * counting.ROW_WORDS == STATE_WORDS


@given(st.lists(blocks, max_size=60), st.integers(1, 20))
def test_a_run_in_pieces_counts_what_the_run_in_one_counts(sequence, max_blocks):
    """Each piece stops before the block that is one too many, which then runs first in the next."""
    stops = []
    remember = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(stops.append)
    counter = BlockCounter(ctypes.cast(remember, ctypes.c_void_p).value)
    hook = HOOK(on_block.address)

    for start in range(0, len(sequence), max_blocks):
        counter.allow_start(max_blocks)
        for address, size in sequence[start : start + max_blocks + 1]:
            hook(1, address, size, counter.data_address)

    counts, whole = counter.counts(), _native(sequence).counts()
    assert len(stops) == max(0, (len(sequence) - 1) // max_blocks)
    assert counts.address.tolist() == whole.address.tolist()
    assert counts.count.tolist() == whole.count.tolist()
    assert counts.mispredicted.tolist() == whole.mispredicted.tolist()
