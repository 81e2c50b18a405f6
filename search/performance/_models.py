"""Models of quality, learnt from designs that were trained fully.

All see standardised columns and a standardised quality, and hold as fitted nothing but arrays.
Columns that were equal in all samples say nothing and are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hwprof.documents import as_list, as_number, as_object, as_text
from hwprof.errors import ArtefactError, ConfigurationError
from hwprof.search.performance._base import (
    Evidence,
    FittedStrategy,
    FloatArray,
    Kind,
    Needs,
    PerformanceStrategy,
)
from hwprof.surrogates.arrays import Arrays, take
from hwprof.surrogates.learners import (
    BayesianRidgeLearner,
    GaussianProcessLearner,
    Learner,
    NetworksLearner,
    RandomForestLearner,
    SupportVectorLearner,
    XGBoostLearner,
)

FEWEST_SAMPLES = 10
"""With fewer, Kendall's tau of scores has a standard error above 0.25 and tells nothing."""

Columns = Callable[[Evidence], Mapping[str, float]]
_DTYPES = {"i": np.int32, "f": np.float64}


class Model(PerformanceStrategy):
    """A learner on columns of the evidence.

    Args:
        columns: of a design; the same names for all designs.
        curve_epochs: that the columns are made of; 0 where they are the encoding.
    """

    def __init__(
        self,
        name: str,
        title: str,
        source: str,
        learner: type[Learner],
        *,
        columns: Columns = lambda one: one.columns,
        curve_epochs: int = 0,
    ) -> None:
        self.name, self.title, self.source = name, title, source
        self.kind: Kind = "learning-curve" if curve_epochs else "model-based"
        self.needs = Needs(samples=FEWEST_SAMPLES, curve_epochs=curve_epochs)
        self.learner, self._columns = learner, columns

    def fit(self, evidence: Sequence[Evidence], quality: npt.ArrayLike) -> FittedStrategy:
        wanted = self._checked(evidence, np.asarray(quality, np.float64))
        names = tuple(sorted(self._columns(evidence[0])))
        table = self.table(evidence, names)
        varied = np.flatnonzero(np.ptp(table, axis=0))
        inputs = Scale.of(table[:, varied])
        target = Scale.of(wanted)
        learner = self.learner().fit(
            inputs.standardised(table[:, varied]), target.standardised(wanted)
        )
        return FittedModel(self, tuple(names[i] for i in varied), inputs, target, learner)

    def table(self, evidence: Sequence[Evidence], names: Sequence[str]) -> FloatArray:
        """Columns (n, n_columns) of designs.

        Raises:
            ConfigurationError: a design has no such column, or one that is no number.
        """
        rows = []
        for one in evidence:
            self.check(one)
            columns = self._columns(one)
            missing = [name for name in names if not np.isfinite(columns.get(name, np.nan))]
            if missing:
                raise self.lacking(one, f"a finite {missing[0]!r}, as the others have it,")
            rows.append([columns[name] for name in names])
        return np.array(rows, np.float64).reshape(len(evidence), len(names))

    def restored(self, document: Mapping[str, Any]) -> FittedStrategy:
        try:
            names = tuple(str(name) for name in as_list(document.get("columns")))
            stored = as_object(document.get("arrays"))
            arrays = {name: _array(as_object(value)) for name, value in stored.items()}
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ArtefactError(
                f"a stored {self.title} holds columns and arrays; this one does not ({error}); fit "
                "it again."
            ) from error
        return FittedModel(
            self,
            names,
            Scale.restored(arrays, "input", (len(names),)),
            Scale.restored(arrays, "quality", ()),
            self.learner.from_arrays(arrays, len(names)),
        )

    def _checked(self, evidence: Sequence[Evidence], quality: FloatArray) -> FloatArray:
        if len(evidence) < self.needs.samples:
            raise ConfigurationError(
                f"{self.title} learns from {self.needs.samples} trained designs or more; got "
                f"{len(evidence)}; train more, or take a strategy that learns from none."
            )
        if quality.shape != (len(evidence),) or not np.isfinite(quality).all():
            raise ConfigurationError(
                f"{self.title} learns from one finite quality for each of {len(evidence)} designs; "
                f"got {np.isfinite(quality).sum()} finite of shape {quality.shape}; leave out "
                "designs whose training failed."
            )
        if not np.ptp(quality):
            raise ConfigurationError(
                f"{self.title} learns from designs of different quality; all {len(evidence)} have "
                f"{quality[0]:g}; train longer, or take designs that differ more."
            )
        return quality


