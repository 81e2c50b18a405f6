"""Where the cycles of published rows go in the model, by kind of operator.

    python benchmarks/fidelity/layers.py --shared-data ../shared/data NXP-SLIDE-POW2-PT-CM

Of a published latency only the sum is known. Beside the model's cycles, instructions, waits and
misses stands what would close the gap to it: more cycles for each instruction, or for each miss.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from compare import setup_of
from rows import Published, graph_of, read_rows

from hwprof.errors import ConfigurationError, HwprofError
from hwprof.graph import Conv2d, Graph
from hwprof.profiler.bench import Bench

KILO = 1000


@dataclass(slots=True)
class Share:
    """Layers of one kind, summed."""

    macs: int = 0
    cycles: int = 0
    instructions: int = 0
    waits_cycles: float = 0.0
    misses: int = 0

    def __iadd__(self, other: Share) -> Self:
        self.macs += other.macs
        self.cycles += other.cycles
        self.instructions += other.instructions
        self.waits_cycles += other.waits_cycles
        self.misses += other.misses
        return self


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one table a row; 2 for bad input."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    shared = os.environ.get("HWPROF_SHARED_DATA", "../shared/data")
    parser.add_argument("--shared-data", type=Path, default=Path(shared), metavar="DIR")
    parser.add_argument("ids", nargs="+", metavar="ROW", help="id of a published row")
    options = parser.parse_args(arguments)
    try:
        rows = {row.id: row for row in read_rows(options.shared_data)}
        for name in options.ids:
            if name not in rows:
                raise ConfigurationError(f"no published row is called {name!r}; see the table.")
            _print(rows[name], shares(rows[name], options.shared_data))
    except HwprofError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    return 0


def shares(row: Published, folder: Path) -> dict[str, Share]:
    """The modelled row by kind of operator, most cycles first."""
    graph = graph_of(row, folder)
    kinds = _kinds(graph)
    with Bench(setup_of(row, "exact")) as bench:
        program = bench.lower(graph)
        measured = bench.measure(program, block_type="network", block_key=row.id)
        counted = {layer.name: layer for layer in bench.layer_counts(program)}
    found: dict[str, Share] = {}
    for layer in measured.operators:
        counts = counted[layer.name]
        misses = counts.read_misses + counts.write_misses + counts.fetch_misses
        kind = kinds.get(layer.name, layer.op)
        found.setdefault(kind, Share())
        found[kind] += Share(
            layer.macs, layer.cycles, counts.instructions, counts.stall_cycles, misses
        )
    return dict(sorted(found.items(), key=lambda item: -item[1].cycles))


def _kinds(graph: Graph) -> dict[str, str]:
    """Convolutions by what decides their kernel; other layers go by their operator."""
    return {
        node.name: _kind(node.op, graph.shapes[node.inputs[0]][2])
        for node in graph.nodes
        if isinstance(node.op, Conv2d)
    }


def _kind(op: Conv2d, channels: int) -> str:
    size = f"{op.kernel_h}x{op.kernel_w}"
    return f"depthwise {size}" if op.groups == channels > 1 else f"conv {size}"


def _print(row: Published, found: dict[str, Share]) -> None:
    total = Share()
    for share in found.values():
        total += share
    print(f"{row.id}: {row.latency_ms:g} ms published; modelled, by kind of operator:")
    print(
        f"{'':16} {'MACs':>12} {'cycles':>13} {'c/MAC':>6} {'instr/MAC':>9} {'instr/cycle':>11} "
        f"{'waiting':>7} {'misses':>9}"
    )
    for name, share in (*found.items(), ("all", total)):
        _print_share(name, share)
    missing = row.latency_ms / KILO * row.clock_hz - total.cycles
    print(
        f"published - modelled: {missing:+,.0f} cycles = {missing / total.instructions:+.3f} for "
        f"each instruction, or {missing / max(total.misses, 1):+.1f} for each miss\n"
    )


def _print_share(name: str, share: Share) -> None:
    busy = share.cycles - share.waits_cycles
    macs = share.macs or float("nan")
    print(
        f"{name:16} {share.macs:12,} {share.cycles:13,} "
        f"{share.cycles / macs:6.2f} {share.instructions / macs:9.2f} "
        f"{share.instructions / max(busy, 1):11.2f} "
        f"{share.waits_cycles / max(share.cycles, 1):7.1%} {share.misses:9,}"
    )


if __name__ == "__main__":
    sys.exit(main())
