"""The command line does what a user types, and answers a mistake with one sentence and exit 2."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hwprof.architecture import block_architecture
from hwprof.blocks import BlockConfig
from hwprof.cli import main
from hwprof.firmware_stub.virtual.board_files import BOARDS

Run = Callable[..., Result]
SMALL = BlockConfig.of("shufflev2", [(8, 8, 16)], stride=1, c_out=16)
PROFILE_FIELDS = {
    "model", "target", "board", "clock_hz", "kernels", "scheme", "placement", "kind", "cycles",
    "latency_us", "macs", "peak_ram_bytes", "flash_bytes", "firmware_sha256", "timing_model",
    "cache_state", "layers",
}  # fmt: skip
LAYER_FIELDS = {
    "name", "op", "macs", "cycles", "latency_us", "instructions", "stall_cycles", "read_misses",
    "write_misses", "write_backs", "fetch_misses",
}  # fmt: skip
PREDICT_FIELDS = {
    "model", "target", "board", "kernels", "scheme", "placement", "timing_model", "kind",
    "latency_us", "low_us", "high_us", "interval_level", "covered_macs_percent", "blocks",
}  # fmt: skip
FIT_FIELDS = {
    "n", "model", "mape_percent", "within_5_percent", "within_10_percent", "spearman", "kendall",
}  # fmt: skip


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Calls ``hwprof`` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HWPROF_WORKSPACE", raising=False)

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments)

    return call


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A small block as an ONNX file."""
    from hwprof.onnx_io import write_onnx

    path = tmp_path / "small.onnx"
    write_onnx(block_architecture(SMALL).graph(), path)
    return path


def assert_refused(result: Result, sentence: str) -> None:
    """A mistake: exit code 2, one sentence, no traceback."""
    assert result.exit_code == 2, result.output
    assert sentence in result.output
    assert "Traceback" not in result.output


def test_samples_as_json(run: Run, tmp_path: Path) -> None:
    """``hwprof sample --json`` says what was drawn how, and where it lies."""
    result = run("sample", "--block", "fc", "--block", "pool", "--count", "3", "--json")

    said = json.loads(result.stdout)
    assert {name: said[name] for name in ("count", "method", "seed")} == {
        "count": 3,
        "method": "low-discrepancy",
        "seed": 0,
    }
    assert [sample["block_type"] for sample in said["samples"]] == ["fc", "pool"]
    for sample in said["samples"]:
        assert len(list((tmp_path / sample["folder"]).glob("*.onnx"))) == sample["count"] == 3


def test_the_users_two_lines_end_in_a_fitted_surrogate(run: Run, tmp_path: Path) -> None:
    """``hwprof sample --block shufflev2`` and ``hwprof fit`` in an empty folder."""
    sampled = run("sample", "--block", "shufflev2", "--count", "24")
    fitted = run("fit", "--json", "--workers", "1")

    assert sampled.exit_code == 0, sampled.output
    assert fitted.exit_code == 0, fitted.output
    scores = json.loads(fitted.stdout)["block_types"]["shufflev2"]
    assert set(scores) >= FIT_FIELDS
    assert scores["n"] == 24
    assert scores["mape_percent"] < scores["baselines"]["macs"]["mape_percent"]
    assert list((tmp_path / "hwprof-work" / "artefacts").iterdir())


def test_profile_prints_the_documented_object(run: Run, model: Path) -> None:
    """Layers add up to the whole, and the number says that it is modelled."""
    result = run("profile", str(model), "--json")
    report = json.loads(result.stdout)

    assert set(report) >= PROFILE_FIELDS
    assert report["kind"] == "modelled"
    assert sum(layer["cycles"] for layer in report["layers"]) == report["cycles"]
    assert all(set(layer) == LAYER_FIELDS for layer in report["layers"])
    assert all(0 <= layer["stall_cycles"] < layer["cycles"] for layer in report["layers"])
    assert (report["timing_model"], report["cache_state"]) == ("exact-3", "cold")


def test_profile_counts_the_core_alone_where_that_is_asked(run: Run, model: Path) -> None:
    """Pipeline timing waits for no memory, is faster, and says so."""
    exact = json.loads(run("profile", str(model), "--json").stdout)
    report = json.loads(run("profile", str(model), "--json", "--timing", "pipeline").stdout)
    assert report["timing_model"].startswith("pipeline-")
    assert report["cache_state"] == "none"
    assert {layer["stall_cycles"] for layer in report["layers"]} == {0}
    assert report["cycles"] < exact["cycles"]


