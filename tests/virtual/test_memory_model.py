"""What single accesses wait for, in core cycles, derived by hand from the figures of memory_kit."""

import pytest

from hwprof.firmware_stub.virtual import memory_model
from hwprof.firmware_stub.virtual.memory_data import REPLACEMENTS
from tests.virtual.memory_kit import (
    AHEAD,
    ALLOCATE,
    BACK,
    DEVICE,
    DTCM,
    IN_ORDER,
    ITCM,
    LINE,
    MODELS,
    NOWHERE,
    PLAIN,
    SET_STRIDE,
    SLOW_1,
    SLOW_2,
    THROUGH,
    TICKS,
    Bench,
    describe,
)


@pytest.fixture(params=MODELS)
def bench(request):
    """A cold memory system, its model compiled or interpreted."""
    return Bench(MODELS[request.param])


@pytest.mark.parametrize("base", [ITCM, DTCM, NOWHERE])
class TestFastMemory:
    """Tightly coupled memory, and addresses that no memory has (peripherals)."""

    def test_nothing_waits(self, bench, base):
        """Loads, stores and code are there at once, and nothing is counted."""
        waits = [bench.read(base), bench.write(base + 2 * LINE), bench.fetch(base, 64)]

        assert waits == [0, 0, 0]
        assert not any(region.read_misses for region in bench.system.counts())


class TestUnaligned:
    """Addresses that are no multiple of the access's size, on a core that takes 3 cycles more."""

    @pytest.fixture
    def bench(self):
        """A memory system of such a core, with one line in the cache that has all come."""
        bench = Bench(unaligned_load_cycles=3)
        bench.read(ALLOCATE)
        return bench.at(100)

    @pytest.mark.parametrize("base", [ALLOCATE, DTCM])
    @pytest.mark.parametrize(
        ("offset", "size_bytes", "cycles"),
        [(1, 1, 0), (1, 2, 3), (2, 2, 0), (2, 4, 3), (3, 4, 3), (4, 4, 0), (4, 8, 0)],
    )
    def test_a_load_takes_longer(self, bench, base, offset, size_bytes, cycles):
        """Of halfwords and words; eight bytes are a pair of words."""
        assert bench.read(base + offset, size_bytes) == cycles

    def test_a_store_does_not(self, bench):
        """It waits in the store buffer, not in the core."""
        assert bench.write(ALLOCATE + 2) == 0

    def test_a_miss_comes_on_top(self, bench):
        """3, and 15 for the line."""
        assert bench.read(ALLOCATE + LINE + 2) == 3 + 15

    def test_the_block_has_waited(self, bench):
        """The wait is its block's, and no memory's."""
        before = bench.counts("allocate").stall_cycles
        bench.read(ALLOCATE + 2)

        assert bench.system.block_stall_ticks().sum() / TICKS == before + 3
        assert bench.counts("allocate").stall_cycles == before


