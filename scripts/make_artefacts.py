"""Makes the surrogates and tables that ship with the package: sample, profile, fit, save.

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
from hwprof.profiler.bench import Setup
from hwprof.workflows.fit_workspace import fit_workspace
from hwprof.workflows.sample_blocks import sample_blocks
from hwprof.workspace import Workspace


def main() -> None:
    """Sample every block type, measure, fit, and replace the shipped artefact."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=300, help="samples of each block type")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--work", type=Path, default=Path("build/artefacts"))
    parser.add_argument("--resume", action="store_true", help="keep what the work folder holds")
    options = parser.parse_args()
    if not options.resume:
        shutil.rmtree(options.work, ignore_errors=True)

    workspace = Workspace(options.work)
    for written in sample_blocks(
        workspace, (), count=options.count, method="low-discrepancy", seed=options.seed
    ):
        print(f"{written.block_type}: {written.count} samples")
    fitted, folder = fit_workspace(workspace, Setup(), workers=options.workers, seed=options.seed)
    for kind in fitted.report.types:
        print(f"{kind.block_type}: {kind.model}, MAPE {kind.scores.mape_percent:.2f} % held out")
    shipped = shipped_folder() / folder.name
    shutil.rmtree(shipped_folder(), ignore_errors=True)
    shutil.copytree(folder, shipped)
    print(f"shipped: {shipped}")


if __name__ == "__main__":
    main()