@dataclass(frozen=True, slots=True, eq=False)
class Scale:
    """Mean and standard deviation of columns (n_columns,), or of one column ()."""

    mean: FloatArray
    deviation: FloatArray

    @classmethod
    def of(cls, values: FloatArray) -> Scale:
        """Those of values (n,) or (n, n_columns), none of them constant."""
        return cls(np.asarray(values.mean(axis=0)), np.asarray(values.std(axis=0)))

    @classmethod
    def restored(cls, arrays: Arrays, name: str, shape: tuple[int, ...]) -> Scale:
        """Inverse of ``arrays``.

        Raises:
            ArtefactError: missing, of another shape, or a deviation that is not positive.
        """
        scale = cls(take(arrays, f"{name}_mean", shape), take(arrays, f"{name}_deviation", shape))
        if (scale.deviation <= 0).any():
            raise ArtefactError(f"{name}_deviation of a stored model is positive; fit it again.")
        return scale

    def arrays(self, name: str) -> Arrays:
        """State, ready to be stored."""
        return {f"{name}_mean": self.mean, f"{name}_deviation": self.deviation}

    def standardised(self, values: FloatArray) -> FloatArray:
        """Values of mean 0 and deviation 1."""
        return (values - self.mean) / self.deviation


@dataclass(frozen=True, slots=True, eq=False)
class FittedModel(FittedStrategy):
    """A learner that has learnt.

    Attributes:
        columns: names of the columns that it looks at.
    """

    strategy: Model
    columns: tuple[str, ...]
    inputs: Scale
    target: Scale
    learner: Learner

    def _scores(self, evidence: Sequence[Evidence]) -> FloatArray:
        table = self.strategy.table(evidence, self.columns)
        answers = self.learner.predict(self.inputs.standardised(table))
        return answers * self.target.deviation + self.target.mean

    def document(self) -> dict[str, Any]:
        arrays = {
            **self.inputs.arrays("input"),
            **self.target.arrays("quality"),
            **self.learner.arrays(),
        }
        return {
            "strategy": self.strategy.name,
            "early_epochs": self.strategy.needs.curve_epochs,
            "columns": list(self.columns),
            "arrays": {name: _document(array) for name, array in arrays.items()},
        }


def _document(array: npt.NDArray[Any]) -> dict[str, Any]:
    values = array.ravel().tolist()
    return {"dtype": array.dtype.kind, "shape": list(array.shape), "values": values}


def _array(document: Mapping[str, Any]) -> npt.NDArray[Any]:
    values = np.array(as_list(document.get("values")), _DTYPES[as_text(document.get("dtype"))])
    return values.reshape([as_number(extent) for extent in as_list(document.get("shape"))])


def curve_columns(losses: FloatArray) -> dict[str, float]:
    """Losses (e,) of epochs 1 to e with their first and second differences, by name."""
    parts = {"loss": losses, "slope": np.diff(losses), "bend": np.diff(losses, 2)}
    return {
        f"{name}_{epoch}": value
        for name, part in parts.items()
        for epoch, value in enumerate(part.tolist(), start=1)
    }


def curve_model(epochs: int) -> Model:
    """LcSVR on so many epochs."""
    return Model(
        "lcsvr",
        "LcSVR",
        "Baker et al., Accelerating NAS using Performance Prediction (arXiv 1705.10823)",
        SupportVectorLearner,
        columns=lambda one: curve_columns(np.array(one.curve[:epochs])),
        curve_epochs=epochs,
    )


_WHITE = "White et al., How Powerful are Performance Predictors in NAS? (arXiv 2104.01177)"

MODELS = (
    Model(
        "bayesian-ridge",
        "Bayesian ridge",
        f"MacKay, Bayesian Interpolation (1992); {_WHITE}",
        BayesianRidgeLearner,
    ),
    Model(
        "gaussian-process",
        "Gaussian process",
        "Rasmussen and Williams, Gaussian Processes for Machine Learning (2006), algorithm 2.1",
        GaussianProcessLearner,
    ),
    Model("random-forest", "random forest", "Breiman, Random Forests (2001)", RandomForestLearner),
    Model(
        "gradient-boosting",
        "gradient boosting",
        "Chen and Guestrin, XGBoost (arXiv 1603.02754)",
        XGBoostLearner,
    ),
    Model(
        "svr",
        "SVR",
        "Drucker et al., Support Vector Regression Machines (NIPS 1996)",
        SupportVectorLearner,
    ),
    Model(
        "mlp",
        "MLP ensemble",
        "Lakshminarayanan et al., Simple and Scalable Predictive Uncertainty (arXiv 1612.01474)",
        NetworksLearner,
    ),
)