class TestReads:
    """Loads from cacheable memory."""

    def test_a_miss_waits_for_its_own_word(self, bench):
        """6 to the first bytes, 4 for eight of them, 5 between core and controller."""
        assert bench.read(ALLOCATE) == 15

    def test_the_rest_of_the_line_streams_in(self, bench):
        """Eight bytes every 4 cycles; the core waits for those that it wants, then for none."""
        bench.read(ALLOCATE)

        assert [bench.read(ALLOCATE + offset) for offset in (4, 8, 16, 24, 0)] == [0, 4, 4, 4, 0]

    def test_a_burst_begins_with_the_word_that_is_wanted_and_wraps(self, bench):
        """Bytes 16, 24, 0, 8: the third eight come 2 x 4 cycles behind the first."""
        assert bench.read(ALLOCATE + 16) == 15
        assert bench.read(ALLOCATE) == 8

    def test_a_memory_without_wrapping_bursts_begins_at_the_line(self, bench):
        """The third eight bytes come 8 cycles later than the first would."""
        assert bench.read(IN_ORDER + 16) == 23

    def test_a_hit_waits_for_nothing(self, bench):
        """The line is there 27 cycles after the miss."""
        bench.read(ALLOCATE)

        assert bench.at(27).read(ALLOCATE + 24) == 0

    def test_a_hit_beside_a_fill_waits_for_nothing(self, bench):
        """A fill of another line delays no hit."""
        bench.read(ALLOCATE)
        bench.at(100).read(ALLOCATE + LINE)

        assert bench.at(101).read(ALLOCATE) == 0

    def test_the_next_miss_waits_for_the_controller(self, bench):
        """At 15 the controller has 7 cycles to go with the line before."""
        bench.read(ALLOCATE)

        assert bench.read(ALLOCATE + LINE) == 7 + 15

    def test_two_lines_may_be_on_their_way(self, bench):
        """Two controllers work side by side: the second miss waits for its own memory only."""
        bench.read(SLOW_1)

        assert bench.read(SLOW_2) == 40

    def test_a_third_waits_for_a_line_fill_buffer(self, bench):
        """At 80 lines are due at 160 and 200: the third begins at 160 and is there at 175."""
        bench.read(SLOW_1)
        bench.read(SLOW_2)

        assert bench.read(ALLOCATE) == 95

    def test_a_load_across_lines_is_two(self, bench):
        """15 for the first line; the second begins when the controller is done at 22."""
        assert bench.read(ALLOCATE + LINE - 2) == 15 + 7 + 15
        assert bench.counts("allocate").read_misses == 2

    def test_waits_and_misses_are_counted_by_memory_and_block(self, bench):
        """Those of the block that executes."""
        bench.system.mem[memory_model.BLOCK] = 3
        bench.read(ALLOCATE)
        bench.read(ALLOCATE + 8)

        assert bench.counts("allocate").stall_cycles == 19
        assert bench.counts("allocate").read_misses == 1
        assert bench.system.block_stall_ticks()[3] == 19 * memory_model.TICKS_PER_CYCLE
        assert bench.system.block_misses()[3] == 1

    def test_without_a_cache_every_load_is_a_read(self, bench):
        """CCR.DC clear: eight bytes cost what they cost, again and again."""
        bench.system.switch(0)

        assert [bench.read(ALLOCATE), bench.read(ALLOCATE)] == [15, 15]


class TestEviction:
    """A full set of four ways."""

    def fill_set(self, bench, base, access):
        """Four lines of one set, far apart in time."""
        for way in range(4):
            access(base + way * SET_STRIDE)
            bench.now += 100

    def test_a_clean_line_costs_nothing(self, bench):
        """The controller is free 22 cycles after the miss that replaces it."""
        self.fill_set(bench, ALLOCATE, bench.read)
        bench.read(ALLOCATE + 4 * SET_STRIDE)

        assert bench.read(ALLOCATE + LINE) == 7 + 15
        assert bench.counts("allocate").write_backs == 0

    def test_a_dirty_line_is_written_behind_the_fill(self, bench):
        """The load itself waits 15 as ever; the next miss waits 20 more for the controller."""
        self.fill_set(bench, ALLOCATE, bench.write)

        assert bench.read(ALLOCATE + 4 * SET_STRIDE) == 15
        assert bench.read(ALLOCATE + LINE) == 7 + 20 + 15
        assert bench.counts("allocate").write_backs == 1

    def test_a_dirty_line_of_another_memory_keeps_that_one_busy(self, bench):
        """Fill and write-back go through two controllers, at once."""
        self.fill_set(bench, ALLOCATE, bench.write)
        bench.read(BACK)

        assert bench.read(ALLOCATE + LINE) == 5 + 15
        assert bench.counts("allocate").write_backs == 1

    def test_lines_that_share_a_set_replace_each_other(self, bench):
        """Five lines in turn through four ways, each replacing the oldest: never a hit."""
        for _ in range(3):
            for way in range(5):
                bench.read(ALLOCATE + way * SET_STRIDE)
                bench.now += 100

        assert bench.counts("allocate").read_misses == 15