def test_a_recorded_command_replays_to_the_same_object(
    run: Run, model: Path, tmp_path: Path
) -> None:
    """The recording stands in for the board, option for option; another option is a difference."""
    recording = str(tmp_path / "line.jsonl")
    measured = json.loads(run("profile", str(model), "--json", "--record", recording).stdout)
    replay = ("profile", str(model), "--json", "--target", f"replay:{recording}")
    replayed = json.loads(run(*replay).stdout)

    counted = LAYER_FIELDS - {"name", "op", "macs", "cycles", "latency_us"}
    for layer in measured["layers"]:
        for name in counted:
            del layer[name]
    assert replayed == measured
    assert_refused(run(*replay, "--cache-state", "warm"), "was recorded otherwise: its line")
    assert_refused(run("profile", str(model), "--record", recording), "choose another name")


def test_several_lines_are_not_recorded(run: Run, tmp_path: Path) -> None:
    """One recording is of one line."""
    recording = tmp_path / "line.jsonl"
    assert_refused(
        run("profile", "--record", str(recording), "--workers", "2"), "one line can be recorded"
    )
    for several in (("--plan",), ("--adaptive", "20")):
        refused = run("profile", "--record", str(recording), *several)
        assert_refused(refused, "opens the line again and again")
    assert not recording.exists()


def test_a_warm_run_waits_less(run: Run, model: Path) -> None:
    """What the run before left in the caches is not fetched again."""
    cold, warm = (
        json.loads(run("profile", str(model), "--json", "--cache-state", state).stdout)
        for state in ("cold", "warm")
    )
    assert (cold["cache_state"], warm["cache_state"]) == ("cold", "warm")
    assert warm["cycles"] < cold["cycles"]


def test_predict_prints_the_documented_object(run: Run) -> None:
    """The seed detector is predicted from what ships, block by block, inside its interval."""
    result = run("predict", "person-detector:k=5,g=1,c=96,width=320,aspect=0.8", "--json")
    report = json.loads(result.stdout)

    assert set(report) >= PREDICT_FIELDS
    assert report["kind"] == "predicted"
    assert report["placement"]["weights"] == "flash"
    assert report["low_us"] < report["latency_us"] < report["high_us"]
    assert sum(block["latency_us"] for block in report["blocks"]) == pytest.approx(
        report["latency_us"], rel=0.05
    )


def test_inspect_names_the_bottleneck_and_the_published_figures(run: Run) -> None:
    """The first convolution is the bottleneck; NXP's figures stand beside ours, named published."""
    result = run("inspect", "--json")
    report = json.loads(result.stdout)

    assert report["bottleneck"] == "stem/conv"
    assert {group["name"]: group["macs"] for group in report["groups"]} == {
        "backbone": 48_683_520,
        "head": 29_214_720,
    }
    assert report["published_mflops"] == {"backbone": 97.9, "head": 58.4, "total": 156.4}


def test_search_prints_the_documented_object_and_resumes(run: Run) -> None:
    """A second call with more trials keeps the first ones; winners are run on the board."""
    arguments = ("search", "person-detection", "--budget-ms", "90", "--no-exhaustive", "--json")
    first = json.loads(run(*arguments, "--trials", "6", "--no-verify").stdout)
    second = json.loads(run(*arguments, "--trials", "8").stdout)

    assert (first["trials"], second["trials"]) == (6, 8)
    assert second["space_size"] == 91_184
    assert second["seed_network"]["task_name"].endswith("proxy")
    assert (first["board_kind"], second["board_kind"]) == (None, "modelled")
    assert all(abs(row["predicted_us"] / row["board_us"] - 1) < 0.05 for row in second["pareto"])


