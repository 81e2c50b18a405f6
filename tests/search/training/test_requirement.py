"""What training needs is asked for before anything is imported."""

from __future__ import annotations

import subprocess
import sys

import pytest

from hwprof.errors import ConfigurationError
from hwprof.search.training.requirement import require_training


def test_installed_packages_are_enough() -> None:
    """Nothing is raised where the extra is installed, as it is for these tests."""
    require_training()


def test_missing_packages_are_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without PyTorch the sentence names it and the extra."""
    monkeypatch.setitem(sys.modules, "torch", None)

    with pytest.raises(ConfigurationError, match=r"training needs PyTorch.*'hwprof\[train\]'"):
        require_training()


@pytest.mark.parametrize("module", ["recipe", "requirement"])
def test_what_others_read_needs_no_torch(module: str) -> None:
    """A study stores recipes without PyTorch, and pycocotools, being loaded."""
    program = f"import sys, hwprof.search.training.{module}; print(*sys.modules)"

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert {"torch", "pycocotools", "PIL"}.isdisjoint(done.stdout.split())
