"""What stage one keeps of a sample, as workers send it home."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hwprof.architecture import Architecture
from hwprof.search.performance import Evidence
from hwprof.search.selection import Query, Sample

DIVERGED_LOSS = 1e6
"""Stands for a loss that is no number: finite, as strategies need it, far above all that are."""


@dataclass(frozen=True, slots=True)
class Trained:
    """One training and its evaluation.

    A training that diverges says that its design cannot be trained by this recipe: as in a search
    it is worth 0, and it ranks last by its losses too.

    Attributes:
        ap50_int8, ap50_float: on the pictures for selection, 0 to 1.
        losses: mean training loss of each epoch, ``DIVERGED_LOSS`` from where it diverged on.
        training_s: of the training, with the features of a frozen backbone; measured.
        evaluation_s: of the evaluation behind it; measured.
        diverged: how, in a sentence; empty where it ended.
    """

    ap50_int8: float
    ap50_float: float
    losses: tuple[float, ...]
    training_s: float
    evaluation_s: float
    diverged: str = ""

    @property
    def seconds(self) -> float:
        """What it took in all."""
        return self.training_s + self.evaluation_s

    @property
    def epochs(self) -> int:
        """Those that ran, the one in which it diverged included."""
        return sum(loss < DIVERGED_LOSS for loss in self.losses) + bool(self.diverged)

    def seconds_of(self, epochs: int) -> float:
        """Their share of the training; all of it where it diverged before."""
        return self.training_s * min(epochs / self.epochs, 1)


def whole_curve(losses: Sequence[float], epochs: int) -> tuple[float, ...]:
    """Losses of all epochs of a training, of which it had so many before it diverged."""
    return *losses, *[DIVERGED_LOSS] * (epochs - len(losses))


@dataclass(frozen=True, slots=True)
class SampleRecord:
    """A sample of stage one.

    Attributes:
        early: broken off early; None where no strategy asks for it.
        early_loss: on the pictures for selection, after the early training.
        asked: what the strategies that need its start weights said, by name.
        refused: why others of them said nothing.
    """

    full: Trained
    early: Trained | None = None
    early_loss: float | None = None
    asked: Mapping[str, Query] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)

    @property
    def judging_s(self) -> float:
        """At most what answers to strategies took beside the full training.

        Minibatches that several of them look at count for each.
        """
        early_s = self.early.seconds if self.early else 0.0
        return early_s + sum(query.seconds for query in self.asked.values())

    def sample(self, architecture: Architecture, curve_epochs: int) -> Sample:
        """As strategies are judged by it.

        Args:
            curve_epochs: what learning curves look at; they are taken to cost as much of the
                broken-off training, or of the full one where there is no other.
        """
        evidence = Evidence(
            architecture,
            curve=self.full.losses,
            epochs=len(self.full.losses),
            early_ap=self.early.ap50_int8 if self.early else None,
            early_loss=self.early_loss,
        )
        return Sample(
            evidence,
            self.full.ap50_int8,
            early_s=self.early.seconds if self.early else 0.0,
            curve_s=(self.early or self.full).seconds_of(curve_epochs),
            asked=self.asked,
            refused=self.refused,
        )