class TestAllocatingStores:
    """Write back, write allocate."""

    def test_a_miss_does_not_stop_the_core(self, bench):
        """The store buffer takes it; the line is fetched meanwhile."""
        assert [bench.write(ALLOCATE), bench.write(ALLOCATE + 4)] == [0, 0]
        assert bench.counts("allocate").write_misses == 1

    def test_a_load_behind_it_waits_for_the_line(self, bench):
        """The burst began with the line's first word."""
        bench.write(ALLOCATE)

        assert bench.read(ALLOCATE) == 15

    def test_four_entries_hold_a_line(self, bench):
        """The fifth entry is free when the line is there, at 27."""
        waits = [bench.write(ALLOCATE + offset) for offset in range(0, 40, 8)]

        assert waits == [0, 0, 0, 0, 27]

    def test_stores_to_the_same_eight_bytes_share_an_entry(self, bench):
        """Thirty-two byte stores take four entries."""
        waits = [bench.write(ALLOCATE + offset, 1) for offset in range(LINE)]

        assert waits == [0] * LINE

    def test_a_full_buffer_delays_a_store_to_a_line_on_its_way(self, bench):
        """Lines of two slow memories hold two entries each; one is free at 160."""
        for address in (SLOW_1, SLOW_1 + 8, SLOW_2, SLOW_2 + 8):
            assert bench.write(address) == 0

        assert bench.write(SLOW_2 + 16) == 160

    def test_a_store_that_waited_until_its_line_came_needs_no_entry(self, bench):
        """One line holds all four entries; the fifth store finds line and buffer free at 27."""
        for offset in range(0, LINE, 8):
            bench.write(ALLOCATE + offset)
        bench.write(SLOW_1)

        assert bench.now == 27

    def test_a_hit_makes_the_line_dirty(self, bench):
        """Reading four others of its set writes it back."""
        bench.read(ALLOCATE)
        bench.at(100).write(ALLOCATE)
        for way in range(1, 5):
            bench.now += 100
            bench.read(ALLOCATE + way * SET_STRIDE)

        assert bench.counts("allocate").write_backs == 1


class TestStoresToMemory:
    """Stores that miss and do not allocate, stores through the cache, and uncached ones."""

    def test_bytes_merge_and_are_sent_as_eight(self, bench):
        """No wait, one burst of 4 + 4; a read behind it waits for that."""
        waits = [bench.write(BACK + offset, 1) for offset in range(8)]

        assert waits == [0] * 8
        assert bench.counts("back").bus_writes == 1
        assert bench.read(BACK + LINE) == 8 + 15

    def test_eight_bytes_at_once_are_sent_at_once(self, bench):
        """A whole entry has nothing to wait for."""
        assert bench.write(BACK, 8) == 0
        assert bench.read(BACK + LINE) == 8 + 15

    def test_eights_of_a_line_join_the_burst_that_waits(self, bench):
        """The first goes alone, to 8; the others go as one burst: 8 + 4 + 3 x 4 = 24."""
        for offset in range(0, LINE, 4):
            assert bench.write(BACK + offset) == 0

        assert bench.counts("back").bus_writes == 2
        assert bench.read(BACK + LINE) == 24 + 15

    def test_a_store_that_takes_the_last_entry_sends_the_oldest(self, bench):
        """At the fourth byte the first entry goes, until 8; then one more each time."""
        waits = [bench.write(BACK + line * LINE, 1) for line in range(6)]

        assert waits == [0, 0, 0, 0, 8, 8]

    def test_open_entries_of_a_line_go_together(self, bench):
        """Two eights of one line are one burst of 4 + 2 x 4; the fifth entry is free then."""
        addresses = (BACK, BACK + 8, BACK + LINE, BACK + 2 * LINE)
        assert [bench.write(address, 1) for address in addresses] == [0] * 4

        assert bench.write(BACK + 3 * LINE, 1) == 12
        assert bench.counts("back").bus_writes == 1

    def test_entries_under_way_take_no_bytes(self, bench):
        """Eight bytes again before the first are gone: another burst."""
        bench.write(BACK, 8)
        bench.write(BACK, 8)

        assert bench.read(BACK + LINE) == 8 + 8 + 15

    def test_a_full_buffer_of_entries_under_way_sends_nothing_more(self, bench):
        """Three whole eights of three lines are under way; the single byte may stay."""
        for line in range(3):
            bench.write(BACK + line * LINE, 8)
        bench.write(BACK + 3 * LINE, 1)

        assert bench.counts("back").bus_writes == 3

    def test_a_load_of_the_line_takes_stores_along(self, bench):
        """They merge into the fill: no write burst, and the line is dirty."""
        bench.write(BACK, 1)
        assert bench.read(BACK + 8) == 15
        for way in range(1, 5):
            bench.now += 100
            bench.read(BACK + way * SET_STRIDE)

        assert bench.counts("back").bus_writes == 0
        assert bench.counts("back").write_backs == 1

    def test_a_store_across_entries_is_two(self, bench):
        """Four bytes at 6: two in each; six more bytes complete the first."""
        assert bench.write(BACK + 6, 4) == 0
        bench.write(BACK, 4)
        bench.write(BACK + 4, 2)

        assert bench.counts("back").bus_writes == 1

    def test_a_write_through_line_never_becomes_dirty(self, bench):
        """Stores hit and go to memory as well."""
        bench.read(THROUGH)
        bench.at(100).write(THROUGH, 8)
        for way in range(1, 5):
            bench.now += 100
            bench.read(THROUGH + way * SET_STRIDE)

        assert bench.counts("through").bus_writes == 1
        assert bench.counts("through").write_backs == 0

    def test_a_write_through_miss_fetches_nothing(self, bench):
        """The load behind it misses."""
        bench.write(THROUGH, 8)

        assert bench.read(THROUGH) == 8 + 15

    def test_uncached_stores_merge(self, bench):
        """As normal memory may (Arm DDI 0489F 5.9.2)."""
        for offset in range(0, 8, 4):
            bench.write(PLAIN + offset)

        assert bench.counts("plain").bus_writes == 1

    def test_uncached_loads_are_all_reads(self, bench):
        """Twice the same."""
        assert [bench.read(PLAIN), bench.read(PLAIN)] == [15, 15]

    def test_device_stores_go_one_by_one(self, bench):
        """Each is a burst of 4 + 4; the fifth waits until the first is through."""
        waits = [bench.write(DEVICE + offset, 1) for offset in range(5)]

        assert waits == [0, 0, 0, 0, 8]
        assert bench.counts("device").bus_writes == 5


