"""What each assumption about caches and memories is worth on the person detector, 192 x 320.

    python benchmarks/memory_assumptions.py --json

The network runs with its activations in OCRAM and in SDRAM, on copies of the RT1170's board file in
which one field is another. Latencies are modelled; docs/TIMING.md, section 5, has the table.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from hwprof import person_detector
from hwprof.firmware_stub.virtual.board_files import BOARDS, load_board
from hwprof.profiler.bench import Bench, Setup

_BOARD = "rt1170"
_MEMORIES = ("ocram", "sdram")
# OCRAM and SDRAM are the memories with a fitted number.
_TIMING_OF_THEM = r"\[memory\.timing\]\n(?=[^\[]*fitted = )"
# What is replaced in the board file, as a regular expression, and by what.
_ALTERNATIVES: Mapping[str, tuple[str, str]] = {
    "round-robin": ('"pseudo-random"', '"round-robin"'),
    "lru": ('"pseudo-random"', '"lru"'),
    "write-back": ('"write-back-allocate"', '"write-back"'),
    "write-through": ('"write-back-allocate"', '"write-through"'),
    "prefetch_bytes = 1024": ("prefetch_bytes = 0", "prefetch_bytes = 1024"),
    "critical_word_first = false": (
        _TIMING_OF_THEM,
        "[memory.timing]\ncritical_word_first = false\n",
    ),
}


def variants(folder: Path) -> Iterator[tuple[str, Path]]:
    """A board file for the assumptions as they are, and one for each alternative."""
    text = (BOARDS / f"{_BOARD}.toml").read_text(encoding="utf-8")
    own, _ = re.subn(f'name = "{_BOARD}"', 'name = "copy"', text, count=1)
    for number, (name, (pattern, by)) in enumerate(
        [("as assumed", ("", "")), *_ALTERNATIVES.items()]
    ):
        changed, count = re.subn(pattern, by, own) if pattern else (own, 1)
        if not count:
            raise SystemExit(f"{_BOARD}.toml has nothing like {pattern!r}; correct this benchmark.")
        path = folder / f"{number}.toml"
        path.write_text(changed, encoding="utf-8")
        yield name, path


def latency_ms(board: Path, activations: str) -> float:
    """Modelled latency of the network on a board file."""
    target = f"virtual:{board}"
    placement = replace(load_board(str(board)).placement, activations=activations)
    with Bench(Setup(target=target, placement=placement)) as bench:
        program = bench.lower(person_detector(width=320, aspect=0.6).graph(seed=0))
        row = bench.measure(program, block_type="network", block_key="person-detector")
    if row.error:
        raise SystemExit(row.error)
    return row.latency_us / 1000


def main() -> None:
    """Run every variant, print latencies and changes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()

    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, board in variants(Path(folder)):
            found[name] = {memory: latency_ms(board, memory) for memory in _MEMORIES}
            if not options.json:
                print(_line(name, found[name], found["as assumed"]), flush=True)
    if options.json:
        print(json.dumps({"modelled_ms": found}, indent=2))


def _line(name: str, row: Mapping[str, float], base: Mapping[str, float]) -> str:
    cells = [f"{memory} {ms:6.1f} ms {ms - base[memory]:+6.1f}" for memory, ms in row.items()]
    return f"{name:28} {'   '.join(cells)}"


if __name__ == "__main__":
    main()
