"""Makes the surrogates and tables that ship with the package: sample, profile, fit, save.

In each context whole networks are measured beside the blocks, for the correction of their sums.

    python scripts/make_artefacts.py --count 300 --workers 2

Equal code gives equal files, so it starts from nothing; --resume goes on with the measurements
of a run that was interrupted.
"""

from __future__ import annotations

import argparse
import os
import shutil
from pathlib import Path

from hwprof.luts import shipped_folder
from hwprof.measurement import Placement
from hwprof.profiler.bench import Setup
from hwprof.workflows.fit_workspace import fit_workspace
from hwprof.workflows.head_table import save_head_table
from hwprof.workflows.measure_networks import draw_networks, measure_networks
from hwprof.workflows.sample_blocks import sample_blocks
from hwprof.workspace import Workspace

SETUPS = [
    Setup(placement=Placement(activations=memory), scheme=scheme)
    for scheme in ("tflite", "power-of-two/per-channel")
    for memory in ("ocram", "sdram")
]


def main() -> None:
    """Sample every block type, measure and fit in every context, replace what ships."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=300, help="samples of each block type")
    parser.add_argument("--networks", type=int, default=48, help="networks measured a context")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--work", type=Path, default=Path("build/artefacts"))
    parser.add_argument("--heads", type=Path, default=Path("build/heads"))
    parser.add_argument("--resume", action="store_true", help="keep what the work folder holds")
    options = parser.parse_args()
    if not options.resume:
        shutil.rmtree(options.work, ignore_errors=True)

    workspace = Workspace(options.work)
    for written in sample_blocks(
        workspace, (), count=options.count, method="low-discrepancy", seed=options.seed
    ):
        print(f"{written.block_type}: {written.count} samples")
    folders = [make(workspace, setup, options) for setup in SETUPS]
    shutil.rmtree(shipped_folder(), ignore_errors=True)
    for folder in folders:
        shutil.copytree(folder, shipped_folder() / folder.name)
        print(f"shipped: {folder.name}")
    heads = Workspace(options.heads)
    if heads.store.exists():
        print(f"shipped: {save_head_table(heads).name}")
    else:
        print("no head table: run scripts/make_head_table.py")


def make(workspace: Workspace, setup: Setup, options: argparse.Namespace) -> Path:
    """Measure and fit in one context; returns the artefact's folder."""
    names = [network.name for network in draw_networks(options.networks, seed=options.seed)]
    print(measure_networks(workspace, setup, names, workers=options.workers))
    fitted, folder = fit_workspace(workspace, setup, workers=options.workers, seed=options.seed)
    print(f"{setup.scheme}, {setup.placement}")
    for kind in fitted.report.types:
        print(f"  {kind.block_type}: {kind.model}, MAPE {kind.scores.mape_percent:.2f} % held out")
    networks = fitted.report.networks
    if networks is not None:
        print(f"  {networks.n} networks: MAPE {networks.scores.mape_percent:.2f} % held out")
    return folder


if __name__ == "__main__":
    main()
