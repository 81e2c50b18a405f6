"""Board and core files: what ships is complete, what is broken is refused."""

from __future__ import annotations

import copy
import tomllib
from itertools import pairwise

import pytest

from hwprof.errors import ConfigurationError, UnknownNameError
from hwprof.firmware_stub.virtual.core import ROLES, core_names, load_core, parse_core
from hwprof.firmware_stub.virtual.description import (
    BOARDS,
    CORES,
    board_names,
    load_board,
    parse_board,
)


def _read(path):
    return tomllib.loads(path.read_text(encoding="utf-8"))


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

    def test_its_core_exists(self, name):
        """The core a board names has a file."""
        assert load_board(name).core in core_names()


class TestBrokenBoards:
    """Board files of somebody's own."""

    def test_a_missing_field_is_named(self, board_data):
        """The sentence says which field to add."""
        del board_data["memory"][0]["base"]

        with pytest.raises(ConfigurationError, match="'base' is missing"):
            parse_board(board_data)

    def test_another_format_is_refused(self, board_data):
        """A file of a later version is not half understood."""
        board_data["format"] = 2

        with pytest.raises(ConfigurationError, match="format = 1; got 2"):
            parse_board(board_data)

    def test_an_unknown_kind_of_memory_is_refused(self, board_data):
        """Memories are ram or rom."""
        board_data["memory"][0]["kind"] = "tape"

        with pytest.raises(ConfigurationError, match="ram or rom; got 'tape'"):
            parse_board(board_data)


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

    def test_an_unknown_core_is_refused(self):
        """The nearest core is named."""
        with pytest.raises(UnknownNameError, match="did you mean cortex_m7"):
            load_core("cortex_m8")
