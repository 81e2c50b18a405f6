"""The fidelity benchmark reads a stranger's table: rows it cannot compare are named."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).resolve().parent.parent.parent / "benchmarks" / "fidelity"
COLUMNS = (
    "id,model,model_file,layer_or_network,macs,board,clock_mhz,runtime,kernel_match,"
    "latency_ms,notes"
)
KIN = "KIN,some network,,network,1000,NUCLEO-H7A3ZI-Q,280,CMSIS-NN,other kernels,3.5,"
LAYER = "LAYER,one layer,,L1 conv 1x1 8->16 (4),2048,NUCLEO-H743ZI,400,CMSIS-NN,other kernels,0.05,"
STRANGE = "STRANGE,another network,,network,1000,NUCLEO-H743ZI,400,CMSIS-NN,other kernels,3.5,"


@pytest.fixture
def compare(tmp_path):
    """Run the benchmark on a table of some lines."""
    (tmp_path / "published").mkdir()

    def run(*lines: str, options=("--json",)):
        table = tmp_path / "published" / "measurements.csv"
        table.write_text("\n".join(lines), encoding="utf-8")
        command = [sys.executable, BENCHMARK, "--shared-data", tmp_path, "--workers", "1"]
        return subprocess.run(
            [*command, "--timing", "pipeline", *options],
            check=False,
            capture_output=True,
            text=True,
        )

    return run


def test_a_row_without_a_board_is_named_and_the_others_are_compared(compare):
    """A chip that has no board file stops nobody."""
    done = compare(COLUMNS, KIN, LAYER)
    report = json.loads(done.stdout)

    assert [row["id"] for row in report["rows"]] == ["LAYER"]
    assert [(row["id"], row["failed"]) for row in report["left_out"]] == [("KIN", False)]
    assert "no board: 'NUCLEO-H7A3ZI-Q'" in report["left_out"][0]["reason"]


def test_a_network_that_cannot_be_built_fails_by_itself(compare):
    """Its row is named with the reason, and the exit status is 1."""
    done = compare(COLUMNS, STRANGE, options=())

    assert done.returncode == 1
    assert "STRANGE" in done.stdout
    assert "left out: row STRANGE names 'another network'" in done.stdout


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (("name,cycles", "a,1"), "must have columns id, model"),
        ((), "must have columns id, model"),
        ((COLUMNS, KIN.replace(",3.5,", ",soon,")), "latency_ms is a number above 0; got 'soon'"),
        ((COLUMNS, KIN.replace(",1000,", ",-4,")), "macs is a number above 0; got '-4'"),
        ((COLUMNS, "KIN,some network"), "macs is a number above 0; got ''"),
    ],
)
def test_a_table_that_is_none_is_one_sentence(compare, lines, sentence):
    """Rule, value and line; never a traceback."""
    done = compare(*lines)

    assert done.returncode == 2
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_row_is_taken_apart_by_kind_of_operator(tmp_path):
    """Cycles, instructions and misses of the model, and what would close the gap."""
    (tmp_path / "published").mkdir()
    table = tmp_path / "published" / "measurements.csv"
    table.write_text(f"{COLUMNS}\n{LAYER}", encoding="utf-8")
    command = [sys.executable, BENCHMARK / "layers.py", "--shared-data", tmp_path]

    done = subprocess.run([*command, "LAYER"], check=False, capture_output=True, text=True)
    unknown = subprocess.run([*command, "NONE"], check=False, capture_output=True, text=True)

    lines = {line.split("  ")[0]: line.split() for line in done.stdout.splitlines()}
    assert lines["conv 1x1"][2] == lines["all"][1] == "2,048"
    assert "for each instruction" in done.stdout
    assert (unknown.returncode, unknown.stderr) == (
        2,
        "Error: no published row is called 'NONE'; see the table.\n",
    )
