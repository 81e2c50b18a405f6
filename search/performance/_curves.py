"""The beginning of a training: what its first epochs say of its last.

Notation: L_t is the mean training loss of epoch t = 1..e, T the last epoch of a whole training.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from hwprof.errors import ConfigurationError
from hwprof.search.performance._base import Evidence, FloatArray, Kind, Needs, Ready

EARLY_EPOCHS = 6
"""A fifth of the default recipe, as the search's early stopping trains."""

FEWEST_CURVE_EPOCHS = 4
"""Three numbers of a power law, or second differences, and one epoch to tell them from chance."""

_RU = "Ru et al., Speedy Performance Estimation for NAS (NeurIPS 2021, arXiv 2006.04492)"
_WHITE = "White et al., How Powerful are Performance Predictors in NAS? (arXiv 2104.01177)"
_DOMHAN = "Domhan et al., Speeding up Automatic Hyperparameter Optimization (IJCAI 2015), pow3"
_DECAYS = (0.01, 10.0)  # of the power law; beyond, a curve of some epochs is a line or a step


class EarlyValue(Ready):
    """A value on the pictures for selection after the early epochs."""

    kind: Kind = "learning-curve"
    needs = Needs(validation=True)
    source = _WHITE

    def __init__(self, name: str, title: str, value: Callable[[Evidence], float | None]) -> None:
        self.name, self.title, self._value = name, title, value

    def check(self, evidence: Evidence) -> None:
        super().check(evidence)
        if self._value(evidence) is None:
            raise self.lacking(evidence, "a value on the pictures for selection")

    def _scores(self, evidence: Sequence[Evidence]) -> FloatArray:
        return np.array([self._value(one) for one in evidence], np.float64)


class EarlyCurve(Ready):
    """A number of the first losses of a training.

    Args:
        score: of losses (e,) and the last epoch T.
    """

    kind: Kind = "learning-curve"

    def __init__(  # noqa: PLR0917 - a row of a table
        self,
        name: str,
        title: str,
        source: str,
        epochs: int,
        score: Callable[[FloatArray, int], float],
    ) -> None:
        self.name, self.title, self.source = name, title, source
        self.needs = Needs(curve_epochs=epochs)
        self._score = score

    def _scores(self, evidence: Sequence[Evidence]) -> list[float]:
        epochs = self.needs.curve_epochs
        return [self._score(np.array(one.curve[:epochs]), one.epochs) for one in evidence]


def extrapolated(losses: FloatArray, epoch: int) -> float:
    """The loss at an epoch of the power law a + b t^-c, a, b >= 0, that fits losses (e,) best.

    For a given c the best a and b are a non-negative least squares solution, so that only c is
    searched for.
    """
    from scipy.optimize import minimize_scalar, nnls

    epochs = np.arange(1, len(losses) + 1, dtype=np.float64)

    def fitted(log_c: float) -> tuple[FloatArray, float]:
        terms = np.stack([np.ones_like(epochs), epochs ** -np.exp(log_c)], axis=1)
        return nnls(terms, losses)  # type: ignore[no-any-return]  # from scipy, which has no types

    found = minimize_scalar(
        lambda log_c: fitted(log_c)[1], bounds=np.log(_DECAYS), options={"xatol": 1e-6}
    )
    (a, b), _ = fitted(found.x)
    return float(a + b * epoch ** -np.exp(found.x))


def curves(epochs: int) -> tuple[EarlyValue | EarlyCurve, ...]:
    """The strategies that look at so many epochs.

    Raises:
        ConfigurationError: too few for a curve.
    """
    if epochs < FEWEST_CURVE_EPOCHS:
        raise ConfigurationError(
            f"learning curves are read from {FEWEST_CURVE_EPOCHS} epochs on; got {epochs}; train "
            "longer."
        )
    return (
        EarlyValue("early-stop-ap", "early-stop AP", lambda one: one.early_ap),
        EarlyValue("early-stop-loss", "early-stop loss", _minus_early_loss),
        EarlyCurve("sotl", "SoTL", _RU, epochs, lambda losses, _: -float(losses.sum())),
        EarlyCurve("sotl-e", "SoTL-E", _RU, epochs, lambda losses, _: -float(losses[-1])),
        EarlyCurve(
            "curve-fit", "curve fit", _DOMHAN, epochs, lambda losses, t: -extrapolated(losses, t)
        ),
    )


def _minus_early_loss(evidence: Evidence) -> float | None:
    return None if evidence.early_loss is None else -evidence.early_loss
