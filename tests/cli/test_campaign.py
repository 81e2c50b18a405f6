"""A campaign as its user sees it: planned, paused, gone on with, watched."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hwprof.cli import main
from hwprof.errors import StoreError
from hwprof.profiler.campaign_lock import only_campaign
from hwprof.testing.hardship import drop_privilege, limit_files
from hwprof.workflows.progress import duration

PROGRAM = "from hwprof.cli import main; main()"
QUICK = ("--timing", "pipeline")
SAMPLES = 100
PAUSED = 75
PATIENCE_S = 120


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace with many samples of a block that takes some ten milliseconds."""
    _hwprof(tmp_path, "sample", "--block", "fc", "--count", str(SAMPLES))
    return tmp_path


def _hwprof(workspace: Path, *arguments: str) -> Result:
    result = CliRunner().invoke(main, [*arguments, "--workspace", str(workspace)])
    assert result.exit_code == 0, result.output
    return result


def _start(
    workspace: Path, *arguments: str, prepare: Callable[[], None] | None = None
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            PROGRAM,
            "profile",
            "--workspace",
            str(workspace),
            *QUICK,
            *arguments,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=_unmeasured(),
        preexec_fn=prepare,  # noqa: PLW1509 - no thread runs here
    )


def _unmeasured() -> dict[str, str]:
    """The environment without coverage: where files are limited, its own cannot be written."""
    return {name: value for name, value in os.environ.items() if "COVERAGE" not in name}


def _rows(workspace: Path) -> int:
    try:
        connection = sqlite3.connect(f"file:{workspace}/measurements.sqlite?mode=ro", uri=True)
        (count,) = connection.execute("select count(*) from measurements").fetchone()
        connection.close()
    except sqlite3.OperationalError:
        return 0
    return int(count)


def _until_rows(campaign: subprocess.Popen[str], workspace: Path, count: int) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while _rows(workspace) < count:
        assert time.monotonic() < deadline_s, "they never came"
        assert campaign.poll() is None, campaign.communicate()
        time.sleep(0.01)


@pytest.mark.parametrize(("number", "workers"), [(signal.SIGINT, "2"), (signal.SIGTERM, "1")])
def test_a_signal_pauses_and_the_same_command_goes_on(
    workspace: Path, number: signal.Signals, workers: str
) -> None:
    """Rows so far are stored, one sentence and an exit code say that it can go on, and it does."""
    campaign = _start(workspace, "--workers", workers)
    _until_rows(campaign, workspace, 2)
    os.killpg(campaign.pid, number) if number == signal.SIGINT else campaign.send_signal(number)
    output, errors = campaign.communicate(timeout=PATIENCE_S)

    assert campaign.returncode == PAUSED, errors
    assert "the same command goes on from here" in errors
    assert "Traceback" not in errors + output
    stored = _rows(workspace)
    assert 2 <= stored < SAMPLES

    last = _hwprof(workspace, "profile", *QUICK, "--workers", workers).output
    assert f"{SAMPLES} asked, {SAMPLES - stored} measured, {stored} already stored" in last
    assert _rows(workspace) == SAMPLES


def test_a_second_signal_gives_the_row_up(workspace: Path) -> None:
    """Who insists does not wait for the board."""
    campaign = _start(workspace, "--workers", "2")
    _until_rows(campaign, workspace, 1)
    campaign.send_signal(signal.SIGINT)
    campaign.send_signal(signal.SIGTERM)
    _, errors = campaign.communicate(timeout=PATIENCE_S)

    assert campaign.returncode == PAUSED, errors
    assert "Traceback" not in errors


def test_a_full_disk_is_one_sentence_and_costs_no_row(workspace: Path) -> None:
    """What was stored before is read, and goes on where there is room again."""
    campaign = _start(workspace, "--workers", "1", prepare=lambda: limit_files(120_000))
    _, errors = campaign.communicate(timeout=PATIENCE_S)

    assert campaign.returncode == 2
    assert "disk is full" in errors.splitlines()[-1]
    assert "rows stored so far stay readable" in errors
    stored = _rows(workspace)
    assert 0 < stored < SAMPLES
    assert len(_hwprof(workspace, "export").stdout.splitlines()) == stored + 1
    assert (
        f"{stored} already stored" in _hwprof(workspace, "profile", *QUICK, "--workers", "1").output
    )


def test_a_store_that_cannot_be_written_is_one_sentence(workspace: Path) -> None:
    """A campaign is refused before it measures; what is there is exported."""
    _hwprof(workspace, "profile", *QUICK, "--plan")
    (workspace / "measurements.sqlite").chmod(0o444)
    (workspace / "measurements.campaign").chmod(0o444)
    workspace.chmod(0o555)
    try:
        campaign = _start(workspace, "--workers", "1", prepare=drop_privilege)
        _, errors = campaign.communicate(timeout=PATIENCE_S)

        assert campaign.returncode == 2
        assert "cannot be written there" in errors
        assert "Traceback" not in errors
        assert len(_hwprof(workspace, "export").stdout.splitlines()) == 4
    finally:
        workspace.chmod(0o755)