def test_export_writes_every_row_with_units(run: Run, tmp_path: Path) -> None:
    """The CSV has the documented columns."""
    run("sample", "--block", "fusion", "--count", "2")
    run("profile", "--workers", "1")
    result = run("export", "rows.csv")

    assert result.exit_code == 0
    lines = (tmp_path / "rows.csv").read_text().splitlines()
    assert len(lines) == 3
    assert {"cycles", "latency_us", "peak_ram_bytes"} <= set(lines[0].split(","))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("sample", "--block", "shuflev2"), "did you mean shufflev2"),
        (
            ("profile", "person-detector", "--target", "virtual:rt1171"),
            "did you mean virtual:rt1170",
        ),
        (("profile", "persn-detector"), "did you mean person-detector"),
        (("predict", "person-detector:k=5,q=2"), "unknown parameter of person-detector 'q'"),
        (("predict", "person-detector:width=240,aspect=0.8"), "width="),
        (("predict", "missing.onnx"), "missing.onnx"),
        (("predict", "person-detector", "--scheme", "tflit"), "did you mean tflite?"),
        (("predict", "person-detector", "--scheme", "symmetric/per-tensor"), "no surrogate"),
        (("predict", "person-detector", "--target", "virtual:rt1060"), "no surrogate"),
        (("predict", "person-detector", "--placement", "weights=tape"), "hwprof fit"),
        (("predict", "person-detector", "--placement", "weigts=flash"), "part=memory"),
        (("profile", "person-detector", "--placement", "activations=tape"), "tape"),
        (("profile", "person-detector", "--kernels", "cmsis"), "unknown kernel library"),
        (("profile",), "run 'hwprof sample' first"),
        (("fit",), "run 'hwprof sample'"),
        (("export",), "no measurement store"),
        (("search", "person-detektion"), "did you mean person-detection"),
        (("search", "--budget-ms", "1", "--trials", "3", "--no-exhaustive"), "raise the budget"),
        (("search", "--budget-ms", "-5"), "got -5 ms; give a larger one"),
        (("search", "--weights", "w.pth"), "trains nothing without --data DIR; got --weights"),
        (("search", "--epochs", "3"), "trains nothing without --data DIR; got --epochs"),
        (("search", "--class", "cat"), "trains nothing without --data DIR; got --class"),
        (("search", "--train-backbone"), "without --data DIR; got --train-backbone"),
        (("search", "--device", "cpu"), "trains nothing without --data DIR; got --device"),
        (("search", "--report-seeds", "5"), "without --data DIR; got --report-seeds"),
    ],
)
def test_a_mistake_is_one_sentence(run: Run, arguments: tuple[str, ...], sentence: str) -> None:
    """The sentence holds the way out, or the nearest names."""
    assert_refused(run(*arguments), sentence)


@pytest.mark.parametrize("command", ["profile", "predict", "inspect"])
def test_a_truncated_file_is_refused(run: Run, model: Path, command: str) -> None:
    """Half an ONNX file is no model."""
    model.write_bytes(model.read_bytes()[:200])

    assert_refused(run(command, str(model)), "cut off, damaged or of another format")


def test_a_mistake_does_not_drive_the_terminal(run: Run) -> None:
    """What does not print is escaped, whosever word it is."""
    result = run("space", "\x1b[31mred.toml")
    assert result.exit_code == 2
    assert "\\x1b[31mred.toml" in result.output
    assert "\x1b" not in result.output


def test_a_model_larger_than_the_memory_is_refused(run: Run) -> None:
    """Both sizes are named before anything is sent."""
    result = run("profile", "person-detector", "--placement", "activations=dtcm")

    assert_refused(result, "dtcm")
    assert "bytes" in result.output


def test_a_foreign_store_is_refused_and_untouched(run: Run, tmp_path: Path) -> None:
    """Another program's database is not written to."""
    run("sample", "--block", "fusion", "--count", "1")
    path = tmp_path / "hwprof-work" / "measurements.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("create table songs (title text)")
    connection.close()
    before = path.read_bytes()

    assert_refused(run("profile", "--workers", "1"), "no hwprof store")
    assert path.read_bytes() == before


