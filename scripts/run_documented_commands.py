"""Run the console and Python blocks of Markdown files, in order, in one empty folder.

Usage: run_documented_commands.py FILE...

A block is run unless the line after it is ``<!-- not run: REASON -->``. In console blocks the lines
that begin with ``$`` are commands; the first one that fails ends the run with exit status 1.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(
    r"^```(?P<language>console|python)\n(?P<body>.*?)^```\n(?P<exempt><!-- not run: .+ -->)?",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Documented:
    """A command that a document tells its reader to run."""

    text: str
    argv: tuple[str, ...]


def documented_commands(markdown: str) -> Iterator[Documented]:
    """The commands of a document that are not exempt, in order."""
    for block in _BLOCK.finditer(markdown):
        if block["exempt"]:
            continue
        if block["language"] == "python":
            yield Documented("python: " + block["body"].splitlines()[0], _python(block["body"]))
            continue
        for line in block["body"].splitlines():
            if line.startswith("$ "):
                yield Documented(line, ("bash", "-euc", line.removeprefix("$ ")))


def _python(source: str) -> tuple[str, ...]:
    return (sys.executable, "-c", source)


def _environment() -> dict[str, str]:
    programs = str(Path(sys.executable).parent)
    path = os.pathsep.join([programs, os.environ.get("PATH", "")])
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HWPROF_")}
    return {**kept, "PATH": path}


def run_document(file: Path, folder: Path) -> bool:
    """Run a document's commands in a folder; print each with its time, and a failure's output."""
    for command in documented_commands(file.read_text(encoding="utf-8")):
        begin = time.monotonic()
        done = subprocess.run(
            command.argv,
            cwd=folder,
            env=_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        print(f"{time.monotonic() - begin:6.1f} s  {command.text}", flush=True)
        if done.returncode:
            print(f"{file}: exit status {done.returncode} of: {command.text}\n{done.stdout}")
            return False
    return True


def main(files: list[str]) -> int:
    """Exit status 0 if every command of every file succeeded."""
    with tempfile.TemporaryDirectory() as folder:
        return 0 if all(run_document(Path(file), Path(folder)) for file in files) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
