"""Board and core files: what ships is complete, what is broken is refused."""

from __future__ import annotations

import copy
import tomllib
from contextlib import suppress
from dataclasses import replace
from functools import reduce
from itertools import pairwise
from operator import getitem

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwprof.errors import ConfigurationError, UnknownNameError
from hwprof.firmware_stub.virtual import evaluate, memory_model
from hwprof.firmware_stub.virtual.board_fields import MAX_MEMORIES
from hwprof.firmware_stub.virtual.board_files import (
    BOARDS,
    CORES,
    board_names,
    load_board,
    parse_board,
)
from hwprof.firmware_stub.virtual.core import ROLES, core_names, load_core, parse_core
from hwprof.firmware_stub.virtual.description import Fidelity


def _read(path):
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _memory(data, name):
    return next(entry for entry in data["memory"] if entry["name"] == name)


@pytest.fixture
def board_data():
    """The RT1170's file, free to be broken."""
    return _read(BOARDS / "rt1170.toml")


@pytest.fixture
def core_data():
    """The Cortex-M7's file, free to be broken."""
    return copy.deepcopy(_read(CORES / "cortex_m7.toml"))


@pytest.mark.parametrize("name", board_names())
class TestBoards:
    """Every board that ships."""

    def test_areas_do_not_overlap(self, name):
        """No address belongs to two memories or peripherals."""
        board = load_board(name)
        areas = sorted(
            (a.base, a.base + a.size_bytes) for a in (*board.memories, *board.peripherals)
        )

        assert all(end <= start for (_, end), (start, _) in pairwise(areas))

    def test_every_fact_names_its_source(self, name):
        """Memories and peripherals say where their addresses come from."""
        board = load_board(name)

        assert all(area.source for area in (*board.memories, *board.peripherals))

    def test_the_pool_lies_inside_a_memory_of_its_own_size(self, name):
        """The pool's range is one memory's."""
        board = load_board(name)

        assert board.area_of(board.pool_address) == board.area_of(
            board.pool_address + board.pool_size_bytes - 1
        )

    def test_a_memory_is_found_by_name(self, name):
        """The nearest name is suggested for one that is not there."""
        board = load_board(name)

        assert board.memory("dtcm").base == 0x2000_0000
        with pytest.raises(UnknownNameError, match="unknown memory 'dtmc'; did you mean dtcm"):
            board.memory("dtmc")

    def test_its_caches_are_those_of_a_cortex_m7(self, name):
        """Two ways for instructions, four for data, and lines of 32 bytes (Arm DDI 0489)."""
        board = load_board(name)

        assert (board.icache.ways, board.dcache.ways) == (2, 4)
        assert {board.icache.line_bytes, board.dcache.line_bytes} == {32}

    def test_its_core_exists(self, name):
        """The core a board names has a file."""
        assert load_board(name).core in core_names()


ODD_VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.none()),
    st.lists(st.dictionaries(st.text(), st.integers())), st.dictionaries(st.text(), st.none()),
)  # fmt: skip


def _paths(value, path=()):
    """The way to every value of a parsed file."""
    keys = value if isinstance(value, dict) else range(len(value) if isinstance(value, list) else 0)
    for key in keys:
        yield (*path, key)
        yield from _paths(value[key], (*path, key))


def test_cache_size_register_is_that_of_silicon():
    """CCSIDR of 32 KiB caches in Arm DDI 0489's encoding; 0 without a cache."""
    board = load_board("rt1170")

    assert board.cache_sizes == (0xF01F_E019, 0xF03F_E009)
    assert replace(board, icache=None).cache_sizes == (0xF01F_E019, 0)


