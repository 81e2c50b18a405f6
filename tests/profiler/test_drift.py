"""Boards that change in the middle of a campaign are found out, and no row of theirs is used.

The boards are virtual ones behind pseudo-terminals, whose files differ in clock or memory.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from hwprof.errors import ConfigurationError, DriftError, LinkError
from hwprof.firmware_stub.virtual.board_files import BOARDS
from hwprof.profiler.bench import Setup
from hwprof.profiler.campaign import CheckPlan, Task, run_campaign
from hwprof.profiler.links import VirtualLink
from hwprof.profiler.quarantine import quarantined_rows, release
from hwprof.profiler.reference_checks import check_rows
from hwprof.profiler.sampling import sample, write_samples
from hwprof.profiler.store import MeasurementStore
from hwprof.testing.served import served_answers

OFTEN = CheckPlan(rows=2)
SLOWER_FLASH = (
    "first_access_bus_cycles = 22",
    "first_access_bus_cycles = 31",
)  # a tenth for each line
SLOWER_CORE = ("core_hz = 996_000_000", "core_hz = 600_000_000")
ANOTHER = ('name = "lab"', 'name = "other"')


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> list[Task]:
    """Six small blocks on disk."""
    folder = tmp_path_factory.mktemp("samples")
    manifest = write_samples(sample("fc", 6, seed=3), folder, seed=3, method="low-discrepancy")
    return [
        Task(folder / entry.file, entry.config.block_type, entry.config.key, entry.macs)
        for entry in manifest.entries
    ]


@pytest.fixture
def store(tmp_path: Path) -> MeasurementStore:
    """An empty store."""
    return MeasurementStore(tmp_path / "measurements.sqlite", create=True)


def _board(folder: Path, *change: str) -> Path:
    """A board file of the lab's, with one line changed."""
    text = (BOARDS / "rt1170.toml").read_text(encoding="utf-8")
    for old, new in (('name = "rt1170"', 'name = "lab"'), change or ("", "")):
        assert old in text
        text = text.replace(old, new, 1)
    path = folder / f"{abs(hash(change))}.toml"
    path.write_text(text, encoding="utf-8")
    return path


class Socket:
    """A line whose board can be pulled out and another one plugged in, or none."""

    def __init__(self, board: Path) -> None:
        self.plug(board)

    def plug(self, board: Path) -> None:
        """Power on another board."""
        self._link = VirtualLink(str(board))

    def answer(self, data: bytes, _handle: int) -> bytes:
        """What the board says."""
        self._link.write(data)
        said = b""
        while piece := self._link.read(65536, 10.0):
            said += piece
        return said


class After:
    """Does something behind the n-th outcome."""

    def __init__(self, count: int, act) -> None:
        self._left, self._act = count, act

    def __call__(self, _: object) -> None:
        self._left -= 1
        if self._left == 0:
            self._act()


def test_a_board_whose_memory_slows_down_is_flagged(
    tasks: list[Task], store: MeasurementStore, tmp_path: Path
) -> None:
    """Rows behind the last good check are quarantined with the reason; those before stay.

    The next campaign refuses the board, and measures what is missing once it is itself again.
    """
    good, slow = _board(tmp_path), _board(tmp_path, *SLOWER_FLASH)
    socket = Socket(good)
    with served_answers(socket.answer) as device:
        setup = Setup(f"serial:{device}")
        swap = After(3, lambda: socket.plug(slow))
        with pytest.raises(DriftError, match=r"has drifted: the reference block took .* at first"):
            run_campaign(tasks, store, setup=setup, checks=OFTEN, progress=swap)
        kept, aside = store.frame(), quarantined_rows(store)

        assert (len(kept), len(aside)) == (2, 2)
        assert set(aside["block_key"]).isdisjoint(kept["block_key"])
        assert all("at first" in reason for reason in aside["reason"])
        assert [bool(fault) for fault in check_rows(store)["fault"]] == [False, False, True]

        with pytest.raises(DriftError, match="0 rows since its last good check"):
            run_campaign(tasks, store, setup=setup, checks=OFTEN)
        socket.plug(good)
        report = run_campaign(tasks, store, setup=setup, checks=OFTEN)

    assert (report.measured, report.already_stored) == (4, 2)
    assert len(store.frame()) == len(tasks)
    assert len(quarantined_rows(store)) == 2
    assert release(store, int(aside["check_number"][0])) == (0, 2)


