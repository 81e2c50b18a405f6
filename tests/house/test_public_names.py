"""The names that ``import hwprof`` promises are the names it has, and it stays light."""

from __future__ import annotations

import subprocess
import sys

import pytest

import hwprof

HEAVY = (
    "capstone", "numba", "numpy", "onnx", "onnxruntime", "optuna", "pandas", "scipy", "serial",
    "sklearn", "sqlalchemy", "torch", "unicorn", "xgboost",
)  # fmt: skip


@pytest.mark.parametrize("name", hwprof.__all__)
def test_public_name_exists(name: str) -> None:
    """Every name in __all__ can be imported."""
    assert getattr(hwprof, name) is not None


def test_public_names_are_sorted_and_listed() -> None:
    """dir() lists exactly the public names, each once, in order."""
    assert dir(hwprof) == sorted(set(hwprof.__all__)) == list(hwprof.__all__)


def test_type_checkers_see_the_public_names() -> None:
    """The lazy table and the imports for type checkers name the same things."""
    source = hwprof.__spec__.loader.get_source("hwprof")
    static = source.partition("if TYPE_CHECKING:")[2].partition("\n# ")[0]

    imported = {
        name.strip()
        for line in static.splitlines()
        if " import " in line
        for name in line.partition(" import ")[2].split(",")
    }

    assert imported == set(hwprof.__all__)


def test_unknown_name_is_an_attribute_error() -> None:
    """A name that hwprof does not have fails as in any module."""
    with pytest.raises(AttributeError, match="module 'hwprof' has no attribute 'predict_latecy'"):
        _ = hwprof.predict_latecy


@pytest.mark.parametrize("statement", ["import hwprof", "import hwprof.cli"])
def test_import_loads_nothing_heavy(statement: str) -> None:
    """Importing the package or its command line loads no library that takes time."""
    program = f"import sys; {statement}; print(*sys.modules)"

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert set(HEAVY).isdisjoint(done.stdout.split())


def test_prediction_needs_no_emulator() -> None:
    """The module that predicts is imported without the GPL-licensed emulator or its helpers."""
    program = "import sys; from hwprof import predict_latency; print(*sys.modules)"

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert {"unicorn", "capstone", "numba", "onnxruntime"}.isdisjoint(done.stdout.split())