def test_a_plan_counts_and_estimates(workspace: Path) -> None:
    """It says what is left and how long it takes, by a few rows it measures if there are none."""
    plan = json.loads(_hwprof(workspace, "profile", *QUICK, "--plan", "--json").output)

    assert (plan["asked"], plan["stored"], plan["to_measure"], plan["basis"]) == (SAMPLES, 3, 97, 3)
    assert plan["seconds"] > 0
    assert [board["target"] for board in plan["boards"]] == ["virtual:rt1170"]
    assert plan["boards"][0]["fault"] == ""

    again = _hwprof(workspace, "profile", *QUICK, "--plan", "--workers", "1").output
    assert again.startswith("100 asked, 3 stored, 97 to measure: about ")
    assert "by 3 rows so far" in again
    assert _rows(workspace) == 3


def test_a_plan_of_what_is_done_measures_nothing(workspace: Path) -> None:
    """With every row there, nothing is left to estimate."""
    _hwprof(workspace, "profile", *QUICK, "--workers", "1")
    plan = json.loads(_hwprof(workspace, "profile", *QUICK, "--plan", "--json").output)

    assert (plan["to_measure"], plan["seconds"], plan["basis"]) == (0, 0, SAMPLES)


def test_networks_are_planned_too(tmp_path: Path) -> None:
    """Random networks are tasks as well."""
    options = (*QUICK, "--plan", "--json", "--networks", "2")
    plan = json.loads(_hwprof(tmp_path, "profile", *options).output)

    assert (plan["asked"], plan["stored"]) == (2, 2)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--plan", "person-detector"), "leave out either it or person-detector"),
        (("--plan", "--adaptive", "20"), "leave out either it or --adaptive"),
        (
            ("person-detector", "--target", "serial:A", "--target", "serial:B"),
            "one board runs person-detector; got serial:A and serial:B",
        ),
        (("--target", "serial:/dev/x", "--target", "serial:/dev/x"), "named twice"),
    ],
)
def test_wrong_usage_is_one_sentence(
    workspace: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    """A plan and several boards are of campaigns."""
    result = CliRunner().invoke(main, ["profile", "--workspace", str(workspace), *arguments])

    assert result.exit_code == 2
    assert sentence in result.output


def test_a_second_campaign_is_told_who_measures(workspace: Path) -> None:
    """One campaign at a time writes a store; the other one is refused in a sentence."""
    with only_campaign(workspace / "measurements.sqlite"):
        result = CliRunner().invoke(
            main, ["profile", "--workers", "1", "--workspace", str(workspace)]
        )

    assert result.exit_code == 2
    assert f"the campaign of process {os.getpid()}, since" in result.output
    _hwprof(workspace, "profile", *QUICK, "--block", "fc", "--workers", "1")


def test_a_lock_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    """A folder that is none holds no lock."""
    with (
        pytest.raises(StoreError, match="cannot be written there"),
        only_campaign(tmp_path / "none" / "measurements.sqlite"),
    ):
        pass


def test_a_damaged_lock_is_one_sentence(tmp_path: Path) -> None:
    """A file that is no lock is named, with what may be done about it."""
    (tmp_path / "measurements.campaign").write_bytes(b"this is no lock of any kind\n" * 40)
    with (
        pytest.raises(StoreError, match=r"measurements\.campaign cannot .* delete that file"),
        only_campaign(tmp_path / "measurements.sqlite"),
    ):
        pass


def test_a_lock_that_is_not_signed_yet_is_held_all_the_same(tmp_path: Path) -> None:
    """A campaign that begins in the same moment refuses the second one too."""
    holder = sqlite3.connect(tmp_path / "measurements.campaign", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with (
        pytest.raises(StoreError, match="another campaign measures into"),
        only_campaign(tmp_path / "measurements.sqlite"),
    ):
        pass
    holder.close()


def test_a_campaign_that_nobody_watches_says_a_line_now_and_then(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where standard error is no terminal there is a line every so many tasks, with time left."""
    monkeypatch.setattr("hwprof.workflows.progress.TASKS_A_LINE", 40)
    lines = _hwprof(workspace, "profile", *QUICK, "--workers", "1").stderr.splitlines()

    assert [line.partition(",")[0] for line in lines] == [
        "profile: 40 of 100 blocks",
        "profile: 80 of 100 blocks",
    ]
    assert all(line.endswith(" left") for line in lines)


@pytest.mark.parametrize(
    ("seconds", "text"), [(7.4, "7 s"), (61, "1 min 1 s"), (7_260, "2 h 1 min")]
)
def test_times_are_said_as_people_say_them(seconds: float, text: str) -> None:
    """Two units at most."""
    assert duration(seconds) == text
