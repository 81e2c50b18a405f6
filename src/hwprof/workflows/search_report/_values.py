"""What a search's report holds: plain values, each of which says what kind of number it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["measured", "modelled", "predicted", "published"]
"""Where a latency comes from: silicon, a virtual board, a surrogate, or somebody's publication."""

BoardKind: TypeAlias = Literal["measured", "modelled"]
"""What a run gives."""

Role: TypeAlias = Literal["seed", "winner", "baseline"]


@dataclass(frozen=True, slots=True)
class Interval:
    """A number and how far chance may have moved it, in the number's own unit."""

    value: float
    low: float
    high: float

    @property
    def straddles_zero(self) -> bool:
        """Whether the number may as well have the other sign."""
        return self.low <= 0 <= self.high


@dataclass(frozen=True, slots=True)
class Trial:
    """One detector that the search tried, judged on the pictures it selected on.

    Attributes:
        latency_us: as the search's latency estimator gave it.
        ap50_int8, ap50_float: between 0 and 1, of one training; None where it was not evaluated.
        on_front: whether no other trial within the budget beats it.
    """

    arch: str
    latency_us: float
    kind: Kind
    ap50_int8: float
    ap50_float: float | None = None
    on_front: bool = False


@dataclass(frozen=True, slots=True)
class FrontPoint:
    """A detector of the exhaustive front, whose score is predicted too."""

    latency_us: float
    score: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the search's estimator says of a latency in microseconds, and its level's interval."""

    latency_us: float
    low_us: float
    high_us: float
    level: float
    kind: Kind = "predicted"


@dataclass(frozen=True, slots=True)
class Run:
    """One verified run on a board: latency in microseconds, memory in bytes.

    Attributes:
        seconds: wall-clock seconds that the run took the host, its check with it.
    """

    latency_us: float
    kind: BoardKind
    peak_ram_bytes: int
    flash_bytes: int
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Saving:
    """Where a detector's latency went, by running what lies between the seed and it.

    Attributes:
        seed_us: the seed.
        seed_head_us: the seed's head at the detector's input.
        own_head_us: the detector's head at the seed's input.
        own_us: the detector.
    """

    seed_us: float
    seed_head_us: float
    own_head_us: float
    own_us: float

    @property
    def by_input(self) -> float:
        """Share of the seed's latency that the input saves: the mean of changing it first and last.

        What two changes save depends on their order; the mean of both orders (Shapley's value)
        adds up to the whole.
        """
        first, last = self.seed_us - self.seed_head_us, self.own_head_us - self.own_us
        return (first + last) / 2 / self.seed_us

    @property
    def by_head(self) -> float:
        """Share of the seed's latency that kernel, groups and channels of the head save."""
        first, last = self.seed_us - self.own_head_us, self.seed_head_us - self.own_us
        return (first + last) / 2 / self.seed_us

    @property
    def share(self) -> float:
        """Share of the seed's latency that is saved in all."""
        return 1 - self.own_us / self.seed_us


@dataclass(frozen=True, slots=True)
class FramePart:
    """One step from camera to boxes, in microseconds.

    Attributes:
        worst_us: where every cell of the output is a box.
    """

    name: str
    latency_us: float
    worst_us: float
    kind: Kind


@dataclass(frozen=True, slots=True)
class Detector:
    """One row of the table: a design, trained several times, judged once on the report's pictures.

    Attributes:
        label: short, as ``winner 1``.
        head: kernel, groups and channels; input_size: height and width in pixels.
        ap50_float, ap50_int8: between 0 and 1, over pictures and trainings.
        why: the rule that chose it.
        against_seed: int8 AP50 minus the seed's on the same pictures; None for the seed.
        against_baseline: likewise minus that of the seed's head at an input that is as fast; None
            for all but winners.
        chance: that the latency estimator gave it, before the board, to meet the budget, 0 to 1.
        files: names beside the page, the float ONNX first.
    """

    label: str
    role: Role
    arch: str
    head: tuple[int, int, int]
    input_size: tuple[int, int]
    ap50_float: Interval
    ap50_int8: Interval
    predicted: Prediction
    board: Run
    why: str = ""
    against_seed: Interval | None = None
    against_baseline: Interval | None = None
    chance: float | None = None
    saving: Saving | None = None
    frame: tuple[FramePart, ...] = ()
    files: tuple[str, ...] = ()

    @property
    def error_percent(self) -> float:
        """Prediction above the board, in percent of it."""
        return 100 * (self.predicted.latency_us / self.board.latency_us - 1)

    @property
    def frame_us(self) -> float:
        """A whole frame with a typical number of boxes, from camera to boxes."""
        return sum(part.latency_us for part in self.frame)

    @property
    def worst_frame_us(self) -> float:
        """The same where every cell is a box."""
        return sum(part.worst_us for part in self.frame)


@dataclass(frozen=True, slots=True)
class Drawing:
    """One picture with boxes on it.

    Attributes:
        picture: its name in the data set.
        detector: label of the detector that found the boxes.
        jpeg: the file's bytes.
    """

    picture: str
    detector: str
    jpeg: bytes
    labelled: int
    found: int


@dataclass(frozen=True, slots=True)
class Cost:
    """What the search took; seconds are wall-clock seconds of the machine it ran on.

    Attributes:
        training_s: of each training of the search, in the order of the trials.
        answers: latencies asked for; answer_s: seconds for one, the median.
        board_runs: on a board inside the search, beside the runs that verify.
    """

    training_s: tuple[float, ...]
    answers: int
    answer_s: float
    board_runs: int
    board_run_s: float


@dataclass(frozen=True, slots=True)
class Protocol:
    """How the numbers were made.

    Attributes:
        split_seed: divides the validation pictures into those selected on and those reported on.
        seeds: of the trainings behind each row of the table.
        start_rule: a sentence: from which weights every head begins.
        interval_level: of the intervals of AP50, 0 to 1.
        resamples: drawn for them.
    """

    data: str
    class_name: str
    training_pictures: int
    select_pictures: int
    report_pictures: int
    split_seed: int
    seeds: tuple[int, ...]
    start_rule: str
    scheme: str
    recipe: str
    interval_level: float
    resamples: int

    @property
    def level_percent(self) -> float:
        """Level of the intervals, in percent."""
        return 100 * self.interval_level


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchReport:
    """A finished search and all that is told of it.

    Attributes:
        space, space_size, strategy, task, latency: the four parts by name.
        target: the board and the context of its latencies, in words.
        budget_us: None for no budget.
        trials: in their order, duplicates left out; n_trials counts those too.
        seed_trial: the seed as the search judged it, on the pictures it selected on.
        exhaustive: the whole space's front where both objectives were predicted; empty else.
        exhaustive_score: what that front's score is.
        detectors: the seed first, then winners, then baselines.
        notes: sentences that belong beside the numbers.
    """

    space: str
    space_size: int
    strategy: str
    task: str
    latency: str
    target: str
    budget_us: float | None
    trials: tuple[Trial, ...]
    n_trials: int
    detectors: tuple[Detector, ...]
    cost: Cost
    protocol: Protocol
    drawings: tuple[Drawing, ...] = ()
    seed_trial: Trial | None = None
    exhaustive: tuple[FrontPoint, ...] = ()
    exhaustive_score: str = ""
    notes: tuple[str, ...] = ()

    @property
    def seed(self) -> Detector:
        """The network that the space was made around."""
        return self.detectors[0]

    @property
    def winners(self) -> tuple[Detector, ...]:
        """What the search chose, in the order of the rules that chose it."""
        return tuple(row for row in self.detectors if row.role == "winner")

    @property
    def baselines(self) -> tuple[Detector, ...]:
        """The seed's own head at smaller inputs."""
        return tuple(row for row in self.detectors if row.role == "baseline")

    @property
    def board_kind(self) -> BoardKind:
        """What the board's latencies are."""
        return self.seed.board.kind
