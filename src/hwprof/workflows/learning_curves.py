"""Learning curves in a workspace: how far off surrogates are after so many samples."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path
from typing import Any

from hwprof.documents import as_list, as_number, as_object, as_text, load_object
from hwprof.errors import StoreError

FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class LearningPoint:
    """One fit of one block type.

    Attributes:
        strategy: how samples were chosen, as ``random`` or ``adaptive``.
        n_samples: rows that were fitted.
        board_minutes: what measuring them took.
        mape_percent: on rows that were not fitted.
    """

    strategy: str
    seed: int
    block_type: str
    n_samples: int
    board_minutes: float
    mape_percent: float


def save_learning_curves(points: Iterable[LearningPoint], path: Path) -> None:
    """Write ``learning_curves.json`` (docs/FORMATS.md).

    Raises:
        StoreError: the file cannot be written.
    """
    document = {"format_version": FORMAT_VERSION, "points": [asdict(point) for point in points]}
    try:
        path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}; make room.") from error


def load_learning_curves(path: Path) -> tuple[LearningPoint, ...]:
    """The points in a file, none where there is no file.

    Raises:
        StoreError: the file is not that format.
    """
    if not path.exists():
        return ()
    try:
        document = load_object(path.read_text(encoding="utf-8"), FORMAT_VERSION)
        return tuple(_point(as_object(point)) for point in as_list(document.get("points")))
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} holds no learning curves ({error}); remove it.") from error


def _point(document: dict[str, Any]) -> LearningPoint:
    return LearningPoint(
        strategy=as_text(document.get("strategy")),
        seed=as_number(document.get("seed")),
        block_type=as_text(document.get("block_type")),
        n_samples=as_number(document.get("n_samples")),
        board_minutes=_not_negative(document.get("board_minutes")),
        mape_percent=_not_negative(document.get("mape_percent")),
    )


def _not_negative(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < inf:
        raise ValueError(f"it needs a finite number, 0 or more, where it has {str(value)[:40]!r}")
    return float(value)
