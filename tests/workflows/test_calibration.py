"""``hwprof calibrate`` names what differs, and its bundle is read without trust."""

from __future__ import annotations

import json
import math
import tomllib
import zipfile

import numpy as np
import pytest
from click.testing import CliRunner

from hwprof.cli import main
from hwprof.errors import ArtefactError, ConfigurationError, LinkError
from hwprof.firmware_stub.virtual.board_files import board_data, board_names, parse_board
from hwprof.firmware_stub.virtual.board_writer import board_toml
from hwprof.testing.served import served_board
from hwprof.workflows.calibration import (
    Change,
    Request,
    calibrate_board,
    findings,
    markdown,
    read_bundle,
    write_bundle,
)
from hwprof.workflows.calibration.constants import (
    KERNEL,
    Constant,
    changed_board,
    memory_constants,
    miss_cycles,
)
from hwprof.workflows.calibration.model import Nominal
from hwprof.workflows.calibration.modelled import Modelled
from hwprof.workflows.calibration.probes import choose_probes
from hwprof.workflows.calibration.run import _transfer, check_enough
from hwprof.workflows.calibration.solve import Problem, predicted_cycles
from hwprof.workspace import Workspace

RT1170 = board_data("rt1170")
OCRAM = Constant("read_latency", "ocram")


# --- board files that a program writes -------------------------------------------------------


@pytest.mark.parametrize("name", board_names())
def test_a_written_board_is_read_as_it_was(name):
    """Every shipped board file survives the way through the writer."""
    assert tomllib.loads(board_toml(board_data(name))) == board_data(name)


# --- constants -------------------------------------------------------------------------------


def test_constants_are_those_of_memories_behind_the_caches():
    """TCM has none; flash, which takes no stores, has no write access."""
    found = memory_constants(RT1170, ["dtcm", "ocram", "flash"])

    assert [str(constant) for constant in found] == [
        "read latency of ocram", "bus period of ocram", "write access of ocram",
        "read latency of flash", "bus period of flash",
    ]  # fmt: skip


@pytest.mark.parametrize("constant", memory_constants(RT1170, ["ocram", "flash", "sdram"]), ids=str)
def test_a_changed_constant_changes_one_memory(constant):
    """The board is still one, and the other memories are what they were."""
    board = changed_board(RT1170, {constant: 1.3}, "changed")

    parse_board(board)
    before = {entry["name"]: entry for entry in RT1170["memory"]}
    differing = [entry["name"] for entry in board["memory"] if entry != before[entry["name"]]]
    assert differing == [constant.of]


def test_a_miss_costs_its_latency_and_its_first_bytes():
    """OCRAM: 39 cycles, 2 bus cycles to the first beat, 1 beat of 8 bytes, at 240 of 996 MHz."""
    assert miss_cycles(RT1170, "ocram") == pytest.approx(39 + 3 * 996 / 240)


def test_a_flash_miss_waits_for_its_line():
    """Its bursts do not begin inside a line: 64 beats of half a byte."""
    assert miss_cycles(RT1170, "flash") == pytest.approx(25 + (22 + 64) * 996 / 133)


def test_a_bus_cannot_become_infinitely_slow():
    """Factors stop where board files do."""
    board = changed_board(RT1170, {Constant("bus_period", "ocram"): 1e9}, "changed")

    parse_board(board)


# --- probes ----------------------------------------------------------------------------------


def test_probes_that_answer_alike_are_not_chosen_twice():
    """After the first of two equal probes the other one says little."""
    sensitivities = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 0.4]])

    assert choose_probes(sensitivities, np.array([0.5, 0.5]), 0.01, 2) == [0, 2]


def test_no_more_probes_are_chosen_than_there_are():
    """All of them, once each."""
    chosen = choose_probes(np.eye(3), np.full(3, 0.5), 0.01, 10)

    assert sorted(chosen) == [0, 1, 2]


# --- the fit, on rows whose truth is known ---------------------------------------------------


def _runs(factors, rng):
    """Twelve runs whose waits are a latency's, of two kernels."""
    latency = factors.get(OCRAM, 1.0)
    stalls = rng.uniform(1e4, 9e4, 12)
    return [
        Modelled(
            "conv" if i % 2 else "dwconv",
            round(100_000 + stall * latency),
            stall * latency,
            frozenset({"ocram"}),
        )
        for i, stall in enumerate(stalls)
    ]