class TestFetches:
    """Code in cacheable memory."""

    def test_a_block_waits_for_the_last_bytes_it_executes(self, bench):
        """Eight bytes are there at 15, a whole line at 27."""
        assert bench.fetch(ALLOCATE, 8) == 15
        assert bench.at(100).fetch(ALLOCATE + LINE, LINE) == 27

    def test_lines_are_fetched_one_after_the_other(self, bench):
        """The second begins when the first is there."""
        assert bench.fetch(ALLOCATE, 2 * LINE) == 27 + 27
        assert bench.counts("allocate").fetch_misses == 2

    def test_a_line_that_is_there_waits_for_nothing(self, bench):
        """And one that is on its way for its bytes."""
        bench.fetch(ALLOCATE, 8)

        assert bench.fetch(ALLOCATE + 24, 8) == 12
        assert bench.fetch(ALLOCATE, LINE) == 0
        bench.fetch(ALLOCATE + LINE, 8)
        assert bench.fetch(ALLOCATE, LINE) == 0

    def test_data_and_instruction_cache_are_apart(self, bench):
        """A line that was executed is not there for loads."""
        bench.fetch(ALLOCATE, 8)

        assert bench.at(100).read(ALLOCATE) == 15

    def test_uncached_code_is_read_each_time(self, bench):
        """Sixteen bytes: 6 + 2 x 4 + 5."""
        assert [bench.fetch(PLAIN, 16), bench.at(100).fetch(PLAIN, 16)] == [19, 19]

    def test_a_switched_off_cache_is_no_cache(self, bench):
        """CCR.IC clear."""
        bench.system.switch(1 << 16)

        assert [bench.fetch(ALLOCATE, 8), bench.at(100).fetch(ALLOCATE, 8)] == [15, 15]


