"""int8 TFLite files: are they read, are they bit exact, and what do they cost.

Run: python benchmarks/tflite_models.py --data FOLDER [--target TARGET] [--kernels LIBRARY]

FOLDER holds .tflite files, or a folder ``models`` with them and beside it ``measurements.csv``,
whose published MAC counts are printed beside ours; the default is ``published`` in the folder that
HWPROF_SHARED_DATA names. The output of each layer is compared with that of ai-edge-litert's
reference kernels, element by element, on inputs at both rails and on noise; cycles are those of
the target, on a virtual board modelled.
"""

from __future__ import annotations

import argparse
import csv
import os
from dataclasses import dataclass
from pathlib import Path

from hwprof.errors import ModelDoesNotFitError
from hwprof.models import resolve_model
from hwprof.profiler.bench import Bench, Setup
from hwprof.profiler.lowering import lower
from hwprof.testing.litert import ReferenceInterpreter, probes

NOISE = 8  # random inputs of each file


@dataclass(frozen=True)
class Row:
    """One file."""

    name: str
    macs: int
    published_macs: str
    differing: int
    elements: int
    peak_ram_bytes: int
    flash_bytes: int
    cost: str

    def __str__(self) -> str:
        exact = "yes" if self.differing == 0 else f"{self.differing} differ"
        return (
            f"{self.name:32} {self.macs:>12,} {self.published_macs:>12} {exact:>10} of "
            f"{self.elements:>11,} {self.peak_ram_bytes:>9,} {self.flash_bytes:>9,} {self.cost}"
        )


def published_macs(folder: Path) -> dict[str, str]:
    """MACs of whole networks that the table of measurements states, by file name."""
    table = folder / "measurements.csv"
    if not table.is_file():
        return {}
    with table.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["layer_or_network"] == "network"]
    return {row["model_file"]: f"{int(row['macs']):,}" for row in rows if row["macs"].isdecimal()}


def examine(path: Path, published: dict[str, str], setup: Setup) -> Row:
    """Compare one file with the reference, then run it on the target."""
    graph = resolve_model(str(path)).graph
    program, reference = lower(graph), ReferenceInterpreter(path.read_bytes())
    compared = [reference.differing(inputs) for inputs in probes(graph, seed=0, random=NOISE)]
    return Row(
        name=path.name,
        macs=graph.macs,
        published_macs=published.get(path.name, "-"),
        differing=sum(differing for differing, _ in compared),
        elements=sum(elements for _, elements in compared),
        peak_ram_bytes=program.peak_ram_bytes,
        flash_bytes=program.flash_bytes,
        cost=_cost(graph, setup),
    )


def _cost(graph: object, setup: Setup) -> str:
    try:
        with Bench(setup) as bench:
            row = bench.measure(bench.lower(graph), block_type="network", block_key="file")
    except ModelDoesNotFitError as error:
        return str(error)
    if row.error:
        return f"not a data point: {row.error}"
    context = row.origin.context
    return f"{row.cycles:>12,} {row.latency_us / 1000:>9.2f} ms {context.kind}, verified"


def _default_folder() -> Path:
    return Path(os.environ.get("HWPROF_SHARED_DATA", "../shared/data")) / "published"


def main() -> None:
    """Print one line for each file."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=_default_folder())
    parser.add_argument("--target", default="virtual:rt1170")
    parser.add_argument("--kernels", default="simd")
    arguments = parser.parse_args()
    folder = arguments.data
    files = sorted([*folder.glob("*.tflite"), *folder.glob("models/*.tflite")])
    if not files:
        parser.error(f"--data is a folder with .tflite files; {folder} has none")
    setup = Setup(arguments.target, kernels=arguments.kernels)
    print(f"{arguments.target}, kernels {arguments.kernels}, placement {setup.placement}")
    print(
        f"{'file':32} {'MACs':>12} {'published':>12} {'bit exact':>10} of    elements  "
        f"peak RAM     flash       cycles"
    )
    published = published_macs(folder)
    for path in files:
        print(examine(path, published, setup))


if __name__ == "__main__":
    main()