@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_a_slower_kernel_and_memory_are_told_apart(noise):
    """Depthwise kernels 20 % slower and OCRAM's latency 24 % higher, with noise of 2 %."""
    rng = np.random.default_rng(3)
    constants = [OCRAM, Constant(KERNEL, "conv"), Constant(KERNEL, "dwconv")]

    def simulate(factors):
        return _runs(factors, np.random.default_rng(5))

    def slopes(factors):
        runs = simulate(factors)
        stalls = np.array([run.stall_cycles for run in runs]) / factors.get(OCRAM, 1.0)
        core = np.array([run.core_cycles for run in runs])
        is_conv = np.array([run.kernel == "conv" for run in runs])
        columns = np.stack([stalls, core * is_conv, core * ~is_conv], axis=1)
        return columns / predicted_cycles(runs, factors)[:, None]

    truth = simulate({OCRAM: 1.24})
    measured = np.array(
        [run.cycles + 0.2 * run.core_cycles * (run.kernel == "dwconv") for run in truth]
    ) * (1 + noise * rng.standard_normal(12))

    found = Problem(constants, measured, simulate, slopes, slopes({})).solve()

    for constant, factor in zip(constants, (1.24, 1.0, 1.2), strict=True):
        assert abs(found.factors[constant] - factor) <= max(2 * found.half_width(constant), 1e-3)
    assert found.noise < 0.001 + 2 * noise


def test_a_constant_is_named_beyond_doubt_and_from_five_percent():
    """Neither a small change nor a wide interval makes a name."""
    named = [Change("x", percent, width).is_named for percent, width in (
        (24.0, 3.0), (-24.0, 3.0), (4.0, 1.0), (24.0, 30.0), (82.0, 40.0),
    )]  # fmt: skip

    assert named == [True, True, False, False, False]


def test_a_constant_is_told_when_named_or_known_to_a_tenth():
    """Others are listed as not told."""
    told = [Change("x", percent, width).is_told for percent, width in (
        (24.0, 20.0), (1.0, 9.0), (-13.0, 15.0), (82.0, 40.0),
    )]  # fmt: skip

    assert told == [True, True, False, False]


def test_a_named_constant_says_its_interval():
    """The sentence that a user reads."""
    assert str(Change("read latency of ocram", 24.2, 3.0)) == (
        "read latency of ocram: 24 % more than modelled (+21.2 to +27.2 %)"
    )


# --- a whole board, behind a pseudo-terminal -------------------------------------------------


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory):
    """A board with OCRAM's latency up, flash's bus faster and no SDRAM, and its workspace."""
    folder = tmp_path_factory.mktemp("calibrated")
    factors = {OCRAM: 1.24, Constant("bus_period", "flash"): 0.8}
    board = changed_board(board_data("rt1170?clock_hz=800000000"), factors, "changed")
    board["memory"] = [entry for entry in board["memory"] if entry["name"] != "sdram"]
    path = folder / "board.toml"
    path.write_text(board_toml(board), encoding="utf-8")
    workspace = Workspace(folder / "work")
    with served_board(str(path)) as port:
        request = Request(f"serial:{port}", "rt1170", minutes=8, probes=20)
        found = calibrate_board(workspace, request)
    write_bundle(found, workspace, folder / "bundle.zip")
    return found, workspace, folder / "bundle.zip"


