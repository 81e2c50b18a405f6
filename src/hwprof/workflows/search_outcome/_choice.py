"""Which detectors of a search are reported: winners by stated rules, and what they must beat."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from hwprof.architecture import Architecture
from hwprof.search.problem import Candidate
from hwprof.search.spaces import Point
from hwprof.workflows.search_outcome._shapes import Shape

BoardLatency = Callable[[Architecture], float]
"""Latency in microseconds of one architecture, by running it."""

FASTER_SHARE = 0.4
"""What a winner saves of the seed's latency at least; published for this network's head search."""


@dataclass(frozen=True, slots=True)
class Winner:
    """A candidate and the rule that chose it."""

    candidate: Candidate
    why: str


@dataclass(frozen=True, slots=True)
class Chooser:
    """Chooses among the trials of one search by the board's latencies.

    Attributes:
        architecture: of a candidate.
        board_us: asked where a candidate might meet a limit.
    """

    architecture: Callable[[Candidate], Architecture]
    board_us: BoardLatency

    def winners(
        self, trials: Sequence[Candidate], seed: Candidate, budget_us: float | None
    ) -> tuple[Winner, ...]:
        """The distinct detectors that a rule chooses; none where nothing meets a limit."""
        chosen: dict[Point, Winner] = {}
        for why, candidate in self._rules(trials, seed, budget_us):
            if candidate is not None and candidate.point != seed.point:
                first = chosen.get(candidate.point)
                reasons = why if first is None else f"{first.why}; {why}"
                chosen[candidate.point] = Winner(candidate, reasons)
        return tuple(chosen.values())

    def _rules(
        self, trials: Sequence[Candidate], seed: Candidate, budget_us: float | None
    ) -> Iterator[tuple[str, Candidate | None]]:
        seed_us = self.board_us(self.architecture(seed))
        if budget_us is not None:
            yield "best within the budget", self._best(trials, budget_us)
        share = f"best at least {100 * FASTER_SHARE:.0f} % faster than the seed"
        yield share, self._best(trials, (1 - FASTER_SHARE) * seed_us)
        equal = [
            one for one in trials if one.score >= seed.score and one.latency_us < seed.latency_us
        ]
        fastest = min(equal, key=lambda one: one.latency_us, default=None)
        yield "fastest of those faster and no worse than the seed on val-A", fastest

    def _best(self, trials: Sequence[Candidate], limit_us: float) -> Candidate | None:
        """The best trial that meets a limit on the board; the board is asked in order of score."""
        possible = [one for one in trials if one.low_us <= limit_us]
        for candidate in sorted(possible, key=lambda one: (-one.score, one.latency_us)):
            if self.board_us(self.architecture(candidate)) <= limit_us:
                return candidate
        return None


def baseline(
    seed: Architecture, limit_us: float, board_us: BoardLatency, estimated_us: BoardLatency
) -> Architecture | None:
    """The seed's head at its largest input that meets a limit on the board; None if none does.

    Args:
        estimated_us: leaves out inputs that are far too slow, unasked.
    """
    for architecture in Shape.of(seed).smaller():
        if estimated_us(architecture) <= _FAR * limit_us and board_us(architecture) <= limit_us:
            return architecture
    return None


_FAR = 1.15
