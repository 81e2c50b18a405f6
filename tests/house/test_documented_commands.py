"""What the documents tell a reader to type works as typed."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from .conftest import CHECKOUT

RUNNER = CHECKOUT / "scripts/run_documented_commands.py"
DOCUMENTS = sorted([*CHECKOUT.glob("*.md"), *CHECKOUT.glob("docs/*.md")])
EXAMPLES = sorted((CHECKOUT / "examples").glob("*.py"))
FENCE = "```"


@pytest.fixture(scope="module")
def runner() -> ModuleType:
    """The runner as a module."""
    spec = importlib.util.spec_from_file_location("run_documented_commands", RUNNER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _console(*lines: str, after: str = "") -> str:
    return "\n".join([f"{FENCE}console", *lines, FENCE, after, ""])


def test_commands_are_the_lines_with_a_dollar(runner: ModuleType) -> None:
    """Lines that begin with a dollar are commands; the others are their output."""
    text = _console("$ echo one", "one", "$ echo two")

    assert [c.text for c in runner.documented_commands(text)] == ["$ echo one", "$ echo two"]


def test_exempt_block_is_not_run(runner: ModuleType) -> None:
    """A block that says why it is not run yields no command; the next one does."""
    text = _console("$ false", after="<!-- not run: it fails -->") + _console("$ true")

    assert [c.text for c in runner.documented_commands(text)] == ["$ true"]


def test_failing_command_fails_the_document(
    runner: ModuleType, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The first command that fails ends the run, and its output is shown."""
    document = tmp_path / "document.md"
    document.write_text(_console("$ echo because && exit 3", "$ touch never"))

    assert runner.main([str(document)]) == 1
    assert "exit status 3 of: $ echo because && exit 3\nbecause" in capfd.readouterr().out


def test_commands_share_one_folder(runner: ModuleType, tmp_path: Path) -> None:
    """A later block finds what an earlier one made."""
    document = tmp_path / "document.md"
    python = f"{FENCE}python\nassert open('made').read() == 'x'\n{FENCE}\n"
    document.write_text(_console("$ printf x > made") + python)

    assert runner.main([str(document)]) == 0


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    """Every relative link of a document names a file of the repository."""
    targets = re.findall(r"\]\(([^)#\s]+)", document.read_text(encoding="utf-8"))
    relative = [target for target in targets if "://" not in target]

    assert [t for t in relative if not (document.parent / t).exists()] == []


@pytest.mark.slow
def test_readme_does_what_it_says(tmp_path: Path) -> None:
    """Every command and every program in the README runs in an empty folder."""
    done = subprocess.run(
        [sys.executable, RUNNER, CHECKOUT / "README.md"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_there_are_examples() -> None:
    """The examples folder holds programs."""
    assert EXAMPLES


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs(example: Path, tmp_path: Path) -> None:
    """An example runs as it is, in an empty folder, and prints something."""
    done = subprocess.run(
        [sys.executable, example],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "HWPROF_WORKSPACE": str(tmp_path / "work")},
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout
