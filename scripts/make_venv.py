"""Make .venv for the Makefile, or say in one sentence why it cannot be made.

Usage: make_venv.py VENV_FOLDER. Runs on any Python 3, because its first duty is to refuse old ones.
"""

import importlib.util
import subprocess
import sys
from pathlib import Path

OLDEST = (3, 11)
ROOMS = ("firmware_stub", "luts", "profiler", "search", "surrogates")


def obstacle() -> str:
    """Sentence that says what is missing, or an empty string."""
    found = "{}.{}.{}".format(*sys.version_info[:3])
    if sys.version_info < OLDEST:
        return (
            "hwprof needs Python {}.{} or newer and {} is {}; "
            "name another one, as in: make demo PYTHON=python3.12"
        ).format(*OLDEST, sys.executable, found)
    if not all(map(importlib.util.find_spec, ("venv", "ensurepip"))):
        return (
            "{} (Python {}) cannot make virtual environments; "
            "on Debian and Ubuntu: apt install python3-venv"
        ).format(sys.executable, found)
    if not all(Path("src/hwprof", room, "__init__.py").is_file() for room in ROOMS):
        return (
            "src/hwprof must hold symbolic links and this checkout has none; "
            "clone again with: git clone -c core.symlinks=true"
        )
    return ""


def main(folder: str) -> "str | int":
    """Make the virtual environment; the exit status is a sentence when it cannot be made."""
    return obstacle() or subprocess.call([sys.executable, "-m", "venv", "--clear", folder])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
