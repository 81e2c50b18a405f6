"""What a transfer is asked for, and what it found."""

from __future__ import annotations

from dataclasses import dataclass

from hwprof.measurement import Measurement, Placement
from hwprof.profiler.bench import Setup
from hwprof.surrogates.intervals import log_errors
from hwprof.surrogates.regressors import Vector
from hwprof.surrogates.transfer import Design, Transfer
from hwprof.surrogates.validation import Scores, score


@dataclass(frozen=True, slots=True)
class Plan:
    """What a user asks for.

    Attributes:
        source: target whose surrogate is moved; kernels, scheme and so on are those of ``setup``.
        setup: the board to measure on, and how.
        source_placement: of the surrogate that is moved; None for its board's default.
        samples: blocks to measure.
        checks: further blocks, drawn at random, to measure and to compare with predictions.
        like: virtual target whose board file says what the memories of ``setup.target`` take;
            empty for that of the target itself, if it is virtual.
    """

    source: str
    setup: Setup
    source_placement: Placement | None = None
    samples: int = 10
    checks: int = 24
    seed: int = 0
    like: str = ""


@dataclass(frozen=True, slots=True)
class Checks:
    """How near predictions of measured blocks came that nothing was learned from.

    Attributes:
        one_scalar: of the source's predictions times one factor.
        coverage_percent: blocks inside the transfer's interval.
    """

    n: int
    transfer: Scores
    one_scalar: Scores
    coverage_percent: float

    def to_json(self) -> dict[str, object]:
        """The object ``checks`` that ``hwprof transfer --json`` prints."""
        return {
            "n": self.n,
            "transfer": self.transfer.to_json(),
            "one_scalar": self.one_scalar.to_json(),
            "coverage_percent": self.coverage_percent,
        }


@dataclass(frozen=True, slots=True)
class TransferReport:
    """What a transfer found.

    Attributes:
        rows: the blocks measured to learn from, in the order they were chosen.
        refused: blocks that the board has no room for.
        scalar: the factor that one scalar would be.
        interval_percent: median width upwards over the candidates.
        knows_memories: whether a board file said what the target's memories take.
    """

    source: str
    context: str
    rows: tuple[Measurement, ...]
    refused: int
    scalar: float
    interval_percent: float
    knows_memories: bool
    checks: Checks | None

    def to_json(self) -> dict[str, object]:
        """The object that ``hwprof transfer --json`` prints."""
        return {
            "source": self.source,
            "context": self.context,
            "samples": [{"block_key": row.block_key, "cycles": row.cycles} for row in self.rows],
            "refused": self.refused,
            "scalar": self.scalar,
            "interval_percent": self.interval_percent,
            "knows_memories": self.knows_memories,
            "checks": self.checks.to_json() if self.checks else None,
        }


def try_transfer(moved: Transfer, design: Design, cycles: Vector) -> Checks:
    """Scores of a transfer, and of one scalar, on blocks that it did not learn from."""
    predicted = moved.predict(design)
    inside = log_errors(cycles, predicted) <= moved.half_widths(design)
    return Checks(
        n=len(cycles),
        transfer=score(cycles, predicted),
        one_scalar=score(cycles, design.priced * moved.scalar),
        coverage_percent=float(100 * inside.mean()),
    )