class TestReadingAhead:
    """A controller that reads on by itself, 64 bytes here, as a serial flash's may."""

    def test_lines_in_order_are_there_already(self, bench):
        """Only the way between core and controller is left, for the whole line."""
        assert bench.read(AHEAD) == 15

        assert bench.at(100).read(AHEAD + LINE) == 5
        assert bench.read(AHEAD + LINE + 24) == 0

    def test_it_reads_no_further_than_it_may(self, bench):
        """Bytes 96 on are asked for at 100 with line 1; eight of them are there at 104."""
        bench.read(AHEAD)
        bench.at(100).read(AHEAD + LINE)

        assert bench.at(101).read(AHEAD + 3 * LINE) == 3 + 5

    def test_a_line_on_its_way_comes_at_the_memory_s_pace(self, bench):
        """The first eight bytes of line 1 come at 10 + 4 x 4 = 26, its last at 38."""
        bench.read(AHEAD)

        assert bench.at(26).read(AHEAD + LINE) == 5
        assert bench.read(AHEAD + LINE + 24) == 38 + 5 - 31

    def test_another_address_begins_anew(self, bench):
        """The controller drops what it had."""
        bench.read(AHEAD)

        assert bench.at(100).read(AHEAD + 8 * LINE) == 15
        assert bench.at(200).read(AHEAD + LINE) == 15

    def test_the_same_line_again_is_still_held(self, bench):
        """It asks for nothing new."""
        bench.read(AHEAD)
        bench.model.forget_all(bench.system.mem, memory_model.DCACHE)

        assert bench.at(100).read(AHEAD) == 5

    def test_a_store_drops_it(self, bench):
        """The controller turns to writing."""
        bench.read(AHEAD)
        bench.at(100).write(AHEAD + 8 * LINE, 8)

        assert bench.at(200).read(AHEAD + LINE) == 15


class TestBorders:
    """What is left behind a barrier, and maintenance."""

    @pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
    @pytest.mark.parametrize("replacement", REPLACEMENTS)
    def test_cold_runs_are_equal(self, model, replacement):
        """A drained system with empty caches has no history."""
        bench = Bench(model, replacement)

        first = self.run_cold(bench)
        bench.read(THROUGH)
        bench.write(SLOW_1)

        assert self.run_cold(bench) == first

    def run_cold(self, bench):
        """Waits of some accesses behind a barrier, with empty caches."""
        for cache in (memory_model.DCACHE, memory_model.ICACHE):
            bench.model.forget_all(bench.system.mem, cache)
        bench.model.drain(bench.system.mem)
        bench.at(bench.now + 1000)
        waits = [bench.read(ALLOCATE + i * 7 * LINE % (12 * SET_STRIDE)) for i in range(99)]
        waits += [bench.write(BACK + i * 13 % 4096, 1) for i in range(99)]
        return [*waits, bench.fetch(AHEAD, 256)]

    def test_a_cleaned_line_is_not_written_back(self, bench):
        """By address and by set and way."""
        bench.write(ALLOCATE)
        bench.at(100).write(ALLOCATE + SET_STRIDE)
        bench.model.clean_line(bench.system.mem, ALLOCATE + 4)
        bench.model.clean_line(bench.system.mem, BACK)
        bench.model.maintain_way(bench.system.mem, 0, 1, False)
        for way in range(2, 6):
            bench.now += 100
            bench.read(ALLOCATE + way * SET_STRIDE)

        assert bench.counts("allocate").write_backs == 0

    def test_an_invalidated_line_is_gone(self, bench):
        """By address and by set and way; empty ways are left alone."""
        bench.read(ALLOCATE)
        bench.at(100).read(ALLOCATE + LINE)
        bench.model.forget_line(bench.system.mem, memory_model.DCACHE, ALLOCATE)
        bench.model.forget_line(bench.system.mem, memory_model.DCACHE, BACK)
        bench.model.maintain_way(bench.system.mem, 1, 0, True)
        bench.model.maintain_way(bench.system.mem, 1, 3, True)

        assert bench.at(200).read(ALLOCATE) == 15
        assert bench.at(300).read(ALLOCATE + LINE) == 15

    @pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
    def test_a_core_without_caches_reads_everything(self, model):
        """Caches that are not there cannot be switched on."""
        bench = Bench(model, description=describe("lru", icache=False, dcache=False))
        bench.system.switch(0b11 << 16)

        assert [bench.read(ALLOCATE), bench.read(ALLOCATE)] == [15, 15]
