"""A copy of the checkout, and what is built from it, made once a session without an index."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
ROOMS = ("firmware_stub", "luts", "profiler", "search", "surrogates")
_NOT_COPIED = shutil.ignore_patterns(
    ".*", "__pycache__", "*.egg-info", "build", "dist", "hwprof-work", "tests", "shared"
)


@dataclass(frozen=True, slots=True)
class Distributions:
    """What the build made: the wheel of the checkout, the sdist, and the sdist's own wheel."""

    wheel: Path
    sdist: Path
    wheel_of_sdist: Path


@dataclass(frozen=True, slots=True)
class Environment:
    """A fresh virtual environment that borrows the libraries of the one running the tests."""

    folder: Path

    @classmethod
    def create(cls, folder: Path) -> Environment:
        """Make it; a .pth file lends the libraries, and no editable hwprof comes through one."""
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        site_packages = folder / "lib" / version / "site-packages"
        (site_packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
        return cls(folder)

    def install(self, *what: str | Path) -> None:
        """Install without an index and without dependencies."""
        pip = [sys.executable, "-m", "pip", "--python", self.folder / "bin/python", "install"]
        run([*pip, "--quiet", "--no-index", "--no-deps", "--no-build-isolation", *what])

    def run(self, program: str, *arguments: str, cwd: Path | None = None) -> str:
        """Standard output of one of the environment's programs."""
        return run([self.folder / "bin" / program, *arguments], cwd=cwd or self.folder)


def run(command: list[str | Path], cwd: Path | None = None) -> str:
    """Standard output of a command that must succeed."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(source: Path, target: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the build front end without an index."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", target, *options]
    return subprocess.run(
        [*command, source], capture_output=True, text=True, check=False, cwd=source
    )


def copy_checkout(target: Path) -> Path:
    """Copy what a clone would hold, links as links."""
    shutil.copytree(CHECKOUT, target, symlinks=True, ignore=_NOT_COPIED)
    return target


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Distributions:
    """Wheel, sdist, and wheel built from the unpacked sdist."""
    folder = tmp_path_factory.mktemp("distributions")
    source = copy_checkout(folder / "checkout")
    for option in ("--wheel", "--sdist"):
        done = build(source, folder / "direct", option)
        assert done.returncode == 0, done.stdout + done.stderr
    (sdist,) = (folder / "direct").glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    done = build(unpacked, folder / "indirect", "--wheel")
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = (folder / "direct").glob("*.whl")
    (wheel_of_sdist,) = (folder / "indirect").glob("*.whl")
    return Distributions(wheel, sdist, wheel_of_sdist)
