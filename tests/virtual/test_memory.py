"""From a board's description to the memory model's array, its registers and its counters."""

from dataclasses import replace

import pytest

from hwprof.errors import ConfigurationError
from hwprof.firmware_stub.virtual import memory_model
from hwprof.firmware_stub.virtual.board_files import load_board
from hwprof.firmware_stub.virtual.memory import MemorySystem, RegionCounts
from hwprof.firmware_stub.virtual.memory_data import (
    LIMITS,
    REPLACEMENTS,
    MemoryBehaviour,
    parse_behaviour,
    parse_cache,
)
from tests.virtual.memory_kit import (
    ALLOCATE,
    BEHAVIOURS,
    LINE,
    SET_STRIDE,
    SLOW_1,
    TIMING,
    Bench,
    describe,
)

# Offsets in the system control space, CMSIS core_cm7.h.
ICIALLU, ICIMVAU, DCIMVAC, DCISW, DCCMVAU, DCCMVAC, DCCSW, DCCIMVAC, DCCISW, CCR, VTOR = (
    0xF50,
    0xF58,
    0xF5C,
    0xF60,
    0xF64,
    0xF68,
    0xF6C,
    0xF70,
    0xF74,
    0xD14,
    0xD08,
)
WAY_SHIFT = 30  # four ways: the way's number is the word's highest two bits


def board_with(behaviours):
    """A description with other memories."""
    return describe("lru", behaviours=behaviours)


class TestCosts:
    """What shipped board files make of the figures in documents."""

    @pytest.mark.parametrize("memory", ["ocram", "sdram", "flash"])
    def test_a_line_costs_its_bursts_and_its_way(self, memory):
        """Latency and 32 bytes in bus cycles, and the overhead in the core's."""
        board = load_board("rt1170")
        area = board.memory(memory)
        timing = area.behaviour.timing
        system = MemorySystem(board)
        memory_model.access(system.mem, area.base, 4, False, 0)

        done = memory_model.access(system.mem, area.base + LINE - 4, 4, False, 0)

        bus_cycles = timing.first_access_bus_cycles + LINE / timing.bus_bytes
        expected = timing.core_overhead_cycles + bus_cycles * board.clock_hz / timing.bus_hz
        assert done / memory_model.TICKS_PER_CYCLE == pytest.approx(expected, abs=0.5)

    def test_a_second_tightly_coupled_memory_is_the_last(self):
        """The core has two such ports."""
        more = {**BEHAVIOURS, "third": (0x2100_0000, MemoryBehaviour("tcm"))}

        with pytest.raises(ConfigurationError, match="at most 2 tightly coupled memories; got itc"):
            MemorySystem(board_with(more))

    def test_memories_behind_the_caches_are_bounded(self):
        """More than the table has rows for are refused."""
        more = {
            f"m{n}": (0x6000_0000 + (n << 20), MemoryBehaviour("uncached", "", TIMING))
            for n in range(17)
        }

        with pytest.raises(ConfigurationError, match="at most 16 memories behind its caches; got"):
            MemorySystem(board_with(more))


