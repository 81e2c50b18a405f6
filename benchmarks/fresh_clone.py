"""Time what a newcomer waits for: ``make demo`` in a fresh clone, installation apart.

Usage: fresh_clone.py [--json]. Clones the checkout it stands in, as last committed, into a
temporary folder, and installs from the package index. Asked: exit status 0, at most 600 s in all
and 180 s for the pipeline.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class NewcomerTimes:
    """Seconds of wall time from ``git clone`` to the Pareto set."""

    clone_s: float
    install_s: float
    pipeline_s: float
    exit_status: int

    @property
    def sum_s(self) -> float:
        """All of it."""
        return self.clone_s + self.install_s + self.pipeline_s


def _timed(*command: str, cwd: Path) -> tuple[float, int]:
    begin = time.monotonic()
    status = subprocess.run(command, cwd=cwd, check=False, stdout=sys.stderr).returncode
    return time.monotonic() - begin, status


def measure() -> NewcomerTimes:
    """Clone, install, run; a step that fails leaves the later ones at zero seconds."""
    times_s = [0.0, 0.0, 0.0]
    status = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clone = folder / "hwprof"
        steps = [
            (("git", "clone", "--quiet", "--no-hardlinks", str(CHECKOUT), str(clone)), folder),
            (("make", ".venv/installed"), clone),
            (("make", "demo"), clone),
        ]
        for index, (command, cwd) in enumerate(steps):
            times_s[index], status = _timed(*command, cwd=cwd)
            if status:
                break
    return NewcomerTimes(*times_s, exit_status=status)


def main(arguments: list[str]) -> int:
    """Print the times; the exit status is that of the step that failed, else 0."""
    times = measure()
    if "--json" in arguments:
        print(json.dumps({**asdict(times), "sum_s": times.sum_s}))
    else:
        print(f"clone     {times.clone_s:7.1f} s")
        print(f"install   {times.install_s:7.1f} s")
        print(f"pipeline  {times.pipeline_s:7.1f} s   asked: at most 180 s")
        print(f"in all    {times.sum_s:7.1f} s   asked: at most 600 s")
        print(f"exit status {times.exit_status}")
    return times.exit_status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
