"""Measures every head of the person-detection space into a table that ships.

    python scripts/make_head_table.py --workers 2

6,672 heads (kernel, groups, channels and grid), each run as a network of its two blocks on the
virtual RT1170, so that the detection head finds the caches as the pyramid left them. About 6 a
second and core; rows stay in the work folder's store, and a run that was interrupted goes on.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from hwprof.workflows.head_table import measure_heads, save_head_table
from hwprof.workspace import Workspace


def main() -> None:
    """Measure what has no row yet, and write the table once all have one."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--work", type=Path, default=Path("build/heads"))
    parser.add_argument("--count", type=int, help="only the first so many; no table is written")
    options = parser.parse_args()

    workspace = Workspace(options.work)
    print(measure_heads(workspace, workers=options.workers, count=options.count))
    if options.count is None:
        path = save_head_table(workspace)
        print(f"{path}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
