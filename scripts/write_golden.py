"""Writes tests/golden, and the machine code of tests/virtual/programs.json.

    python scripts/write_golden.py          # needs arm-none-eabi-as

The expected cycles are those of ``golden_kernels``: derived by hand from the published rule that
``source`` names, by the reasoning beside them, and never from the model. A change of the model that
changes them is a change of the timing model's version.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from golden_kernels import (
    Edge,
    Kernel,
    control,
    dsp,
    early_alu,
    edges,
    floats,
    late_alu,
    loads,
    mac,
    stores,
)

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


def write(path: Path, data: Any) -> None:
    """Write a JSON file."""
    path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    print(path.relative_to(TESTS))


def rewrite(path: Path, entries: Callable[[Any], Iterable[dict[str, Any]]]) -> None:
    """Fill ``code`` in each entry of a JSON file."""
    data = json.loads(path.read_text(encoding="utf-8"))
    for entry in entries(data):
        entry["code"] = assemble(entry["assembly"]).hex()
    write(path, data)


def write_kernels(folder: Path, kernels: tuple[Kernel, ...] | tuple[Edge, ...]) -> None:
    """One file for each kernel."""
    for kernel in kernels:
        record = kernel.record()
        lines = [f".space {record['address']}"] if record.get("address") else []
        record["code"] = assemble(lines + record["assembly"]).hex()
        write(folder / f"{kernel.name}.json", record)


def main() -> None:
    """Replace every file."""
    golden = TESTS / "golden"
    for path in golden.rglob("*.json"):
        path.unlink()
    for theme in (control, dsp, early_alu, floats, late_alu, loads, mac, stores):
        write_kernels(golden, theme.KERNELS)
    write_kernels(golden / "edges", edges.KERNELS)
    rewrite(PROGRAMS, lambda programs: programs.values())
    rewrite(FUNCTIONS, lambda functions: functions.values())
    rewrite(SNIPPETS, lambda snippets: snippets)


if __name__ == "__main__":
    main()
