"""Target strings and board files of a user's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwprof.errors import ConfigurationError, UnknownNameError
from hwprof.firmware_stub.stamp import code_sha256
from hwprof.firmware_stub.targets import (
    default_placement,
    describe_virtual,
    names_board,
    virtual_reference,
    virtual_targets,
)
from hwprof.firmware_stub.virtual.board_files import BOARDS, load_board
from hwprof.measurement import Placement


@pytest.fixture
def own(tmp_path: Path) -> str:
    """A board file of one's own: the RT1060 under another name."""
    text = (BOARDS / "rt1060.toml").read_text(encoding="utf-8")
    path = tmp_path / "mine.toml"
    path.write_text(text.replace('name = "rt1060"', 'name = "mine"'), encoding="utf-8")
    return str(path)


class TestReferences:
    """Which board a string means."""

    @pytest.mark.parametrize(
        ("target", "reference"),
        [
            ("virtual:rt1170", "rt1170"),
            ("virtual:a/b.toml?clock_hz=1000000", "a/b.toml?clock_hz=1000000"),
            ("serial:/dev/ttyACM0", None),
            ("socket://host:1", None),
            ("virtual", None),
        ],
    )
    def test_reference_is_what_follows_virtual(self, target, reference):
        """Every other line leads to silicon."""
        assert virtual_reference(target) == reference

    def test_boards_that_ship_are_targets(self):
        """The five boards."""
        names = ("rt1060", "rt1170", "stm32f746", "stm32f767", "stm32h743")

        assert virtual_targets() == [f"virtual:{name}" for name in names]

    def test_unknown_board_is_answered_with_targets(self):
        """The sentence has what the user would type."""
        with pytest.raises(UnknownNameError, match="did you mean virtual:stm32h743"):
            describe_virtual("stm32h734")

    def test_own_board_is_read_from_its_path(self, own):
        """Its name is the file's."""
        assert describe_virtual(own).name == "mine"

    def test_default_placement_is_the_boards(self):
        """Each board has its own; lines to silicon have the RT1170's."""
        assert default_placement("virtual:stm32f746").activations == "sram"
        assert default_placement("serial:/dev/ttyACM0") == Placement()

    def test_a_board_answers_at_its_clock(self, own):
        """A reference without a clock means any, one with a clock means that one."""
        assert names_board("rt1170", "rt1170", 996_000_000)
        assert names_board("stm32h743?clock_hz=400000000", "stm32h743", 400_000_000)
        assert not names_board("stm32h743?clock_hz=400000000", "stm32h743", 480_000_000)
        assert names_board(own, "mine", 600_000_000)


class TestClock:
    """``?clock_hz=N``."""

    def test_core_and_what_is_divided_from_it_change(self):
        """The AXI bus of the H743 follows its core at half the clock."""
        board = load_board("stm32h743?clock_hz=400000000")

        assert board.clock_hz == 400_000_000

    @pytest.mark.parametrize(
        "query", ["clock_hz=0", "clock_hz=fast", "clock=4", "clock_hz=", "clock_hz=9000000000"]
    )
    def test_other_options_are_refused(self, query):
        """One option, a whole number in range."""
        with pytest.raises(ConfigurationError, match=r"one option, \?clock_hz=N"):
            load_board(f"stm32h743?{query}")

    def test_a_broken_file_is_told_as_without_a_clock(self, tmp_path):
        """The faults of the file come first."""
        path = tmp_path / "broken.toml"
        path.write_text("format = 1")

        with pytest.raises(ConfigurationError, match=r"has a table \[clock\]"):
            load_board(f"{path}?clock_hz=400000000")


class TestOwnFiles:
    """Board files that somebody else wrote."""

    def test_a_missing_file_is_one_sentence(self, tmp_path):
        """The sentence has the path."""
        with pytest.raises(ConfigurationError, match=r"none.toml' cannot be opened .No such file"):
            load_board(str(tmp_path / "none.toml"))

    @pytest.mark.parametrize("content", [b"format = ", b"\xff\xfe", b"[[memory]\n"])
    def test_what_is_no_toml_is_refused(self, tmp_path, content):
        """Neither syntax nor encoding leads to a traceback."""
        path = tmp_path / "bad.toml"
        path.write_bytes(content)

        with pytest.raises(ConfigurationError, match="a board file is TOML"):
            load_board(str(path))

    def test_a_large_file_is_not_read(self, tmp_path):
        """There is a bound, and it is said."""
        path = tmp_path / "large.toml"
        path.write_bytes(b"#" * ((1 << 18) + 1))

        with pytest.raises(ConfigurationError, match="at most 262,144 bytes"):
            load_board(str(path))

    def test_a_chip_that_nobody_modelled_is_refused(self, own):
        """The sentence names those that are."""
        path = Path(own)
        path.write_text('chip = "imxrt1180"\n' + path.read_text())

        with pytest.raises(ConfigurationError, match="one of imxrt1170; got 'imxrt1180'"):
            load_board(own)

    def test_a_name_that_ships_is_refused(self, tmp_path):
        """Rows of two boards must not mix under one name."""
        path = tmp_path / "copy.toml"
        path.write_text((BOARDS / "rt1170.toml").read_text(encoding="utf-8"), encoding="utf-8")

        with pytest.raises(ConfigurationError, match="has a name of its own"):
            load_board(str(path))


class TestStamp:
    """What fitted artefacts are stamped with."""

    def test_words_do_not_count(self, own):
        """A corrected source or title leaves the stamp as it was."""
        before = code_sha256(own, "simd")
        path = Path(own)
        path.write_text(path.read_text().replace('title = "NXP', 'title = "The NXP'))

        assert code_sha256(own, "simd") == before

    def test_the_chip_does_not_count(self, own):
        """Blocks that only start-up touches change no cycles."""
        before = code_sha256(own, "simd")
        path = Path(own)
        path.write_text('chip = "imxrt1170"\n' + path.read_text())

        assert code_sha256(own, "simd") == before

    def test_figures_count(self, own):
        """Another memory size is another machine."""
        before = code_sha256(own, "simd")
        path = Path(own)
        path.write_text(path.read_text().replace("0x200_0000", "0x100_0000"))

        assert code_sha256(own, "simd") != before

    def test_a_clock_does_not_count(self):
        """The context has the clock."""
        faster = code_sha256("stm32h743?clock_hz=400000000", "simd")

        assert faster == code_sha256("stm32h743", "simd")

    def test_kernels_count(self):
        """Each library has a stamp of its own."""
        assert code_sha256("rt1170", "simd") != code_sha256("rt1170", "reference")