@pytest.mark.slow
class TestBoard:
    """What a calibration finds."""

    def test_exactly_the_changed_constants_are_named(self, calibrated):
        """By how much, too."""
        named = {change.what: change.percent for change in calibrated[0].calibration.named}

        assert set(named) == {"read latency of ocram", "bus period of flash"}
        assert named["bus period of flash"] == pytest.approx(-20, abs=1)

    def test_the_clock_is_taken_from_the_board(self, calibrated):
        """It is the first finding."""
        assert findings(calibrated[0].calibration)[0].startswith("core clock: -19.7 %")

    def test_probes_that_were_not_fitted_agree(self, calibrated):
        """The calibrated virtual board predicts them better than the file did."""
        held_out = calibrated[0].calibration.held_out

        assert held_out.calibrated_mape_percent < min(0.5, held_out.mape_percent)

    def test_the_surrogate_is_moved(self, calibrated):
        """It is near on blocks that it did not learn from, and lies in the workspace."""
        found, _, _ = calibrated

        assert found.calibration.transfer.checks.transfer.mape_percent < 6
        assert (found.artefact / "artefact.json").is_file()

    def test_the_board_file_describes_the_board(self, calibrated):
        """Its misses cost what those of the changed board cost."""
        told = tomllib.loads(calibrated[0].board)

        parse_board(told)
        board = changed_board(board_data("rt1170?clock_hz=800000000"), {OCRAM: 1.24}, "x")
        assert miss_cycles(told, "ocram") == pytest.approx(miss_cycles(board, "ocram"), rel=0.01)

    def test_the_page_names_operators_and_memories(self, calibrated):
        """Markdown with a table."""
        calibration = calibrated[0].calibration
        page = markdown(calibration)

        for error in calibration.errors:
            assert f"| {error.op} | {error.activations} | {error.weights} |" in page
        assert {"conv", "pwconv", "dwconv"} <= {error.op for error in calibration.errors}
        assert "## What differs" in page

    def test_a_bundle_is_installed_elsewhere(self, calibrated, tmp_path):
        """Board file and surrogate are found in another workspace."""
        opened = read_bundle(calibrated[2], Workspace(tmp_path))

        assert opened.identity["board"] == "changed"
        assert {change.what for change in opened.constants if change.is_named} == {
            "read latency of ocram", "bus period of flash",
        }  # fmt: skip
        assert opened.artefact is not None
        assert opened.artefact.parent == tmp_path / "artefacts"
        assert opened.board == tmp_path / "boards" / "rt1170_cal.toml"

    def test_the_command_reads_a_bundle(self, calibrated, tmp_path):
        """As text and as JSON."""
        call = ["calibrate", "--read", str(calibrated[2]), "--workspace", str(tmp_path)]

        text = CliRunner().invoke(main, call)
        parsed = json.loads(CliRunner().invoke(main, [*call, "--json"]).stdout)

        assert text.exit_code == 0, text.output
        assert "- bus period of flash: 20 % less than modelled" in text.output
        assert set(parsed) == {"identity", "named", "misses", "board", "artefact"}

    def test_a_bundle_is_the_same_bytes_twice(self, calibrated, tmp_path):
        """No time is in it but the date of the measurement."""
        found, workspace, path = calibrated
        write_bundle(found, workspace, tmp_path / "again.zip")

        assert (tmp_path / "again.zip").read_bytes() == path.read_bytes()

    def test_a_foreign_surrogate_is_refused(self, calibrated, tmp_path):
        """Arrays that do not belong to their description are no surrogate."""
        path = _rewritten(calibrated[2], tmp_path, {"arrays.bin": b"x"})

        with pytest.raises(ArtefactError, match="does not belong"):
            read_bundle(path, Workspace(tmp_path / "w"))


def _rewritten(path, folder, changes, method=zipfile.ZIP_DEFLATED):
    """A bundle with some files changed or added."""
    with zipfile.ZipFile(path) as bundle:
        files = {name: bundle.read(name) for name in bundle.namelist()} | changes
    changed = folder / "changed.zip"
    with zipfile.ZipFile(changed, "w", method) as bundle:
        for name, data in files.items():
            bundle.writestr(name, data)
    return changed


# --- bundles from strangers -------------------------------------------------------------------

REPORT = {
    "format": "hwprof-calibration",
    "format_version": 1,
    "identity": {"board": "rt1170"},
    "constants": [{"what": "read latency of ocram", "percent": 24.0, "half_width_percent": 3.0}],
    "misses": [],
}


@pytest.fixture
def bundle(tmp_path):
    """A bundle without a surrogate."""
    path = tmp_path / "bundle.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("calibration.json", json.dumps(REPORT))
        file.writestr("board.toml", board_toml(RT1170))
    return path


@pytest.mark.parametrize("name", ["../../evil.toml", "sitecustomize.py"])
def test_a_bundle_with_files_of_its_own_is_refused(bundle, tmp_path, name):
    """Names that hwprof does not write are not even read."""
    path = _rewritten(bundle, tmp_path, {name: b"x"})

    with pytest.raises(ConfigurationError, match="its files are"):
        read_bundle(path, Workspace(tmp_path / "w"))
    assert not (tmp_path / "w").exists()


def test_a_bundle_whose_files_swell_is_refused(bundle, tmp_path):
    """A few kilobytes of zip do not become gigabytes of memory."""
    path = _rewritten(bundle, tmp_path, {"board.toml": b" " * (8 << 20)})

    with pytest.raises(ConfigurationError, match=r"board\.toml has more than 262,144 bytes"):
        read_bundle(path, Workspace(tmp_path / "w"))


