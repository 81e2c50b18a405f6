"""How far a campaign is and how long it takes yet, on standard error.

A bar where somebody watches; a line every so many tasks where the stream is a file or a pipe.
"""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from tqdm import tqdm

from hwprof.profiler.campaign import Outcome

TASKS_A_LINE = 50


class Progress:
    """Told each outcome; use as a context manager.

    Args:
        total: tasks in all.
        unit: what one is called.
    """

    def __init__(self, total: int, unit: str) -> None:
        self._total = total
        self._unit = unit
        self._done = self._measured = 0
        self._start_s = time.monotonic()
        self._is_watched = sys.stderr.isatty()
        self._bar = tqdm(total=total, unit=unit, desc="profile", disable=not self._is_watched)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.close()

    def __call__(self, outcome: Outcome) -> None:
        """Count a task; its row is stored."""
        self._bar.update()
        self._done += 1
        self._measured += outcome.row is not None
        if not self._is_watched and self._done % TASKS_A_LINE == 0:
            self.say(f"{self._done} of {self._total} {self._unit}s{self._left()}")

    def say(self, text: str) -> None:
        """A line, without tearing the bar."""
        tqdm.write(f"profile: {text}", file=sys.stderr)
        sys.stderr.flush()

    def _left(self) -> str:
        left = self._total - self._done
        if not self._measured or left <= 0:
            return ""
        pace_s = (time.monotonic() - self._start_s) / self._measured
        return f", {duration(left * pace_s)} left"


def duration(seconds: float) -> str:
    """A time as people say it, in the two largest units."""
    minutes, whole = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {whole} s" if minutes else f"{whole} s"