class TestBrokenBoards:
    """Board files of somebody's own."""

    def test_a_missing_field_is_named(self, board_data):
        """The sentence says which field to add."""
        del board_data["memory"][0]["base"]

        with pytest.raises(ConfigurationError, match="memory 'itcm' names base; it is missing"):
            parse_board(board_data)

    def test_another_format_is_refused(self, board_data):
        """A file of a later version is not half understood."""
        board_data["format"] = 2

        with pytest.raises(ConfigurationError, match="format = 1; got 2"):
            parse_board(board_data)

    def test_all_faults_are_told_at_once(self, board_data):
        """Two faults are two lines."""
        board_data["memory"][0]["kind"] = "tape"
        board_data["core"] = "cortex_m8"

        with pytest.raises(ConfigurationError) as caught:
            parse_board(board_data)

        assert len(str(caught.value).splitlines()) == 2

    @pytest.mark.parametrize(
        ("table", "field", "value", "sentence"),
        [
            ("clock", "core_hz", 0, "core_hz of .clock. lies between 1,000,000 and"),
            ("clock", "core_hz", "fast", "core_hz of .clock. is a whole number; got 'fast'"),
            ("clock", "core_hz", True, "is a whole number; got True"),
            ("clock", "source", " ", "source of .clock. is not empty"),
            ("firmware", "data", "flash", "data of .firmware. is a ram, one of .*; got 'flash'"),
            ("firmware", "program", {"memory": "tape"}, "program of .firmware. is a ram"),
            ("firmware", "constants", {"size_bytes": 0}, "size_bytes of constants of .firmware."),
            ("placement", "activations", "flash", "a memory that offers it, one of dtcm, ocram"),
            ("placement", "code", "dtcm", "code of .placement. is a memory that offers it"),
            ("pool", "address", 0x1000_0000, "none is at 0x10000000"),
            ("pool", "address", 0x3000_0000, "at the end of its memory"),
            ("pool", "size_bytes", 1 << 19, "size_bytes of .pool. lies between 1,048,576 and"),
            ("placement", "weight", "flash", "placement. has activations, .*; got 'weight'"),
            ("clock", "hz", 1, "clock. has core_hz, source; got 'hz'; correct its name"),
        ],
    )
    def test_an_absurd_figure_of_a_table_is_refused(
        self, board_data, table, field, value, sentence
    ):
        """The sentence has the rule and the figure."""
        board_data[table][field] = value

        with pytest.raises(ConfigurationError, match=sentence):
            parse_board(board_data)

    @pytest.mark.parametrize(
        ("field", "value", "sentence"),
        [
            ("size_bytes", -4096, "size_bytes of memory 'itcm' lies between 1 and"),
            ("size_bytes", 1 << 40, "size_bytes of memory 'itcm' lies between 1 and"),
            ("size_bytes", 5000, "on a page of 0x1000 bytes; itcm has 0x1388"),
            ("base", 0x100, "on a page of 0x1000 bytes"),
            ("base", 0x4000_0000, "where peripherals are; itcm has"),
            ("base", 0x2000_0000, "dtcm ends at .* and itcm starts at 0x20000000"),
            ("kind", "tape", "ram or rom; got 'tape' for itcm"),
            ("offers", ["music"], "itcm offers 'music'"),
            ("offers", "scratch", "offers of memory 'itcm' is a list"),
            ("name", "x" * 13, "1 to 12 letters, digits and underscores"),
            ("name", "dtcm", "'dtcm' is there twice"),
            ("offered_bytes", 1 << 19, "offered_bytes of a memory is at most its size"),
            ("source", "", "source of memory 'itcm' is not empty"),
            ("bus_follows_core", True, "a memory whose timing has a bus_hz; itcm has None"),
            ("bus_follow_core", True, "memory 'itcm' has name, .*; got 'bus_follow_core'"),
        ],
    )
    def test_an_absurd_figure_of_a_memory_is_refused(self, board_data, field, value, sentence):
        """Each names the memory, the rule and the figure."""
        board_data["memory"][0][field] = value

        with pytest.raises(ConfigurationError, match=sentence):
            parse_board(board_data)

    @pytest.mark.parametrize(
        ("field", "value", "sentence"),
        [
            ("base", 0x3000_0000, "a peripheral lies inside .*; lpuart1 has"),
            ("base", 0x4007_C010, "a peripheral starts and ends on a page"),
            ("size_bytes", 1 << 31, "size_bytes of peripheral 'lpuart1' lies between 1 and"),
            ("base", 0x40CA_C000, "ends at .* starts at 0x40cac000"),
        ],
    )
    def test_an_absurd_figure_of_a_peripheral_is_refused(self, board_data, field, value, sentence):
        """Each names the peripheral, the rule and the figure."""
        board_data["peripheral"][0][field] = value

        with pytest.raises(ConfigurationError, match=sentence):
            parse_board(board_data)

    @pytest.mark.parametrize("value", ["cortex_m8", "../mine"])
    def test_cores_are_those_that_ship(self, board_data, value):
        """A core is a name, not a path."""
        board_data["core"] = value

        with pytest.raises(ConfigurationError, match=rf"the core of a board is one of .*{value}"):
            parse_board(board_data)

    @given(data=st.data())
    def test_no_leaf_leads_to_a_traceback(self, data):
        """Whatever stands in a field, the file is read or refused in words."""
        broken = _read(BOARDS / "stm32h743.toml")
        path = data.draw(st.sampled_from(list(_paths(broken))))
        table = reduce(getitem, path[:-1], broken)
        key = path[-1]
        if isinstance(key, str) and data.draw(st.booleans()):
            key = data.draw(st.text())
        table[key] = data.draw(ODD_VALUES)

        with suppress(ConfigurationError):
            parse_board(broken)

    def test_a_rom_takes_no_stores(self, board_data):
        """Activations cannot live in flash."""
        _memory(board_data, "flash")["offers"] = ["activations"]

        with pytest.raises(ConfigurationError, match="a rom offers staged_weights only"):
            parse_board(board_data)

    def test_more_memories_than_the_firmware_lists_are_refused(self, board_data):
        """The firmware's table has eight rows."""
        board_data["memory"] += [
            {
                "name": f"extra_{number}",
                "base": 0x9000_0000 + number * 0x1000,
                "size_bytes": 0x1000,
                "kind": "ram",
                "offers": ["scratch"],
                "attribute": "tcm",
                "source": "made up",
            }
            for number in range(8)
        ]

        with pytest.raises(ConfigurationError, match="at most 8 memories are offered"):
            parse_board(board_data)

    def test_more_memories_than_the_model_follows_are_refused(self, board_data):
        """Address slices and memory model have sixteen rows each."""
        extra = {**_memory(board_data, "sdram"), "size_bytes": 0x1000, "offers": []}
        board_data["memory"] += [
            {**extra, "name": f"extra_{number}", "base": 0x9000_0000 + number * 0x1000}
            for number in range(MAX_MEMORIES)
        ]

        with pytest.raises(ConfigurationError, match=r"1 to 16 tables \[\[memory\]\]; got 22"):
            parse_board(board_data)

    def test_the_bound_on_memories_is_the_models(self):
        """One number in three places, which share no module."""
        assert MAX_MEMORIES == evaluate.MAX_AREAS == memory_model.MAX_REGIONS

    def test_a_third_tightly_coupled_memory_is_refused(self, board_data):
        """The core has one for instructions and one for data."""
        ocram = _memory(board_data, "ocram_m4")
        ocram["attribute"] = "tcm"
        del ocram["timing"]

        with pytest.raises(ConfigurationError, match="tightly coupled memories; got itcm, dtcm, o"):
            parse_board(board_data)

    def test_an_unknown_model_of_a_peripheral_is_refused(self, board_data):
        """The sentence lists those there are."""
        board_data["peripheral"][0]["model"] = "uart"

        with pytest.raises(ConfigurationError, match="dwt, scs, lpuart, ocotp; lpuart1 has 'uart'"):
            parse_board(board_data)

    def test_memories_larger_than_the_host_wants_to_hold_are_refused(self, board_data):
        """There is a bound on all memories together."""
        _memory(board_data, "sdram")["size_bytes"] = 1 << 28

        with pytest.raises(ConfigurationError, match="at most 268,435,456 bytes in all"):
            parse_board(board_data)

    @pytest.mark.parametrize("table", ["clock", "boot", "pool", "firmware", "placement"])
    def test_a_missing_table_is_named(self, board_data, table):
        """The sentence says which table to add."""
        del board_data[table]

        with pytest.raises(ConfigurationError, match=rf"has a table \[{table}\]; it is missing"):
            parse_board(board_data)

    def test_a_misspelt_table_is_named(self, board_data):
        """A board does not lose its data cache to a slip of the pen."""
        board_data["dcahce"] = board_data.pop("dcache")

        with pytest.raises(ConfigurationError, match=r"a board file has name, .*; got 'dcahce'"):
            parse_board(board_data)

    @pytest.mark.parametrize("field", ["bus_hz", "write_access_bus_cycles", "known_error"])
    def test_a_figure_that_lacks_is_named_with_its_memory(self, board_data, field):
        """All memories have the same fields: the sentence says whose it is."""
        del _memory(board_data, "sdram")["timing"][field]

        with pytest.raises(ConfigurationError, match=f"memory sdram, timing: {field} must be ther"):
            parse_board(board_data)

    @pytest.mark.parametrize("field", ["timing", "write_policy"])
    def test_a_memory_behind_the_caches_has_a_policy_and_a_timing(self, board_data, field):
        """Only tightly coupled memory does without."""
        del _memory(board_data, "sdram")[field]

        with pytest.raises(ConfigurationError, match=f"memory sdram: {field} must be there"):
            parse_board(board_data)

    @pytest.mark.parametrize(
        ("field", "value", "sentence"),
        [
            ("fitted", ["bus_hz"], "fitted names the one number of the timing table"),
            ("fitted", "bus", "fitted names the one number of the timing table"),
            ("fitted_rows", [], "has fitted_rows and leave_one_out_spread"),
            ("leave_one_out_spread", "small", "has fitted_rows and leave_one_out_spread"),
        ],
    )
    def test_a_fitted_number_says_what_it_was_fitted_on(self, board_data, field, value, sentence):
        """Its name, its rows and its spread are all there."""
        _memory(board_data, "sdram")["timing"][field] = value

        with pytest.raises(ConfigurationError, match=sentence):
            parse_board(board_data)

    def test_a_memory_without_an_attribute_is_named(self, board_data):
        """The sentence says which memory lacks it."""
        del board_data["memory"][1]["attribute"]

        with pytest.raises(ConfigurationError, match="memory 'dtcm' names attribute; it is missi"):
            parse_board(board_data)

    @pytest.mark.parametrize("entries", [None, {}, [1], []])
    @pytest.mark.parametrize("key", ["memory", "peripheral"])
    def test_a_file_without_memories_or_peripherals_is_refused(self, board_data, key, entries):
        """Both are lists of tables, and neither is empty."""
        board_data[key] = entries

        with pytest.raises(ConfigurationError, match=rf"tables \[\[{key}\]\]"):
            parse_board(board_data)

    def test_a_cache_that_no_ways_divide_is_refused(self, board_data):
        """Sets are a power of two."""
        board_data["dcache"]["ways"] = 3

        with pytest.raises(ConfigurationError, match="in 3 ways of 32-byte lines"):
            parse_board(board_data)

    def test_an_optional_table_has_its_fields(self, board_data):
        """A fidelity table is whole or absent."""
        board_data["fidelity"] = {"rows": 10}

        with pytest.raises(ConfigurationError, match="names median_error_percent; it is missing"):
            parse_board(board_data)

    @pytest.mark.parametrize("percent", [float("nan"), float("inf"), -1.0])
    def test_an_error_is_a_finite_percentage(self, board_data, percent):
        """What hwprof targets prints of a stranger's board is at least a number."""
        board_data["fidelity"] = {
            "rows": 11,
            "median_error_percent": percent,
            "worst_error_percent": 21.0,
            "date": "2026-11-21",
        }

        with pytest.raises(ConfigurationError, match=r"median_error_percent of .fidelity. lies"):
            parse_board(board_data)

    def test_a_fidelity_table_is_read(self, board_data):
        """What the benchmark writes is what the description says."""
        board_data["fidelity"] = {
            "rows": 11,
            "median_error_percent": 9.5,
            "worst_error_percent": 21.0,
            "date": "2026-11-21",
        }

        assert parse_board(board_data).fidelity == Fidelity(11, 9.5, 21.0, "2026-11-21")


