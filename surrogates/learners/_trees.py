"""Tree learners: random forest and XGBoost, evaluated from plain arrays.

A library call for one row costs milliseconds (scikit-learn's forest 4.6, XGBoost 0.2); walking
all trees of an ensemble at once over flat arrays costs some ten microseconds a level.

Notation: the nodes of all trees lie in one array; node i goes to ``left[i]`` if
float32(z[feature[i]]) <= threshold[i], else to ``right[i]``; a leaf points to itself and
carries ``value[i]``. An ensemble's output is offset + the sum of its trees' leaves.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from hwprof.errors import ArtefactError
from hwprof.surrogates.arrays import Arrays, Matrix, Vector, take
from hwprof.surrogates.learners._base import Learner

_Indices = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class TreeEnsemble:
    """Trees as flat arrays, all of length n_nodes but ``roots`` (n_trees,).

    Attributes:
        depth: levels that a walk takes at most.
    """

    roots: _Indices
    feature: _Indices
    threshold: Vector
    left: _Indices
    right: _Indices
    value: Vector
    offset: float
    depth: int

    def predict(self, z: Matrix) -> Vector:
        """Sum of leaves plus offset for each row of z, (n,)."""
        rounded = z.astype(np.float32).astype(np.float64)
        rows = np.arange(len(z))[:, None]
        nodes = np.broadcast_to(self.roots, (len(z), len(self.roots)))
        for _ in range(self.depth):
            goes_left = rounded[rows, self.feature[nodes]] <= self.threshold[nodes]
            nodes = np.where(goes_left, self.left[nodes], self.right[nodes])
        total: Vector = self.value[nodes].sum(axis=1) + self.offset
        return total

    def arrays(self) -> Arrays:
        """State, ready to be stored."""
        return {
            "roots": self.roots,
            "feature": self.feature,
            "threshold": self.threshold,
            "left": self.left,
            "right": self.right,
            "value": self.value,
            "offset": np.array([self.offset]),
        }

    @classmethod
    def from_arrays(cls, arrays: Arrays, n_columns: int) -> Self:
        """Inverse of ``arrays``; children must follow their parents, so that walks end.

        Raises:
            ArtefactError: an index points outside its array, or a child precedes its parent.
        """
        value = take(arrays, "value", (None,))
        n_nodes = value.shape
        links = {name: take(arrays, name, n_nodes) for name in ("feature", "left", "right")}
        roots = take(arrays, "roots", (None,))
        here = np.arange(len(value))
        inside = (roots >= 0) & (roots < len(value))
        sound = all(
            ((links[side] >= here) & (links[side] < len(value))).all() for side in ("left", "right")
        )
        known = (links["feature"] >= 0) & (links["feature"] < max(n_columns, 1))
        if not (sound and inside.all() and known.all()):
            raise ArtefactError("a stored tree points outside its arrays; fit the model again.")
        left, right = (links[side].astype(np.int32) for side in ("left", "right"))
        return cls(
            roots=roots.astype(np.int32),
            feature=links["feature"].astype(np.int32),
            threshold=take(arrays, "threshold", n_nodes),
            left=left,
            right=right,
            value=value,
            offset=float(take(arrays, "offset", (1,))[0]),
            depth=_depth(left, right),
        )


def _depth(left: _Indices, right: _Indices) -> int:
    """Longest walk from any node; children follow their parents."""
    heights = np.zeros(len(left), dtype=np.int64)
    for node in range(len(left) - 1, -1, -1):
        if left[node] != node:
            heights[node] = 1 + max(heights[left[node]], heights[right[node]])
    return int(heights.max(initial=0))


def _merge(trees: list[dict[str, Any]], offset: float) -> TreeEnsemble:
    """One ensemble from trees of local indices."""
    sizes = [len(tree["value"]) for tree in trees]
    starts = np.cumsum([0, *sizes[:-1]])
    left = np.concatenate([tree["left"] + start for tree, start in zip(trees, starts, strict=True)])
    right = np.concatenate(
        [tree["right"] + start for tree, start in zip(trees, starts, strict=True)]
    )
    left, right = left.astype(np.int32), right.astype(np.int32)
    return TreeEnsemble(
        roots=starts.astype(np.int32),
        feature=np.concatenate([tree["feature"] for tree in trees]).astype(np.int32),
        threshold=np.concatenate([tree["threshold"] for tree in trees]).astype(np.float64),
        left=left,
        right=right,
        value=np.concatenate([tree["value"] for tree in trees]).astype(np.float64),
        offset=offset,
        depth=_depth(left, right),
    )


def _with_leaves(
    left: npt.NDArray[Any], right: npt.NDArray[Any], feature: npt.NDArray[Any]
) -> dict[str, Any]:
    """Both libraries mark a leaf by child -1; ours points to itself."""
    here = np.arange(len(left))
    leaf = left < 0
    return {
        "left": np.where(leaf, here, left),
        "right": np.where(leaf, here, right),
        "feature": np.where(leaf, 0, feature),
    }


def forest_arrays(forest: Any) -> TreeEnsemble:
    """A fitted ``sklearn.ensemble.RandomForestRegressor`` as arrays."""
    trees = []
    for estimator in forest.estimators_:
        tree = estimator.tree_
        trees.append(
            {
                **_with_leaves(tree.children_left, tree.children_right, tree.feature),
                "threshold": tree.threshold,
                "value": tree.value[:, 0, 0] / len(forest.estimators_),
            }
        )
    return _merge(trees, offset=0.0)


def booster_arrays(booster: Any) -> TreeEnsemble:
    """A fitted ``xgboost.Booster`` of regression trees as arrays, read from its JSON."""
    import json

    learner = json.loads(booster.save_raw("json"))["learner"]
    offset = float(str(learner["learner_model_param"]["base_score"]).strip("[]"))
    trees = []
    for tree in learner["gradient_booster"]["model"]["trees"]:
        left = np.array(tree["left_children"])
        conditions = np.array(tree["split_conditions"], dtype=np.float32)
        trees.append(
            {
                **_with_leaves(
                    left, np.array(tree["right_children"]), np.array(tree["split_indices"])
                ),
                # XGBoost goes left on z < condition: the same as z <= the float32 just below.
                "threshold": np.nextafter(conditions, np.float32(-np.inf)),
                "value": np.where(left < 0, conditions, 0.0),
            }
        )
    return _merge(trees, offset)


class _TreeLearner(Learner):
    """A tree ensemble."""

    ensemble_: TreeEnsemble

    @abc.abstractmethod
    def _grow(self, z: Matrix, r: Vector) -> TreeEnsemble:
        """Trees of one of the libraries, as arrays."""

    def fit(self, z: Matrix, r: Vector) -> Self:
        constant = np.zeros((len(z), 1))
        self.ensemble_ = self._grow(z if z.shape[1] else constant, r)
        return self

    def predict(self, z: Matrix) -> Vector:
        return self.ensemble_.predict(z if z.shape[1] else np.zeros((len(z), 1)))

    def arrays(self) -> Arrays:
        return self.ensemble_.arrays()

    @classmethod
    def from_arrays(cls, arrays: Arrays, n_columns: int) -> Self:
        learner = cls()
        learner.ensemble_ = TreeEnsemble.from_arrays(arrays, n_columns)
        return learner


class RandomForestLearner(_TreeLearner):
    """Random forest."""

    name: ClassVar[str] = "random_forest"

    def _grow(self, z: Matrix, r: Vector) -> TreeEnsemble:
        from sklearn.ensemble import RandomForestRegressor

        forest = RandomForestRegressor(
            n_estimators=100, min_samples_leaf=2, max_features=0.5, random_state=self.seed, n_jobs=1
        )
        return forest_arrays(forest.fit(z, r))


class XGBoostLearner(_TreeLearner):
    """XGBoost regression trees."""

    name: ClassVar[str] = "xgboost"

    def _grow(self, z: Matrix, r: Vector) -> TreeEnsemble:
        import xgboost

        options = {
            "max_depth": 3,
            "learning_rate": 0.05,
            "subsample": 0.8,
            "colsample_bytree": 0.8,
            "min_child_weight": 3,
            "nthread": 1,
            "seed": self.seed,
            "verbosity": 0,
        }
        data = xgboost.DMatrix(z, label=r)
        return booster_arrays(xgboost.train(options, data, num_boost_round=200))
