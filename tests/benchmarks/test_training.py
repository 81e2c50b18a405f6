"""The programs that print what training reaches, on pictures drawn here."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from hwprof.networks import person_detector
from hwprof.search.training.seed import fresh
from hwprof.testing.pictures import draw_coco_set

BENCHMARKS = Path(__file__).resolve().parent.parent.parent / "benchmarks"


def _run(program, *options: object):
    return subprocess.run(
        [sys.executable, BENCHMARKS / program, *map(str, options)],
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.fixture
def data(tmp_path):
    """Four pictures to train on and four to look at."""
    return draw_coco_set(tmp_path / "data", train=4, val=4)


@pytest.mark.slow
def test_recipe_table_has_a_line_for_each_training(data, tmp_path):
    """Nothing, the head and everything trained: precision, seconds, difference; then kept."""
    weights = tmp_path / "seed.pt"
    torch.save(fresh(person_detector(), seed=0).state_dict(), weights)
    options = ("--data", data, "--weights", weights, "--work", tmp_path / "work")

    done = _run("training_recipe.py", *options, "--epochs", 1, 2, "--whole-epochs", 1)

    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()[2:]]
    assert [row[:2] for row in rows] == [
        ["nothing", "0"], ["head", "1"], ["head", "2"], ["everything", "1"],
    ]  # fmt: skip
    assert all(0 <= float(row[2]) <= 1 for row in rows)
    assert rows[2][-1] == "reference"


@pytest.mark.parametrize("program", ["training_recipe.py", "detector_accuracy.py"])
def test_missing_data_is_one_sentence(program, tmp_path):
    """A folder that is none ends with exit code 2 and what to give."""
    done = _run(program, "--data", tmp_path / "none", "--weights", tmp_path / "none.pth")

    assert done.returncode == 2
    assert re.search(r"error: .*(is none|No such file)", done.stderr)
    assert "Traceback" not in done.stderr
