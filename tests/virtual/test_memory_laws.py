"""Laws of the memory model: compiled equals interpreted, its hits are those of a plain cache."""

import random
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from hwprof.firmware_stub.virtual.memory_data import REPLACEMENTS
from tests.virtual.memory_kit import (
    ALLOCATE,
    BACK,
    BEHAVIOURS,
    DTCM,
    INTERPRETED,
    ITCM,
    LINE,
    NOWHERE,
    SET_STRIDE,
    SETS,
    THROUGH,
    WAYS,
    Bench,
)

BASES = [*(base for base, _ in BEHAVIOURS.values()), NOWHERE]
CACHED = {ALLOCATE: "allocate", BACK: "back", THROUGH: "through"}
seeds = st.integers(0, 2**32 - 1)
ACCESSES = 400


def offset(chance):
    """A byte in one of few sets with many lines, so that lines meet."""
    return chance.randrange(4) * SET_STRIDE + chance.randrange(2) * LINE + chance.randrange(LINE)


def steps(seed):
    """Accesses of every kind to every memory, dense in places."""
    chance = random.Random(seed)
    bases = chance.sample(BASES, chance.randint(1, 4))
    return [
        (
            chance.choice(["read", "write", "write", "fetch"]),
            chance.choice(bases) + offset(chance),
            chance.choice([1, 2, 4, 8]),
            chance.choice([0, 1, 3, 10, 200]),
        )
        for _ in range(ACCESSES)
    ]


def waits_of(bench, moves):
    """Waits of a list of accesses, each some cycles behind the one before."""
    waits = []
    for kind, address, size_bytes, pause in moves:
        bench.now += pause
        waits.append(getattr(bench, kind)(address, size_bytes))
    return waits


class TestCompilation:
    """One source, two ways to run it."""

    @settings(deadline=None)
    @given(seed=seeds, replacement=st.sampled_from(REPLACEMENTS))
    def test_compiled_equals_interpreted(self, seed, replacement):
        """Every wait and every word of the state."""
        moves = steps(seed)
        compiled, interpreted = Bench(replacement=replacement), Bench(INTERPRETED, replacement)

        assert waits_of(compiled, moves) == waits_of(interpreted, moves)
        assert (compiled.system.mem == interpreted.system.mem).all()

    @settings(deadline=None)
    @given(seed=seeds)
    def test_no_wait_is_negative_and_fast_memory_has_none(self, seed):
        """Whatever came before."""
        moves = steps(seed)
        waits = waits_of(Bench(), moves)

        assert min(waits) >= 0
        fast = {ITCM >> 20, DTCM >> 20, NOWHERE >> 20}
        assert not any(w for w, (_, a, *_) in zip(waits, moves, strict=True) if a >> 20 in fast)


class PlainCache:
    """A set-associative cache as a textbook has it, without time: lists of lines, oldest first."""

    def __init__(self, replacement) -> None:
        self.replacement = replacement
        self.ways = [[None] * WAYS for _ in range(SETS)]
        self.used = [[0] * WAYS for _ in range(SETS)]
        self.turn = [0] * SETS
        self.clock = 0
        self.drain()
        self.dirty = set()
        self.events = Counter()

    def drain(self):
        """A barrier: the 16-bit shift register, its highest bit first, starts anew."""
        self.bits = [0] * 15 + [1]

    def touch(self, base, offset, *, is_store):
        """One access."""
        line = (base + offset) // LINE
        ways, number = self.ways[line % SETS], line % SETS
        self.clock += 1
        if line not in ways:
            self.events[base, "write" if is_store else "read"] += 1
            if is_store and base != ALLOCATE:
                return
            self.place(ways, number, line)
        self.used[number][ways.index(line)] = self.clock
        if is_store and base != THROUGH:
            self.dirty.add(line)

    def place(self, ways, number, line):
        """Put a line into an empty way, or into its victim's."""
        way = ways.index(None) if None in ways else self.victim(number)
        if ways[way] in self.dirty:
            self.dirty.remove(ways[way])
            base = ways[way] * LINE >> 20 << 20
            self.events[base, "back"] += 1
        ways[way] = line

    def victim(self, number):
        """The way that the policy names."""
        if self.replacement == "lru":
            return self.used[number].index(min(self.used[number]))
        if self.replacement == "round-robin":
            self.turn[number] += 1
            return (self.turn[number] - 1) % WAYS
        return self.draw()

    def draw(self):
        """Two bits of a maximal shift register with taps at 16, 14, 13 and 11."""
        out = self.bits.pop()
        self.bits.insert(0, 0)
        for tap in (16, 14, 13, 11):
            self.bits[16 - tap] ^= out
        return 2 * self.bits[-2] + self.bits[-1]


@settings(deadline=None)
@given(seed=seeds, replacement=st.sampled_from(REPLACEMENTS))
def test_hits_misses_and_write_backs_are_those_of_a_plain_cache(seed, replacement):
    """Time decides waits only: accesses so far apart that nothing is under way, and no stores wait.

    A store that waits for company would make the line dirty that takes it along; every store here
    is of eight bytes, which are sent at once.
    """
    bench, plain, chance = (
        Bench(replacement=replacement),
        PlainCache(replacement),
        random.Random(seed),
    )
    for _ in range(ACCESSES):
        base, is_store = chance.choice(list(CACHED)), chance.random() < 0.5
        eight = offset(chance) & ~7
        bench.now += 1000
        if chance.random() < 0.02:
            bench.system.drain()
            plain.drain()
        (bench.write if is_store else bench.read)(base + eight, 8)
        plain.touch(base, eight, is_store=is_store)

    for base, name in CACHED.items():
        counts = bench.counts(name)
        found = (counts.read_misses, counts.write_misses, counts.write_backs)
        assert found == tuple(plain.events[base, kind] for kind in ("read", "write", "back"))