class TestCores:
    """The machine as data."""

    def test_a_mnemonic_belongs_to_one_class(self, core_data):
        """No instruction is listed twice."""
        listed = [mnemonic for row in core_data["class"] for mnemonic in row["mnemonics"]]

        assert len(listed) == len(set(listed))

    def test_every_result_has_a_row_of_latencies(self):
        """What a class produces is a producer of the latency table, complete over the roles."""
        core = load_core("cortex_m7")

        assert {cls.produces for cls in core.classes.values()} <= set(core.latency_cycles)
        assert all(set(row) == set(ROLES) for row in core.latency_cycles.values())

    def test_every_tag_of_a_forbidden_pair_is_some_instructions(self):
        """No rule is about a tag that nothing has."""
        core = load_core("cortex_m7")
        given = {tag for cls in core.classes.values() for tag in cls.tags} | {"any", "shifter"}

        assert {tag for pair in core.forbidden for tag in pair} <= given

    @pytest.mark.parametrize("table", ["latency", "class"])
    @pytest.mark.parametrize("field", ["source", "known_error"])
    def test_a_number_without_a_birth_certificate_is_refused(self, core_data, table, field):
        """Each row has a source and a known error, and neither may be empty."""
        core_data[table][0][field] = ""

        with pytest.raises(ConfigurationError, match="a source and a known error"):
            parse_core(core_data)

    def test_an_unknown_operand_letter_is_refused(self, core_data):
        """A typing error in an operand list does not pass for no operand."""
        core_data["class"][0]["operands"] = ["q"]

        with pytest.raises(ConfigurationError, match="operands of"):
            parse_core(core_data)

    def test_a_file_of_another_format_is_refused(self, core_data):
        """A format that this version does not read is not guessed at."""
        core_data["format"] += 1

        with pytest.raises(ConfigurationError, match=r"a core file has format = .*; got"):
            parse_core(core_data)

    @pytest.mark.parametrize("table", ["branches", "loads", "name"])
    def test_a_missing_field_is_named(self, core_data, table):
        """No number has a default."""
        del core_data[table]

        with pytest.raises(ConfigurationError, match=f"'{table}' is missing; add it"):
            parse_core(core_data)

    def test_an_unknown_core_is_refused(self):
        """The nearest core is named."""
        with pytest.raises(UnknownNameError, match="did you mean cortex_m7"):
            load_core("cortex_m8")
