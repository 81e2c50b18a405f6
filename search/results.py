"""What a search found, as it is printed and read by programs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Found:
    """One architecture of the result.

    Attributes:
        arch: its name, which ``hwprof profile`` and ``predict`` take.
        predicted_us: by the search's latency estimator.
        modelled_us: by the virtual board, all outputs verified; None where it was not run.
        task: score; more is better.
        task_name: what the score is; a proxy says so.
    """

    arch: str
    predicted_us: float
    modelled_us: float | None
    task: float
    task_name: str

    @property
    def error_percent(self) -> float | None:
        """How far the prediction is above the board; negative below, None without a board."""
        if not self.modelled_us:
            return None
        return 100 * (self.predicted_us / self.modelled_us - 1)

    def to_json(self) -> dict[str, object]:
        """The documented row."""
        return {
            "arch": self.arch,
            "predicted_us": self.predicted_us,
            "modelled_us": self.modelled_us,
            "task": self.task,
            "task_name": self.task_name,
        }


@dataclass(frozen=True, slots=True)
class SearchResult:
    """A finished search.

    Attributes:
        sampler: strategy and the Optuna version that ran it.
        trials: how many, those of earlier runs of the study included.
        distinct: how many different architectures they were.
        latency: where the predicted numbers come from.
        task_is_proxy: whether scores only rank and measure no task.
        pareto: front of the trials within the budget, by latency.
        exhaustive_front_size: architectures on the front of the whole space; None if not computed.
        hypervolume_share: of the sampled front in the exhaustive one, 0 to 1; None likewise.
    """

    space: str
    space_size: int
    sampler: str
    trials: int
    distinct: int
    latency: str
    task_is_proxy: bool
    budget_us: float | None
    seed_network: Found
    pareto: tuple[Found, ...]
    exhaustive_front_size: int | None = None
    hypervolume_share: float | None = None

    def to_json(self) -> dict[str, object]:
        """The object that ``hwprof search --json`` prints."""
        return {
            "space": self.space,
            "space_size": self.space_size,
            "sampler": self.sampler,
            "trials": self.trials,
            "distinct": self.distinct,
            "latency": self.latency,
            "task_is_proxy": self.task_is_proxy,
            "budget_us": self.budget_us,
            "seed_network": self.seed_network.to_json(),
            "pareto": [found.to_json() for found in self.pareto],
            "exhaustive_front_size": self.exhaustive_front_size,
            "hypervolume_share": self.hypervolume_share,
        }
