"""Write docs/SURROGATES.md's table of features from the features themselves.

python scripts/write_features.py
"""

from __future__ import annotations

from pathlib import Path

from hwprof.surrogates.features import FEATURE_VERSION, FEATURES

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "SURROGATES.md"
MARK = "<!-- features: written by scripts/write_features.py -->"


def features_table() -> str:
    """Every column with its unit and the cycles that it is guessed at."""
    lines = [
        f"Version {FEATURE_VERSION}, {len(FEATURES)} columns.",
        "",
        "| column | counts each | cycles guessed |",
        "| --- | --- | --- |",
        *(f"| `{term.name}` | {term.unit} | {term.guess_cycles:g} |" for term in FEATURES),
    ]
    return "\n".join(lines) + "\n"


def with_table(text: str) -> str:
    """The document with its table, which ends it, made anew."""
    return text.partition(MARK)[0] + MARK + "\n\n" + features_table()


if __name__ == "__main__":
    DOCUMENT.write_text(with_table(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