class TestTargets:
    """``hwprof targets``."""

    def test_lists_every_board_and_where_parts_lie(self, run: Run):
        """Name, clock, memories, default placement, and what nobody has checked."""
        result = run("targets")

        assert result.exit_code == 0, result.output
        for text in (
            "virtual:rt1060",
            "480.00",
            "4+4",
            "32+32",
            "0x24000000",
            "activations=axisram",
            "serial:",
        ):
            assert text in result.output

    def test_prints_the_documented_object(self, run: Run, tmp_path: Path):
        """One board of one's own as JSON, its known error with it."""
        shipped = (BOARDS / "stm32h743.toml").read_text(encoding="utf-8")
        text, _, _ = shipped.partition("[fidelity]")
        fidelity = "rows = 3\nmedian_error_percent = 9.5\nworst_error_percent = 21.0\ndate = '2026'"
        own = tmp_path / "own.toml"
        own.write_text(
            text.replace('name = "stm32h743"', 'name = "own"') + f"\n[fidelity]\n{fidelity}\n"
        )

        (board,) = json.loads(run("targets", "--json", str(own)).output)["targets"]

        assert (board["name"], board["clock_hz"]) == ("own", 480_000_000)
        assert board["cache_bytes"] == {"instruction": 16384, "data": 16384}
        assert board["fidelity"]["median_error_percent"] == 9.5
        assert {memory["name"] for memory in board["memories"]} >= {"itcm", "dtcm", "axisram"}
        assert not {memory["name"] for memory in board["memories"]} & {"harness"}
        assert "median 9.5 %, worst 21.0 %" in run("targets", str(own)).output

    @pytest.mark.parametrize(
        "swap",
        [
            ('model = "dwt"', "", "needs a peripheral of model dwt at 0xe0001000"),
            ('model = "scs"', "", "needs a peripheral of model scs at 0xe000e000"),
            ('model = "lpuart"', "", "needs a peripheral of model lpuart at 0x4007c000"),
            ('model = "ocotp"', "", "needs a peripheral of model ocotp at 0x40cac000"),
            ('model = "dwt"', 'model = "dwd"', "the model of a peripheral is one of dwt, scs"),
            (
                'core = "cortex_m7"',
                'core = "cortex_m85"',
                "the core of a board is one of cortex_m7",
            ),
            ("core_hz = 480_000_000", "core_hz = 480", "core_hz of [clock] lies between"),
            ("core_hz = 480_000_000", "", "[clock] names core_hz; it is missing"),
            ("size_bytes = 0x4_0000 }", "size_bytes = 0x80_0000 }", "program must fit memory har"),
        ],
    )
    def test_a_file_that_no_model_could_run_on_is_refused(self, run: Run, tmp_path: Path, swap):
        """What a later ``profile`` would fail on, in its words."""
        before, after, sentence = swap
        text = (BOARDS / "stm32h743.toml").read_text(encoding="utf-8")
        assert before in text
        own = tmp_path / "own.toml"
        text = text.replace('name = "stm32h743"', 'name = "own"')
        own.write_text(text.replace(before, after, 1), encoding="utf-8")

        assert_refused(run("targets", str(own)), sentence)
        assert_refused(run("profile", "person-detector", "--target", f"virtual:{own}"), sentence)

    def test_an_unknown_board_is_one_sentence(self, run: Run):
        """The nearest board is named."""
        assert_refused(run("targets", "rt1061"), "did you mean virtual:rt1060")


ADVICE_FIELDS = {
    "model", "target", "kind", "timing_model", "latency_ms", "low_ms", "high_ms", "interval_level",
    "peak_ram_bytes", "macs", "budget_ms", "meets_budget", "accuracy", "alternatives",
    "combination",
}  # fmt: skip


def test_advise_prints_the_documented_object_and_a_space(run: Run, tmp_path: Path) -> None:
    """Every alternative says what it saves; the space that it writes is searched."""
    space = tmp_path / "space.json"
    arguments = ("cifar10-cnn", "--budget-ms", "8", "--emit-space", str(space))
    report = json.loads(run("advise", *arguments, "--json").stdout)
    assert set(report) == ADVICE_FIELDS
    assert all(
        one["saved_low_ms"] <= one["saved_ms"] <= one["saved_high_ms"]
        for one in report["alternatives"]
    )
    found = run("search", str(space), "--no-exhaustive", "--no-verify", "--trials", "5", "--json")
    assert found.exit_code == 0, found.output
    assert json.loads(found.stdout)["seed_network"]["arch"] == "cifar10-cnn"


