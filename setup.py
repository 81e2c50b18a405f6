"""Refuse a checkout without symbolic links; everything else is said in pyproject.toml."""

from pathlib import Path

from setuptools import setup

ROOMS = ("firmware_stub", "luts", "profiler", "search", "surrogates")

_missing = [room for room in ROOMS if not (Path("src/hwprof") / room / "__init__.py").is_file()]
if _missing:
    raise SystemExit(
        f"src/hwprof/{_missing[0]} must be a symbolic link to ../../{_missing[0]}, and this "
        "checkout has no symbolic links; clone again with 'git clone -c core.symlinks=true' "
        "(on Windows with developer mode on), or install the wheel."
    )

setup()
