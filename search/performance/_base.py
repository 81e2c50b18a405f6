"""What a performance strategy is: it guesses how good designs would be if they were trained.

    Evidence of n designs --PerformanceStrategy.fit(evidence, quality)--> FittedStrategy
    Evidence of others    --FittedStrategy.scores--> (n,), higher is better

A strategy says what it needs, and is asked with evidence that has it. Those that learn from no
trained design are fitted as they are (``Ready``), so that nobody has to ask which kind one is.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from hwprof.architecture import Architecture
from hwprof.errors import ConfigurationError
from hwprof.search.performance._encoding import encoding_of

if TYPE_CHECKING:
    from hwprof.search.training.zero_cost import Probe

FloatArray: TypeAlias = npt.NDArray[np.float64]
Kind: TypeAlias = Literal["count", "zero-cost", "learning-curve", "model-based"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a strategy must be given, beside the architectures.

    Attributes:
        probe: the network with the weights that training starts from.
        minibatches: of pictures, at least so many; from the probe.
        labels: objects on these pictures.
        gradients: of the loss or of the outputs.
        curve_epochs: epochs of training whose losses are known.
        validation: precision or loss on pictures for selection after these epochs.
        samples: fully trained designs to learn from, at least so many; 0 for none.
    """

    probe: bool = False
    minibatches: int = 0
    labels: bool = False
    gradients: bool = False
    curve_epochs: int = 0
    validation: bool = False
    samples: int = 0

    def __str__(self) -> str:
        """In words, for a table."""
        labelled = "labelled " if self.labels else ""
        minibatches = f"{self.minibatches} {labelled}minibatch" + "es" * (self.minibatches > 1)
        parts = {
            f"{self.samples} trained designs": self.samples,
            f"{self.curve_epochs} epochs": self.curve_epochs,
            "validation": self.validation,
            "start weights": self.probe,
            minibatches: self.minibatches,
            "gradients": self.gradients,
        }
        return ", ".join(text for text, is_needed in parts.items() if is_needed) or "nothing"


@dataclass(frozen=True)
class Evidence:
    """What is known of a design before, or without, training it fully.

    Attributes:
        encoding: its parameters as numbers by name; None for those of ``encoding_of``.
        curve: training losses, of epoch 1 first; longer than a strategy looks is no harm.
        epochs: of the whole training, to whose end a curve is extrapolated.
        early_ap: average precision on the pictures for selection after the early epochs, 0 to 1.
        early_loss: loss on them, likewise.
        probe: its network and minibatches, made when asked.
    """

    architecture: Architecture
    encoding: Mapping[str, float] | None = None
    curve: tuple[float, ...] = ()
    epochs: int = 30
    early_ap: float | None = None
    early_loss: float | None = None
    probe: Probe | None = None

    @cached_property
    def columns(self) -> Mapping[str, float]:
        """Its parameters as numbers by name."""
        return encoding_of(self.architecture) if self.encoding is None else self.encoding


class FittedStrategy(abc.ABC):
    """A strategy that can be asked; not changed by being asked.

    Attributes:
        strategy: what was fitted.
    """

    strategy: PerformanceStrategy

    def scores(self, evidence: Sequence[Evidence]) -> FloatArray:
        """One finite score for each design, (n,), float64; higher is better.

        Raises:
            ConfigurationError: a design's evidence lacks what the strategy needs, or its score is
                no number.
        """
        for one in evidence:
            self.strategy.check(one)
        values = np.asarray(self._scores(evidence), np.float64).reshape(len(evidence))
        odd = np.flatnonzero(~np.isfinite(values))
        if len(odd):
            raise ConfigurationError(
                f"{self.strategy.title} owes a finite score; of "
                f"{evidence[odd[0]].architecture.name!r} it is {values[odd[0]]}; take another "
                "strategy, or other pictures."
            )
        return values

    @abc.abstractmethod
    def _scores(self, evidence: Sequence[Evidence]) -> npt.ArrayLike:
        """Scores (n,) of evidence that has all that is needed."""

    @abc.abstractmethod
    def document(self) -> dict[str, Any]:
        """As JSON holds it; ``load_fitted`` reads it and scores the same."""


class PerformanceStrategy(abc.ABC):
    """One way to guess; immutable.

    Attributes:
        name: in options and documents.
        title: in tables.
        source: where it was published.
    """

    name: str
    title: str
    kind: Kind
    source: str
    needs: Needs

    @abc.abstractmethod
    def fit(self, evidence: Sequence[Evidence], quality: npt.ArrayLike) -> FittedStrategy:
        """Learn from designs that were trained fully.

        Args:
            quality: of each, (n,), higher is better; strategies without ``needs.samples`` look at
                neither.

        Raises:
            ConfigurationError: too few designs, all of one quality, or a number that is none.
        """

    @abc.abstractmethod
    def restored(self, document: Mapping[str, Any]) -> FittedStrategy:
        """What ``FittedStrategy.document`` wrote.

        Raises:
            ArtefactError: it wrote something else.
        """

    def check(self, evidence: Evidence) -> None:
        """Whether evidence has what is needed.

        Raises:
            ConfigurationError: it has not; the message says what is missing.
        """
        needs = self.needs
        missing = {
            "a network with its start weights (a probe)": needs.probe and evidence.probe is None,
            f"{needs.curve_epochs} losses, one for each epoch, not {len(evidence.curve)},": len(
                evidence.curve
            )
            < needs.curve_epochs,
        }
        for what, is_missing in missing.items():
            if is_missing:
                raise self.lacking(evidence, what)
        if not np.isfinite(evidence.curve[: needs.curve_epochs]).all():
            raise self.lacking(evidence, "losses that are finite")

    def lacking(self, evidence: Evidence, what: str) -> ConfigurationError:
        """The error of evidence without something."""
        return ConfigurationError(
            f"{self.title} needs {what} of {evidence.architecture.name!r}; give it, or take a "
            "strategy that needs less, such as FLOPs."
        )


class Ready(PerformanceStrategy, FittedStrategy):
    """A strategy that learns from no trained design: it is its own fit."""

    @property
    def strategy(self) -> PerformanceStrategy:  # type: ignore[override]  # read, never set
        return self

    def fit(self, evidence: Sequence[Evidence], quality: npt.ArrayLike) -> FittedStrategy:
        del evidence, quality
        return self

    def document(self) -> dict[str, Any]:
        return {"strategy": self.name, "early_epochs": self.needs.curve_epochs}

    def restored(self, document: Mapping[str, Any]) -> FittedStrategy:
        del document
        return self