def test_another_board_on_the_line_is_noticed(
    tasks: list[Task], store: MeasurementStore, tmp_path: Path
) -> None:
    """What a board says of itself is held against what it said when the campaign began."""
    socket = Socket(_board(tmp_path))
    other = _board(tmp_path, *ANOTHER)
    with served_answers(socket.answer) as device:
        swap = After(1, lambda: socket.plug(other))
        with pytest.raises(DriftError, match="board other instead of lab"):
            run_campaign(tasks, store, setup=Setup(f"serial:{device}"), checks=OFTEN, progress=swap)

    assert store.frame().empty
    assert len(quarantined_rows(store)) == 2


def test_a_task_that_a_board_refuses_stops_nobody(
    tasks: list[Task], store: MeasurementStore, tmp_path: Path
) -> None:
    """Where the board is well behind it, the task is refused with what the board said."""
    good = _board(tmp_path)

    class Reset(Socket):
        def answer(self, data: bytes, handle: int) -> bytes:
            said = super().answer(data, handle)
            if b"does not run at the clock" in said:
                self.plug(good)
            return said

    socket, off_clock = Reset(good), _board(tmp_path, *SLOWER_CORE)
    with served_answers(socket.answer) as device:
        swap = After(2, lambda: socket.plug(off_clock))
        report = run_campaign(tasks, store, setup=Setup(f"serial:{device}"), progress=swap)

    assert (report.measured, len(report.refused), report.dropped) == (5, 1, ())
    assert "does not run at the clock" in str(report)
    assert len(check_rows(store)) == 3


def test_rows_that_a_killed_campaign_left_wait_for_the_next_check(
    tasks: list[Task], store: MeasurementStore, tmp_path: Path
) -> None:
    """Nobody vouched for them yet: the check that the next campaign begins with decides."""
    good, slow = _board(tmp_path), _board(tmp_path, *SLOWER_FLASH)
    socket = Socket(good)

    def die() -> None:
        raise KeyboardInterrupt

    with served_answers(socket.answer) as device:
        setup = Setup(f"serial:{device}")
        with pytest.raises(KeyboardInterrupt):
            run_campaign(tasks, store, setup=setup, progress=After(3, die))
        assert len(store.frame()) == 3
        socket.plug(slow)
        with pytest.raises(DriftError, match="3 rows since its last good check"):
            run_campaign(tasks, store, setup=setup)

    assert store.frame().empty
    assert len(quarantined_rows(store)) == 3


def test_two_boards_share_a_campaign(
    tasks: list[Task], store: MeasurementStore, tmp_path: Path
) -> None:
    """Each task is measured once, by one or the other; each row says by which."""
    board = _board(tmp_path)
    with (
        served_answers(Socket(board).answer) as first,
        served_answers(Socket(board).answer) as second,
    ):
        setup = Setup(f"serial:{first}", also=(f"serial:{second}",))
        report = run_campaign(tasks, store, setup=setup)
        again = run_campaign(tasks, store, setup=setup)
    frame = store.frame()

    assert (report.measured, again.measured, again.already_stored) == (6, 0, 6)
    assert sorted(frame["block_key"]) == sorted(task.block_key for task in tasks)
    assert set(frame["target"]) == {f"serial:{first}", f"serial:{second}"}


def test_others_measure_what_a_drifted_board_is_not_trusted_with(
    tasks: list[Task], store: MeasurementStore, tmp_path: Path
) -> None:
    """One of two boards drifts: its quarantined tasks are measured by the other one."""
    good, slow = _board(tmp_path), _board(tmp_path, *SLOWER_FLASH)
    socket = Socket(good)
    with (
        served_answers(socket.answer) as first,
        served_answers(Socket(good).answer) as second,
    ):
        setup = Setup(f"serial:{first}", also=(f"serial:{second}",))
        swap = After(1, lambda: socket.plug(slow))
        report = run_campaign(tasks, store, setup=setup, checks=OFTEN, progress=swap)
    frame = store.frame()

    assert report.measured == 6
    assert "has drifted" in str(report)
    assert len(frame) == 6
    assert set(quarantined_rows(store)["target"]) == {f"serial:{first}"}


