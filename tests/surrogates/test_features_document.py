"""docs/SURROGATES.md lists the features that there are."""

from __future__ import annotations

import runpy
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_table_is_current():
    """``scripts/write_features.py`` would change nothing."""
    script = runpy.run_path(str(ROOT / "scripts" / "write_features.py"))
    text = (ROOT / "docs" / "SURROGATES.md").read_text(encoding="utf-8")

    assert script["with_table"](text) == text