@pytest.mark.parametrize(
    ("part", "content"),
    [
        ("calibration.json", b"{}"),
        ("calibration.json", b"[]"),
        ("calibration.json", b"\xff"),
        ("calibration.json", b"[" * 100_000),
        ("board.toml", b"format = 2"),
        ("board.toml", b"="),
    ],
)
def test_a_bundle_with_a_broken_part_is_one_sentence(bundle, tmp_path, part, content):
    """Whatever is wrong, the way out is the same."""
    path = _rewritten(bundle, tmp_path, {part: content})

    with pytest.raises(ConfigurationError, match="ask its owner for it again"):
        read_bundle(path, Workspace(tmp_path / "w"))


def test_control_characters_are_not_printed(bundle, tmp_path):
    """A name cannot drive the reader's terminal."""
    report = {**REPORT, "identity": {"board": "\x1b[2J"}}
    path = _rewritten(bundle, tmp_path, {"calibration.json": json.dumps(report).encode()})

    with pytest.raises(ConfigurationError, match="characters that print"):
        read_bundle(path, Workspace(tmp_path / "w"))


@pytest.mark.parametrize("percent", [10**400, math.nan, math.inf, "24", True, None])
def test_a_constant_that_is_no_number_is_refused(bundle, tmp_path, percent):
    """Python's own floats and JSON's are wider than what a fit gives."""
    report = {**REPORT, "constants": [{**REPORT["constants"][0], "percent": percent}]}
    path = _rewritten(bundle, tmp_path, {"calibration.json": json.dumps(report).encode()})

    with pytest.raises(ConfigurationError, match="percent is no number"):
        read_bundle(path, Workspace(tmp_path / "w"))


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_other_compression_is_not_undone(bundle, tmp_path, method):
    """A dictionary of LZMA is as large as the file says."""
    path = _rewritten(bundle, tmp_path, {}, method)

    with pytest.raises(ConfigurationError, match="stored or deflated"):
        read_bundle(path, Workspace(tmp_path / "w"))


def test_a_bundle_replaces_nothing(bundle, tmp_path):
    """A second look is welcome, another board under the same name is not."""
    workspace = Workspace(tmp_path / "w")
    board = read_bundle(bundle, workspace).board
    assert read_bundle(bundle, workspace).board == board
    board.write_text("mine")

    with pytest.raises(ConfigurationError, match=r"rt1170\.toml is there with other content"):
        read_bundle(bundle, workspace)
    assert board.read_text() == "mine"


def test_a_workspace_that_takes_no_files_is_one_sentence(bundle, tmp_path):
    """A file stands where a folder should."""
    (tmp_path / "boards").touch()

    with pytest.raises(ConfigurationError, match="cannot be written"):
        read_bundle(bundle, Workspace(tmp_path))


# --- bad input -------------------------------------------------------------------------------


def test_a_file_that_is_no_zip_is_refused(tmp_path):
    """Exit code 2 and a sentence."""
    path = tmp_path / "bundle.zip"
    path.write_bytes(b"no zip")

    result = CliRunner().invoke(main, ["calibrate", "--read", str(path)])

    assert result.exit_code == 2
    assert "is the zip that hwprof calibrate writes" in result.output


def test_a_bundle_without_its_report_is_refused(tmp_path):
    """An empty zip lacks what every bundle has."""
    path = tmp_path / "bundle.zip"
    zipfile.ZipFile(path, "w").close()

    with pytest.raises(ConfigurationError, match=r"board\.toml is missing"):
        read_bundle(path, Workspace(tmp_path))


def test_a_board_that_is_not_there_is_refused(tmp_path):
    """Nothing is written before the board answered."""
    with pytest.raises(LinkError, match="cannot be opened"):
        calibrate_board(Workspace(tmp_path / "w"), Request("serial:/dev/hwprof-none"))
    assert not (tmp_path / "w").exists()


def test_too_few_probes_are_refused():
    """Constants are not guessed from less than there are."""
    check_enough(probes=19, constants=17)

    with pytest.raises(ConfigurationError, match="the board ran 9 of them; give it more --minutes"):
        check_enough(probes=9, constants=17)


def test_a_board_without_a_surrogate_says_so(tmp_path):
    """Constants are named all the same; the reason takes the surrogate's place."""
    data = board_data("stm32h743")
    nominal = Nominal(data, "simd", "exact", probes=(), programs=())

    moved, artefact, reason = _transfer(
        Workspace(tmp_path), Request("virtual:stm32h743"), "stm32h743", nominal
    )

    assert (moved, artefact) == (None, None)
    assert "stm32h743" in reason