def test_what_a_failing_board_refused_another_one_measures(
    tasks: list[Task], store: MeasurementStore, tmp_path: Path
) -> None:
    """A board whose clock went wrong refuses its task, then its check: not the task's fault."""
    good, off_clock = _board(tmp_path), _board(tmp_path, *SLOWER_CORE)
    socket = Socket(good)
    with (
        served_answers(socket.answer) as first,
        served_answers(Socket(good).answer) as second,
    ):
        setup = Setup(f"serial:{first}", also=(f"serial:{second}",))
        swap = After(1, lambda: socket.plug(off_clock))
        report = run_campaign(tasks, store, setup=setup, progress=swap)

    assert (report.measured, report.refused, report.left) == (6, (), 0)
    assert len(report.dropped) == 1


def test_a_campaign_survives_the_loss_of_a_board(
    tasks: list[Task], store: MeasurementStore, tmp_path: Path
) -> None:
    """An unplugged board costs the task under way, which another one does."""
    board = _board(tmp_path)
    with ExitStack() as cable, served_answers(Socket(board).answer) as second:
        first = cable.enter_context(served_answers(Socket(board).answer))
        setup = Setup(f"serial:{first}", also=(f"serial:{second}",))
        report = run_campaign(tasks, store, setup=setup, progress=After(1, cable.close))

    assert (report.measured, report.left) == (6, 0)
    assert len(report.dropped) == 1
    assert first in report.dropped[0]
    assert first in str(report)


def test_boards_of_two_clocks_are_no_campaign(
    tasks: list[Task], store: MeasurementStore, tmp_path: Path
) -> None:
    """Tasks are shared, so cycles of all boards must mean the same."""
    setup = Setup("virtual:rt1170", also=("virtual:rt1170?clock_hz=600000000",))

    with pytest.raises(ConfigurationError, match="measure them one after the other"):
        run_campaign(tasks, store, setup=setup)


def test_long_programs_are_checked_sooner(tasks: list[Task], store: MeasurementStore) -> None:
    """What counts is how long the board computed, too: here each row is worth a check."""
    run_campaign(tasks[:3], store, setup=Setup(), checks=CheckPlan(board_s=1e-9))

    assert len(check_rows(store)) == 4


def test_several_lines_are_not_recorded(
    tasks: list[Task], store: MeasurementStore, tmp_path: Path
) -> None:
    """A recording is of one line."""
    setup = Setup(also=("virtual:rt1170",), record=tmp_path / "line")

    with pytest.raises(ConfigurationError, match="one line can be recorded"):
        run_campaign(tasks, store, setup=setup)


def test_a_line_named_twice_is_refused(tasks: list[Task], store: MeasurementStore) -> None:
    """One board has one line; opening it twice would mix up two campaigns on it."""
    setup = Setup("serial:/dev/null", also=("serial:/dev/null",))

    with pytest.raises(ConfigurationError, match="named twice"):
        run_campaign(tasks, store, setup=setup)


@pytest.mark.parametrize("plan", [{"rows": 0}, {"board_s": 0.0}, {"tolerance": -0.1}])
def test_impossible_check_plans_are_refused(plan: dict[str, float]) -> None:
    """Checks come at some interval and allow some difference."""
    with pytest.raises(ConfigurationError, match="tolerance above 0"):
        CheckPlan(**plan)


def test_a_line_that_breaks_stops_the_only_board(
    tasks: list[Task], store: MeasurementStore
) -> None:
    """What was not measured is said; what was is stored."""
    with pytest.raises(LinkError, match="cannot be opened"):
        run_campaign(tasks, store, setup=Setup("serial:/dev/no-such-port"))

    assert store.frame().empty
