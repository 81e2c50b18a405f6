"""A few small neural networks, each from other random weights, and their mean.

Notation: r(z) = mean over networks m of tanh(z . first_m + first_bias_m) . second_m +
second_bias_m; means of networks that differ in their first weights alone err less than one
(Lakshminarayanan et al., arXiv 1612.01474).
"""

from __future__ import annotations

import warnings
from typing import ClassVar, Self

import numpy as np

from hwprof.surrogates.arrays import Arrays, Matrix, Vector, take
from hwprof.surrogates.learners._base import Learner

_NETWORKS = 5
_HIDDEN = 16
_PENALTY = 1.0  # of the weights' squares: tens of samples and hundreds of weights
_STEPS = 500


class NetworksLearner(Learner):
    """Mean of networks with one hidden layer."""

    name: ClassVar[str] = "networks"

    first_: Matrix = np.zeros((0, 0, 0))
    first_bias_: Matrix = np.zeros((0, 0))
    second_: Matrix = np.zeros((0, 0))
    second_bias_: Vector = np.zeros(0)

    def fit(self, z: Matrix, r: Vector) -> Self:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.neural_network import MLPRegressor

        seen = z if z.shape[1] else np.zeros((len(z), 1))
        models = [
            MLPRegressor(
                hidden_layer_sizes=(_HIDDEN,),
                activation="tanh",
                solver="lbfgs",
                alpha=_PENALTY,
                max_iter=_STEPS,
                random_state=self.seed + number,
            )
            for number in range(_NETWORKS)
        ]
        with warnings.catch_warnings():
            # The penalty decides what is learnt, not the last digits of convergence.
            warnings.simplefilter("ignore", ConvergenceWarning)
            for model in models:
                model.fit(seen, r)
        self.first_ = np.stack([model.coefs_[0][: z.shape[1]] for model in models])
        self.first_bias_ = np.stack([model.intercepts_[0] for model in models])
        self.second_ = np.stack([model.coefs_[1][:, 0] for model in models])
        self.second_bias_ = np.array([model.intercepts_[1][0] for model in models])
        return self

    def predict(self, z: Matrix) -> Vector:
        hidden = np.tanh(np.einsum("nc,mch->mnh", z, self.first_) + self.first_bias_[:, None])
        answers = np.einsum("mnh,mh->mn", hidden, self.second_) + self.second_bias_[:, None]
        mean: Vector = answers.mean(axis=0)
        return mean

    def arrays(self) -> Arrays:
        return {
            "first": self.first_,
            "first_bias": self.first_bias_,
            "second": self.second_,
            "second_bias": self.second_bias_,
        }

    @classmethod
    def from_arrays(cls, arrays: Arrays, n_columns: int) -> Self:
        learner = cls()
        learner.second_ = take(arrays, "second", (None, None))
        learner.first_bias_ = take(arrays, "first_bias", learner.second_.shape)
        networks, hidden = learner.second_.shape
        learner.first_ = take(arrays, "first", (networks, n_columns, hidden))
        learner.second_bias_ = take(arrays, "second_bias", (networks,))
        return learner
