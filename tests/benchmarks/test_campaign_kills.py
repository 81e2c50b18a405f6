"""A campaign killed at random moments loses nothing; the benchmark that says so, in short."""

import json
import subprocess
import sys
from pathlib import Path

BENCHMARK = Path(__file__).resolve().parent.parent.parent / "benchmarks" / "campaign_kills.py"
QUICK = (
    "--kills",
    "3",
    "--blocks",
    "fc",
    "--count",
    "60",
    "--timing",
    "pipeline",
    "--workers",
    "2",
    "--json",
)


def test_three_kills_lose_and_double_nothing():
    """Acknowledged rows are there, once, with the cycles of a run that nobody disturbed."""
    done = subprocess.run(
        [sys.executable, BENCHMARK, *QUICK], check=False, capture_output=True, text=True
    )
    found = json.loads(done.stdout)

    assert done.returncode == 0, (found, done.stderr)
    assert found["kills"] == 3
    assert found["acknowledged"] > 0
    faults = ("lost", "doubled", "damaged", "workers_left", "wrong_cycles", "missing_at_the_end")
    assert {name: found[name] for name in faults} == dict.fromkeys(faults, 0)