class TestRegisters:
    """Maintenance as firmware asks for it."""

    @pytest.fixture
    def bench(self):
        """Two dirty lines in sets 0 and 1, and a line of code."""
        bench = Bench()
        bench.write(ALLOCATE)
        bench.at(100).write(ALLOCATE + LINE)
        bench.at(200).fetch(ALLOCATE, 8)
        return bench.at(300)

    def write_backs(self, bench):
        """Write-backs after every way of sets 0 and 1 was replaced."""
        for way in range(1, 6):
            for line in range(2):
                bench.now += 100
                bench.read(ALLOCATE + way * SET_STRIDE + line * LINE)
        return bench.counts("allocate").write_backs

    @pytest.mark.parametrize("register", [DCIMVAC, DCCIMVAC])
    def test_a_line_is_invalidated_by_address(self, bench, register):
        """It misses again, the other does not."""
        bench.system.maintain(register, ALLOCATE + 4)

        assert [bench.read(ALLOCATE), bench.at(400).read(ALLOCATE + LINE)] == [15, 0]

    @pytest.mark.parametrize("register", [DCCMVAC, DCCMVAU])
    def test_a_line_is_cleaned_by_address(self, bench, register):
        """It hits and is not written back; the other is."""
        bench.system.maintain(register, ALLOCATE)

        assert bench.read(ALLOCATE) == 0
        assert self.write_backs(bench) == 1

    @pytest.mark.parametrize("register", [DCISW, DCCISW])
    def test_a_line_is_invalidated_by_set_and_way(self, bench, register):
        """Way 0 of set 1; way 3 is empty."""
        bench.system.maintain(register, 0 << WAY_SHIFT | 1 << 5)
        bench.system.maintain(register, 3 << WAY_SHIFT)

        assert [bench.read(ALLOCATE), bench.at(400).read(ALLOCATE + LINE)] == [0, 15]

    def test_a_line_is_cleaned_by_set_and_way(self, bench):
        """Way 0 of set 1."""
        bench.system.maintain(DCCSW, 1 << 5)

        assert bench.read(ALLOCATE + LINE) == 0
        assert self.write_backs(bench) == 1

    def test_a_direct_mapped_cache_has_no_way_in_the_word(self):
        """Set 0 is all that the word says."""
        description = describe("lru")
        one_way = replace(description, dcache=replace(description.dcache, ways=1))
        bench = Bench(description=one_way)
        bench.read(ALLOCATE)
        bench.system.maintain(DCISW, 0)

        assert bench.at(100).read(ALLOCATE) == 15

    @pytest.mark.parametrize(("register", "value"), [(ICIALLU, 0), (ICIMVAU, ALLOCATE)])
    def test_code_is_invalidated(self, bench, register, value):
        """It is fetched again; data stays."""
        bench.system.maintain(register, value)

        assert bench.fetch(ALLOCATE, 8) == 15
        assert bench.at(400).read(ALLOCATE) == 0

    def test_caches_are_switched_by_ccr(self, bench):
        """Off and on; lines survive as they do on silicon."""
        bench.system.maintain(CCR, 0)
        off = [bench.read(ALLOCATE), bench.at(400).fetch(ALLOCATE, 8)]
        bench.system.maintain(CCR, 0b11 << 16)

        assert off == [15, 15]
        assert [bench.at(500).read(ALLOCATE), bench.fetch(ALLOCATE, 8)] == [0, 0]

    def test_other_registers_change_nothing(self, bench):
        """The vector table's, for one."""
        before = bench.system.mem.copy()
        bench.system.maintain(VTOR, 0xFFFF_FFFF)

        assert (bench.system.mem == before).all()


class TestCounts:
    """Counters by memory."""

    def test_a_stretch_is_a_difference(self):
        """Later counts less earlier ones."""
        bench = Bench()
        bench.read(SLOW_1)
        before = bench.counts("slow_1")
        bench.read(SLOW_1 + 8)

        assert bench.counts("slow_1").since(before) == RegionCounts("slow_1", stall_cycles=40)

    def test_every_memory_behind_the_caches_has_a_row(self):
        """In the board file's order; the harness's too."""
        names = [region.name for region in MemorySystem(load_board("rt1170")).counts()]

        assert names == ["ocram_m4", "ocram", "flash", "sdram"]


CACHE = {
    "size_bytes": 4096,
    "ways": 4,
    "line_bytes": 32,
    "replacement": "lru",
    "source": "a document",
    "known_error": "none",
}
MEMORY = {
    "attribute": "cacheable",
    "write_policy": "write-back",
    "timing": {
        "bus_hz": 1e8,
        "bus_bytes": 4,
        "first_access_bus_cycles": 3,
        "write_access_bus_cycles": 2,
        "core_overhead_cycles": 5,
        "source": "a document",
        "known_error": "none",
    },
}


