"""Assembles the snippets of tests/golden and tests/virtual: fills ``code`` from ``assembly``.

    python scripts/write_golden.py          # needs arm-none-eabi-as

Everything else in the golden files is written by hand, the expected cycles first of all: they are
derived from the published rule that ``source`` names, by the reasoning beside them, and never from
the model. A change of the model that changes them is a change of the timing model's version.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parent.parent / "tests"
PROGRAMS = TESTS / "virtual" / "programs.json"
FUNCTIONS = TESTS / "virtual" / "functions.json"
SNIPPETS = TESTS / "virtual" / "snippets.json"
PROLOGUE = ".syntax unified\n.thumb\n.cpu cortex-m7\n.fpu fpv5-d16\n"


def assemble(lines: list[str]) -> bytes:
    """Thumb-2 machine code of assembly lines."""
    with tempfile.TemporaryDirectory() as folder:
        source, elf, binary = (Path(folder) / name for name in ("a.s", "a.o", "a.bin"))
        source.write_text(PROLOGUE + "\n".join(lines) + "\n", encoding="ascii")
        subprocess.run(["arm-none-eabi-as", source, "-o", elf], check=True)
        subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", elf, binary], check=True)
        return binary.read_bytes()


def rewrite(path: Path, entries: Callable[[Any], Iterable[dict[str, Any]]]) -> None:
    """Fill ``code`` in each entry of a JSON file."""
    data = json.loads(path.read_text(encoding="utf-8"))
    for entry in entries(data):
        entry["code"] = assemble(entry["assembly"]).hex()
    path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    print(path.relative_to(TESTS))


def main() -> None:
    """Rewrite every file with its machine code."""
    for path in sorted(TESTS.joinpath("golden").glob("*.json")):
        rewrite(path, lambda kernel: [kernel])
    rewrite(PROGRAMS, lambda programs: programs.values())
    rewrite(FUNCTIONS, lambda functions: functions.values())
    rewrite(SNIPPETS, lambda snippets: snippets)


if __name__ == "__main__":
    main()