def test_advise_says_what_it_does_not_know(run: Run) -> None:
    """The table ends with what edits do to accuracy, and marks what meets the budget."""
    result = run("advise", "cifar10-cnn", "--budget-ms", "8", "--top", "3")
    assert result.exit_code == 0, result.output
    assert "accuracy is unknown" in result.output
    assert "(--top, --json)" in result.output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("no-such-network",), "unknown network 'no-such-network'"),
        (("missing.onnx",), "missing.onnx"),
        (("cifar10-cnn", "--budget-ms", "0"), "0.0 is not in the range x>0"),
        (("cifar10-cnn", "--emit-space", "no/folder/space.json"), "cannot write"),
        (("cifar10-cnn", "--placement", "activations=sram9"), "hwprof fit"),
    ],
)
def test_advice_on_nothing_is_refused(run: Run, arguments: tuple[str, ...], sentence: str) -> None:
    """A mistake in the call is one sentence."""
    assert_refused(run("advise", *arguments), sentence)


def test_import_prints_the_documented_object(run: Run, tmp_path: Path) -> None:
    """A table's rows are counted by block type; a second import finds them there."""
    table = tmp_path / "rows.csv"
    table.write_text("op,input_h,input_w,input_c,latency_us,tag\nadd,8,8,4,12.5,a\n", "utf-8")
    arguments = ("import", str(table), "--target", "my-board", "--clock-hz", "480000000")
    first, second = (json.loads(run(*arguments, "--json").stdout) for _ in range(2))

    assert (first["blocks"], first["kind"]) == ({"elementwise": 1}, "measured")
    assert (first["added"], second["added"], second["unchanged"]) == (1, 0, 1)
    assert first["extra_columns"] == ["tag"]
    printed = run(*arguments)
    assert "19 more needed" in printed.output
    assert_refused(run("fit", "--target", "my-board"), "got 1 of elementwise")


def test_an_imported_board_is_asked_for_nothing_that_it_cannot_do(run: Run, tmp_path: Path) -> None:
    """Fit sends nobody to measure a mere name; predict says that its placement is not known."""
    lines = [f"add,{h},{w},4,{100 + 3 * h * w}" for h in range(1, 6) for w in range(1, 6)]
    table = tmp_path / "rows.csv"
    table.write_text("\n".join(["op,input_h,input_w,input_c,cycles", *lines]) + "\n", "utf-8")
    run("import", str(table), "--target", "my-board", "--clock-hz", "480000000")

    fitted = run("fit", "--target", "my-board")
    predicted = run("predict", "mlperf-tiny-ad", "--target", "my-board")

    assert "on a board within reach 'hwprof profile --networks 48'" in fitted.output
    assert "simd kernels, any placement, timing silicon" in predicted.output


def test_import_refuses_a_bad_table(run: Run, tmp_path: Path) -> None:
    """One sentence with the line, exit 2, and no store."""
    table = tmp_path / "rows.csv"
    table.write_text("op,input_h,input_w,input_c,cycles\nadd,8,8,4,-3\n", "utf-8")

    result = run("import", str(table), "--target", "b", "--clock-hz", "480000000")

    assert_refused(result, "line 2 of rows.csv has cycles '-3'")
    assert not (tmp_path / "hwprof-work").exists()


@pytest.mark.parametrize(
    ("curves", "sentence"),
    [(None, "no measurement store"), ("[]", "holds no learning curves")],
)
def test_a_report_on_nothing_is_refused(
    run: Run, tmp_path: Path, curves: str | None, sentence: str
) -> None:
    """Without rows, or with a broken file beside them, there is one sentence and no page."""
    workspace = tmp_path / "hwprof-work"
    workspace.mkdir()
    if curves is not None:
        (workspace / "learning_curves.json").write_text(curves)
    assert_refused(run("report"), sentence)
    assert not (workspace / "report.html").exists()


def test_a_served_board_ends_well_when_it_is_interrupted() -> None:
    """Ctrl-C is how serving ends: it names its port before that, and complains of nothing."""
    with subprocess.Popen(
        [sys.executable, "-c", "from hwprof.cli import main; main()", "board", "serve"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell's job in the background hands an ignored Ctrl-C down to its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    ) as serving:
        try:
            assert serving.stdout is not None
            assert serving.stdout.readline().startswith("serial:/dev/")
            serving.send_signal(signal.SIGINT)
            _, complaint = serving.communicate(timeout=60)
        finally:
            serving.kill()

    assert (serving.returncode, complaint) == (0, "")
