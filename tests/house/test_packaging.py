"""Wheel, sdist and editable install hold the rooms that stand behind symbolic links."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from .conftest import CHECKOUT, ROOMS, Distributions, Environment, build, copy_checkout

pytestmark = pytest.mark.slow

IMPORT_EVERY_MODULE = """
import importlib, pkgutil, hwprof
names = [m.name for m in pkgutil.walk_packages(hwprof.__path__, "hwprof.")]
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
print(hwprof.__file__)
print(*names)
"""


def _modules_of_the_checkout() -> set[str]:
    files = [*(CHECKOUT / "src/hwprof").rglob("*.py")]
    for room in ROOMS:
        files += (CHECKOUT / "src/hwprof" / room).rglob("*.py")
    relative = {file.relative_to(CHECKOUT / "src").with_suffix("") for file in files}
    return {".".join(path.parts).removesuffix(".__init__") for path in relative} - {"hwprof"}


def _names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if name.startswith("hwprof/")}


def _assert_imports_everything(environment: Environment) -> None:
    where, names = environment.run("python", "-c", IMPORT_EVERY_MODULE).splitlines()[-2:]
    assert Path(where).is_relative_to(environment.folder)
    assert set(names.split()) == _modules_of_the_checkout()


def test_every_module_of_the_wheel_imports(distributions: Distributions, tmp_path: Path) -> None:
    """The built wheel, installed in a fresh environment, holds and imports every module."""
    environment = Environment.create(tmp_path / "venv")

    environment.install(distributions.wheel)

    _assert_imports_everything(environment)
    assert "0.1.0" in environment.run("hwprof", "--version")


def test_wheel_of_the_sdist_is_the_wheel(distributions: Distributions) -> None:
    """Building from the sdist gives the files that building from the checkout gives."""
    assert _names(distributions.wheel_of_sdist) == _names(distributions.wheel)


def test_editable_install_reaches_the_rooms(tmp_path: Path) -> None:
    """An editable install imports every module through the links."""
    source = copy_checkout(tmp_path / "venv" / "checkout")
    environment = Environment.create(tmp_path / "venv")

    environment.install("--editable", source)

    _assert_imports_everything(environment)


@pytest.mark.parametrize(
    "pattern",
    ["firmware_stub/boards/*.toml", "firmware_stub/cores/*.toml", "firmware_stub/images/*"],
)
def test_wheel_ships_the_instrument_s_data(distributions: Distributions, pattern: str) -> None:
    """Machine descriptions and firmware images are in the wheel, so a user builds nothing."""
    expected = {f"hwprof/{file.relative_to(CHECKOUT)}" for file in CHECKOUT.glob(pattern)}

    assert expected
    assert expected <= _names(distributions.wheel)


def test_wheel_ships_the_fitted_artefacts(distributions: Distributions) -> None:
    """Surrogates and tables are in the wheel, so the first prediction needs no board."""
    files = [file for file in (CHECKOUT / "luts/data").rglob("*") if file.is_file()]

    assert files
    assert {f"hwprof/{file.relative_to(CHECKOUT)}" for file in files} <= _names(distributions.wheel)


def test_wheel_is_typed_and_licensed(distributions: Distributions) -> None:
    """The wheel carries py.typed, LICENSE and NOTICE."""
    with zipfile.ZipFile(distributions.wheel) as archive:
        names = {Path(name).name for name in archive.namelist()}

    assert {"py.typed", "LICENSE", "NOTICE"} <= names


def test_sdist_holds_the_firmware_s_sources(distributions: Distributions) -> None:
    """Every C source, header, assembly file and linker script is in the sdist."""
    kinds = {".c", ".h", ".S", ".mk"}
    sources = {
        f"src/hwprof/{file.relative_to(CHECKOUT)}"
        for file in (CHECKOUT / "firmware_stub").rglob("*")
        if file.suffix in kinds
    }

    with tarfile.open(distributions.sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    assert sources
    assert sources <= names


def _without_links(target: Path) -> Path:
    """A checkout as git leaves it where it may not make links: small files with the target."""
    source = copy_checkout(target)
    for room in ROOMS:
        link = source / "src/hwprof" / room
        text = str(link.readlink())
        link.unlink()
        link.write_text(text)
    return source


def test_build_refuses_a_checkout_without_links(tmp_path: Path) -> None:
    """A build from a checkout without symbolic links stops with the way out."""
    done = build(_without_links(tmp_path / "checkout"), tmp_path / "dist", "--wheel")

    assert done.returncode != 0
    assert "clone again with 'git clone -c core.symlinks=true'" in done.stdout + done.stderr


def test_make_refuses_a_checkout_without_links(tmp_path: Path) -> None:
    """The Makefile's first step refuses a checkout without symbolic links in one sentence."""
    source = _without_links(tmp_path / "checkout")

    done = subprocess.run(
        [sys.executable, "scripts/make_venv.py", tmp_path / "venv"],
        cwd=source,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        (
            "src/hwprof must hold symbolic links and this checkout has none; "
            "clone again with: git clone -c core.symlinks=true"
        )
    ]
