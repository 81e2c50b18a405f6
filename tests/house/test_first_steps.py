"""What stands before the first install: the Makefile's helper, the links, the bounds."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .conftest import CHECKOUT, ROOMS

PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
REQUIREMENTS = [
    *map(Requirement, PROJECT["dependencies"]),
    *map(Requirement, PROJECT["optional-dependencies"]["dev"]),
]


def _constraints() -> dict[str, str]:
    lines = (CHECKOUT / "constraints.txt").read_text().splitlines()
    pins = (line.split("==") for line in lines if not line.startswith("#"))
    return {canonicalize_name(name): version for name, version in pins}


@pytest.fixture
def make_venv(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The Makefile's helper as a module, in the checkout."""
    monkeypatch.chdir(CHECKOUT)
    file = CHECKOUT / "scripts/make_venv.py"
    spec = importlib.util.spec_from_file_location("make_venv", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_this_python_is_no_obstacle(make_venv: ModuleType) -> None:
    """A new enough Python with venv in a whole checkout is accepted."""
    assert make_venv.obstacle() == ""


def test_old_python_is_refused(make_venv: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python that is too old is refused with its version and the way to name another."""
    monkeypatch.setattr(sys, "version_info", (3, 9, 2, "final", 0))

    assert make_venv.obstacle() == (
        f"hwprof needs Python 3.11 or newer and {sys.executable} is 3.9.2; "
        "name another one, as in: make demo PYTHON=python3.12"
    )


def test_missing_venv_is_refused(make_venv: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python without ensurepip, as Debian ships it, is refused with the package to install."""
    monkeypatch.setitem(sys.modules, "ensurepip", None)

    assert make_venv.obstacle().endswith(
        "cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv"
    )


def test_makefile_says_which_python_is_missing() -> None:
    """Without any Python the Makefile says what to install."""
    done = subprocess.run(
        ["make", "demo", "PYTHON=no-such-python", "VENV=no-such-venv"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode != 0
    assert "hwprof needs Python 3.11 or newer and found no no-such-python" in done.stderr


@pytest.mark.parametrize("room", ROOMS)
def test_room_is_a_relative_link(room: str) -> None:
    """Each room is linked into the import root by a path that any clone has."""
    assert (CHECKOUT / "src/hwprof" / room).readlink() == Path("../..") / room


def test_every_folder_of_modules_is_a_package() -> None:
    """A folder that holds modules has an __init__.py, without which it would not be packaged."""
    roots = [CHECKOUT / "src/hwprof", *(CHECKOUT / room for room in ROOMS)]
    folders = {file.parent for root in roots for file in root.rglob("*.py")}

    assert [folder for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_no_module_shadows_the_profile_module() -> None:
    """No file is called profile.py, the name of a module of the standard library."""
    assert list(CHECKOUT.glob("*/**/profile.py")) == []


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=lambda r: r.name)
def test_dependency_is_bounded_on_both_sides(requirement: Requirement) -> None:
    """Every dependency says the oldest version that serves and the first that might not."""
    operators = {specifier.operator for specifier in requirement.specifier}

    assert operators == {">=", "<"}


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=lambda r: r.name)
def test_tested_version_is_within_the_bounds(requirement: Requirement) -> None:
    """The version in constraints.txt is one that pyproject.toml allows."""
    if requirement.marker is None or requirement.marker.evaluate():
        version = _constraints()[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version)


def test_changelog_and_package_agree() -> None:
    """The package's version is the changelog's newest, or the one being prepared above it."""
    changelog = (CHECKOUT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## \[(.+?)\]", changelog, re.MULTILINE)

    assert headings[0] in {"Unreleased", PROJECT["version"]}


SKIPPING = """
import pytest

def test_skips():
    pytest.skip("for no good reason")

@pytest.mark.board
def test_needs_a_board():
    pytest.fail("was run")
"""


@pytest.mark.parametrize(
    ("select", "status"), [("test_skips", 1), ("test_needs_a_board", 0), ("test_", 1)]
)
def test_no_skips_forbids_all_but_boards(select: str, status: int, tmp_path: Path) -> None:
    """With --no-skips a skipped test fails the run unless it needs a board."""
    (tmp_path / "conftest.py").write_text((CHECKOUT / "tests/conftest.py").read_text())
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n  board: b\n  cross_compiler: c\n")
    (tmp_path / "test_it.py").write_text(SKIPPING)

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--no-skips", "-k", select],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == status, done.stdout