class TestBadFigures:
    """One sentence for each."""

    @pytest.mark.parametrize(
        ("field", "value", "sentence"),
        [
            ("size_bytes", 3000, "dcache: size_bytes is one of 4096, .*; got 3000"),
            ("ways", 3, "dcache: ways is a power of two from 1 to 16; got 3"),
            ("ways", 32, "dcache: ways is a power of two from 1 to 16; got 32"),
            ("ways", "four", "dcache: ways is a power of two from 1 to 16; got 'four'"),
            ("line_bytes", 64, "dcache: line_bytes is 32 on a Cortex-M7; got 64"),
            ("replacement", "fifo", "dcache: replacement is one of pseudo-random, .*; got 'fifo'"),
            ("source", "", "dcache: source is a sentence; got ''"),
            ("known_error", 5, "dcache: known_error is a sentence; got 5"),
        ],
    )
    def test_of_a_cache(self, field, value, sentence):
        """Sizes and policies that no Cortex-M7 has."""
        with pytest.raises(ConfigurationError, match=sentence):
            parse_cache("dcache", {**CACHE, field: value})

    @pytest.mark.parametrize(
        ("field", "value", "sentence"),
        [
            ("attribute", "fast", "memory m: attribute is one of tcm, .*; got 'fast'"),
            ("attribute", "tcm", "memory m: tightly coupled memory has no timing table; remove"),
            ("write_policy", "none", "memory m: write_policy is one of write-back-.*; got 'none'"),
        ],
    )
    def test_of_a_memory(self, field, value, sentence):
        """Contradictions and unknown words."""
        with pytest.raises(ConfigurationError, match=sentence):
            parse_behaviour("m", "ram", {**MEMORY, field: value})

    @pytest.mark.parametrize(
        ("field", "value", "sentence"),
        [
            *((name, "4", f"memory m: {name} is a number from .*; got '4'") for name in LIMITS),
            *((name, -1, f"memory m: {name} is a number from .*; got -1") for name in LIMITS),
            ("bus_bytes", True, "memory m: bus_bytes is a number from 0.125 to 8; got True"),
            (
                "bus_hz",
                float("nan"),
                "memory m: bus_hz is a number from 100,000 to 4,000,000,000; got nan",
            ),
            ("prefetch_bytes", 48, "memory m: prefetch_bytes is a multiple of 32; got 48"),
            ("critical_word_first", 1, "memory m: critical_word_first is true or false; got 1"),
            ("wait_states", 4, "memory m: timing has no field 'wait_states'; its numbers are bus"),
            ("source", "", "memory m, timing: source is a sentence; got ''"),
            ("fitted", True, "memory m: fitted names the one number of the timing table .* True"),
        ],
    )
    def test_of_a_timing_table(self, field, value, sentence):
        """Figures that no board has, and fields that nobody reads."""
        timing = {**MEMORY["timing"], field: value}
        with pytest.raises(ConfigurationError, match=sentence):
            parse_behaviour("m", "ram", {**MEMORY, "timing": timing})

    @pytest.mark.parametrize(("rows", "spread"), [([], 3.0), (["a row"], "small")])
    def test_of_a_fitted_number(self, rows, spread):
        """It has rows and a spread."""
        fit = {
            "fitted": "core_overhead_cycles",
            "fitted_rows": rows,
            "leave_one_out_spread": spread,
        }
        timing = {**MEMORY["timing"], **fit}
        with pytest.raises(
            ConfigurationError, match="memory m: a fitted number has fitted_rows an"
        ):
            parse_behaviour("m", "ram", {**MEMORY, "timing": timing})

    def test_a_missing_field_is_named(self):
        """With the memory whose table lacks it."""
        timing = {k: v for k, v in MEMORY["timing"].items() if k != "bus_hz"}
        with pytest.raises(ConfigurationError, match="memory m, timing: bus_hz must be there"):
            parse_behaviour("m", "ram", {**MEMORY, "timing": timing})


class TestGoodFigures:
    """What the tables mean."""

    def test_a_chip_may_have_no_cache(self):
        """No table, no cache."""
        assert parse_cache("dcache", None) is None

    @pytest.mark.parametrize("replacement", REPLACEMENTS)
    def test_sets_follow_from_size_and_ways(self, replacement):
        """4096 = 32 x 4 x 32."""
        assert parse_cache("dcache", {**CACHE, "replacement": replacement}).sets == 32

    def test_a_rom_needs_no_write_policy(self):
        """Nothing is ever stored to it."""
        table = {k: v for k, v in MEMORY.items() if k != "write_policy"}

        assert parse_behaviour("m", "rom", table).write_policy == "write-back"

    @pytest.mark.parametrize("attribute", ["uncached", "device"])
    def test_uncached_memory_has_none_either(self, attribute):
        """Its attribute says what stores do."""
        assert not parse_behaviour("m", "ram", {**MEMORY, "attribute": attribute}).write_policy
