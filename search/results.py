"""What a search found, as it is printed and read by programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median

from hwprof.search.candidate import Candidate
from hwprof.search.estimators import Details, Kind


@dataclass(frozen=True, slots=True)
class Found:
    """One architecture of the result.

    Attributes:
        arch: its name, which ``hwprof profile`` and ``predict`` take.
        predicted_us: by a predictor; None where the search asked the board for every latency.
        board_us: by the board, all outputs verified; None where it was not run.
        board_kind: what that is: modelled on a virtual board, measured on silicon.
        task: score; more is better.
        task_name: what the score is; a proxy says so.
        low_us, high_us: interval of the prediction.
        chance_within_budget: that the latency meets the budget, by the prediction's interval, or
            0 or 1 once it was run; None without a budget.
        details: what the task estimator kept beside the score.
        amounts: of what the search limits besides latency.
    """

    arch: str
    predicted_us: float | None
    board_us: float | None
    task: float
    task_name: str
    board_kind: Kind | None = None
    low_us: float | None = None
    high_us: float | None = None
    chance_within_budget: float | None = None
    details: Details = field(default_factory=dict, hash=False)
    amounts: Mapping[str, float] = field(default_factory=dict, hash=False)

    @property
    def latency_us(self) -> float:
        """The board's word, or else the prediction's."""
        return self.board_us or self.predicted_us or 0.0

    @property
    def error_percent(self) -> float | None:
        """How far the prediction is above the board; negative below, None without either."""
        if not self.board_us or self.predicted_us is None:
            return None
        return 100 * (self.predicted_us / self.board_us - 1)

    def to_json(self) -> dict[str, object]:
        """The documented row; ``modelled_us`` is in it where the board is a virtual one."""
        modelled = {"modelled_us": self.board_us} if self.board_kind == "modelled" else {}
        return {
            "arch": self.arch,
            "predicted_us": self.predicted_us,
            "low_us": self.low_us,
            "high_us": self.high_us,
            "board_us": self.board_us,
            "board_kind": self.board_kind,
            **modelled,
            "chance_within_budget": self.chance_within_budget,
            "task": self.task,
            "task_name": self.task_name,
            "details": dict(self.details),
            "amounts": dict(self.amounts),
        }


@dataclass(frozen=True, slots=True)
class Answers:
    """How many latencies of one kind a search asked for, and what each took.

    Attributes:
        count: distinct candidates.
        median_s: seconds for one answer.
    """

    kind: Kind
    count: int
    median_s: float

    @classmethod
    def of(cls, candidates: Iterable[Candidate]) -> tuple[Answers, ...]:
        """The answers that distinct candidates rest on, by kind."""
        seconds: dict[Kind, list[float]] = {}
        for candidate in candidates:
            seconds.setdefault(candidate.kind, []).append(candidate.latency_s)
        return tuple(cls(kind, len(each), median(each)) for kind, each in seconds.items())

    def to_json(self) -> dict[str, object]:
        """The documented entry."""
        return {"kind": self.kind, "count": self.count, "median_s": self.median_s}


@dataclass(frozen=True, slots=True)
class SearchResult:
    """A finished search.

    Attributes:
        sampler: strategy and the Optuna version that ran it.
        study: name under which the trials are kept.
        trials: how many, those of earlier runs of the study included.
        distinct: how many different points they were.
        latency: where the latencies come from.
        answers: how many of each kind, and how long one took.
        task_is_proxy: whether scores only rank and measure no task.
        pareto: front of the trials within the budget, by latency.
        exhaustive_front_size: architectures on the front of the whole space; None if not computed.
        hypervolume_share: of the sampled front in the exhaustive one, 0 to 1; None likewise.
        report: its page; empty where none was written.
    """

    space: str
    space_size: int
    sampler: str
    study: str
    trials: int
    distinct: int
    latency: str
    answers: tuple[Answers, ...]
    task_is_proxy: bool
    budget_us: float | None
    seed_network: Found
    pareto: tuple[Found, ...]
    exhaustive_front_size: int | None = None
    hypervolume_share: float | None = None
    report: str = ""

    @property
    def board_kind(self) -> Kind | None:
        """What latencies of the board are, modelled or measured; None where nothing was run."""
        return self.seed_network.board_kind

    def to_json(self) -> dict[str, object]:
        """The object that ``hwprof search --json`` prints."""
        return {
            "space": self.space,
            "space_size": self.space_size,
            "sampler": self.sampler,
            "study": self.study,
            "trials": self.trials,
            "distinct": self.distinct,
            "latency": self.latency,
            "latency_answers": [answers.to_json() for answers in self.answers],
            "task_is_proxy": self.task_is_proxy,
            "budget_us": self.budget_us,
            "board_kind": self.board_kind,
            "seed_network": self.seed_network.to_json(),
            "pareto": [found.to_json() for found in self.pareto],
            "exhaustive_front_size": self.exhaustive_front_size,
            "hypervolume_share": self.hypervolume_share,
            "report": self.report or None,
        }
