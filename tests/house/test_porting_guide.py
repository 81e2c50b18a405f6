"""docs/PORTING.md explains the whole board API, and nothing that is gone."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CALL = re.compile(r"\b(board_\w+)\(")


def test_guide_explains_each_function_of_the_board_api() -> None:
    """One row of its table for each, in the header's order."""
    header = (ROOT / "firmware_stub/include/board.h").read_text(encoding="utf-8")
    guide = (ROOT / "docs/PORTING.md").read_text(encoding="utf-8")

    declared = re.findall(r"^[a-z].*?\b(board_\w+)\(.*\);", header, re.MULTILINE)
    explained = re.findall(r"^\| `(board_\w+)\(", guide, re.MULTILINE)

    assert declared
    assert explained == declared
    assert set(CALL.findall(guide)) <= set(declared)
