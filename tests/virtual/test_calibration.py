"""The fitted numbers of the board file are those that the calibration prints."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def test_the_board_file_holds_what_the_calibration_prints():
    """Number, rows and spread of both memories; nothing else on the board is fitted."""
    command = [sys.executable, ROOT / "scripts" / "calibrate_memory.py", "--json"]
    printed = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    board = tomllib.loads((ROOT / "firmware_stub/boards/rt1170.toml").read_text(encoding="utf-8"))
    timings = {area["name"]: area.get("timing", {}) for area in board["memory"]}
    in_file = [
        {
            "memory": name,
            "core_overhead_cycles": timing["core_overhead_cycles"],
            "leave_one_out_spread": timing["leave_one_out_spread"],
            "fitted_rows": timing["fitted_rows"],
        }
        for name, timing in timings.items()
        if "fitted" in timing
    ]
    assert in_file == printed
