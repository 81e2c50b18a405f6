"""What a selection is asked for, and what of it can be refused before anything is trained."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from hwprof.errors import ConfigurationError
from hwprof.files import try_writing
from hwprof.measurement import DEFAULT_SCHEME
from hwprof.profiler.bench import Setup
from hwprof.search.loop import DEFAULT_TRIALS
from hwprof.search.performance import PerformanceStrategy
from hwprof.search.selection import SAMPLES, require_samples
from hwprof.surrogates.predict import Method
from hwprof.workflows.trained_detectors import TrainingRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionRequest:
    """A selection by the names that a user gives.

    Attributes:
        samples: architectures that are trained fully.
        strategies: to be judged; empty for all that can be.
        budget_us: of stage two.
        short_list: candidates that stage two trains; None for the rule.
        n_trials: of a search by an estimator that cannot be asked of the whole space, and of the
            full-training search that all are compared with.
        budget_s: seconds that the advice may spend; None for as few as can be.
        output: file of the fitted estimator; None for one in the workspace.
    """

    training: TrainingRequest
    space: str = "person-detection"
    samples: int = SAMPLES
    strategies: tuple[str, ...] = ()
    scheme: str = DEFAULT_SCHEME
    latency: Method = "surrogate"
    setup: Setup = field(default_factory=Setup)
    budget_us: float | None = None
    stage_two: bool = True
    short_list: int | None = None
    n_trials: int = DEFAULT_TRIALS
    budget_s: float | None = None
    workers: int = 1
    seed: int = 0
    output: Path | None = None


def require_enough(strategy: PerformanceStrategy, request: SelectionRequest) -> None:
    """Refuse samples or epochs that are too few for a strategy.

    Raises:
        ConfigurationError: likewise.
    """
    require_samples(strategy, request.samples)
    epochs = request.training.recipe.epochs
    if strategy.needs.curve_epochs > epochs:
        raise ConfigurationError(
            f"{strategy.title} looks at the first {strategy.needs.curve_epochs} epochs of a "
            f"training; got {epochs}; raise --epochs, or leave it out."
        )


def require_room(path: Path) -> None:
    """Refuse a file of the fitted estimator that could not be written.

    Raises:
        ConfigurationError: nothing can be written beside it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try_writing(path)
    except OSError as error:
        raise ConfigurationError(
            f"the fitted estimator cannot be written to {path} ({error.strerror}); give another "
            "--output."
        ) from error
