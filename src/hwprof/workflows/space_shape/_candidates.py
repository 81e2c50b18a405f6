"""Networks of a space counted and predicted, many at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from hwprof.architecture import Architecture, BlockInstance, SharedBlocks
from hwprof.profiler.block_memory import CountedMemory, counted_memory
from hwprof.search.design import Design
from hwprof.search.estimators import TaskEstimator
from hwprof.search.spaces import Indices, SearchSpace
from hwprof.surrogates.predictions import LatencyPrediction
from hwprof.surrogates.predictor import Predictor
from hwprof.surrogates.tables import TabularSpace

FloatArray = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
_CHUNK = 4096  # architectures held at a time

Progress = Callable[[int], None]
"""Told how many more are done."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Networks of a space, arrays (n,) but for ``sizes``.

    Attributes:
        indices: their numbers in the space, ascending.
        latency_us, low_us, high_us: predicted, and the ends of its interval.
        macs: multiply-accumulates of one inference.
        score: of the task estimator.
        ram_bytes: most alive at once, scratch and constants: a bound from below of planned RAM.
        flash_bytes: weights and constants.
        sizes: rows and columns of the input, (n, 2).
    """

    indices: Indices
    latency_us: FloatArray
    low_us: FloatArray
    high_us: FloatArray
    macs: FloatArray
    score: FloatArray
    ram_bytes: FloatArray
    flash_bytes: FloatArray
    sizes: Integers

    def __len__(self) -> int:
        return len(self.indices)

    @classmethod
    def joined(cls, parts: Sequence[Candidates]) -> Candidates:
        """The networks of several, one after the other."""
        columns = ([getattr(part, field.name) for part in parts] for field in fields(cls))
        return cls(*(np.concatenate(column) for column in columns))


@dataclass(frozen=True, slots=True)
class Counter:
    """What counts and predicts.

    Attributes:
        task: a count; of a network it is the sum over its blocks.
        scheme: quantisation scheme; constants depend on it.
    """

    predictor: Predictor
    task: TaskEstimator
    scheme: str

    def candidates(
        self, space: SearchSpace, indices: Indices, progress: Progress | None = None
    ) -> Candidates:
        """The networks of some numbers.

        Raises:
            ConfigurationError, ModelError: one cannot be built.
        """
        advance = progress or (lambda _count: None)
        if isinstance(space, TabularSpace):
            parts = space.blocks_of(space.factors(indices))
            if _is_chain(parts):
                return self._of_parts(indices, parts, advance)
        chunks = []
        for start in range(0, len(indices), _CHUNK):
            chunk = indices[start : start + _CHUNK]
            chunks.append(self._of_architectures(space, chunk, advance))
        return Candidates.joined(chunks)

    def _of_architectures(
        self, space: SearchSpace, indices: Indices, advance: Progress
    ) -> Candidates:
        architectures = []
        counted = []
        for architecture in space.architectures(indices.tolist()):
            architectures.append(architecture)
            counted.append(self._counted(architecture))
            advance(1)
        prediction = self.predictor.predict_many(architectures)
        sizes = np.array([architecture.inputs[0][1][:2] for architecture in architectures])
        return _candidates(indices, prediction, np.array(counted).T, sizes)

    def _of_parts(
        self, indices: Indices, parts: Sequence[SharedBlocks], advance: Progress
    ) -> Candidates:
        prediction = self.predictor.predict_table(parts)
        columns = []
        for part in parts:
            counted = [self._counted(_alone(stretch)) for stretch in part.stretches]
            columns.append(np.array(counted).T[:, part.index])
        together = [
            combine.reduce(values) for combine, *values in zip(_COMBINE, *columns, strict=True)
        ]
        first = parts[0]
        sizes = np.array([stretch[0].config.inputs[0][:2] for stretch in first.stretches])
        advance(len(indices))
        return _candidates(indices, prediction, np.array(together), sizes[first.index])

    def _counted(self, network: Architecture) -> tuple[float, ...]:
        """Values in the order of ``_COMBINE``."""
        memory: CountedMemory = counted_memory(network.blocks, network.outputs, self.scheme)
        (score,) = self.task.scores([Design(network)]).tolist()
        return (
            network.macs,
            score,
            memory.live_bytes,
            memory.scratch_bytes,
            memory.constants_bytes,
            memory.weights_bytes,
        )


_COMBINE = (np.add, np.add, np.maximum, np.maximum, np.add, np.add)
"""How MACs, score, live, scratch, constants and weights of a network's parts are joined."""


def _candidates(
    indices: Indices,
    prediction: LatencyPrediction[FloatArray],
    counted: FloatArray,
    sizes: Integers,
) -> Candidates:
    macs, score, live, scratch, constants, weights = counted.astype(np.float64)
    return Candidates(
        indices,
        prediction.latency_us,
        prediction.low_us,
        prediction.high_us,
        macs,
        score,
        ram_bytes=live + scratch + constants,
        flash_bytes=weights + constants,
        sizes=sizes,
    )


def _alone(stretch: tuple[BlockInstance, ...]) -> Architecture:
    """A run of blocks as a network whose last block is its output."""
    return Architecture("", (), stretch, (stretch[-1].name,))


def _is_chain(parts: Sequence[SharedBlocks]) -> bool:
    """Whether each part reads nothing but the last block of the part before it.

    Then no tensor is alive through a part that is not its own, and parts are counted alone.
    """
    return all(
        _outside(later) == {stretch[-1].name for stretch in earlier.stretches}
        for earlier, later in pairwise(parts)
    )


def _outside(part: SharedBlocks) -> set[str]:
    """Names that the blocks of a part read and that none of its stretch has."""
    return {name for stretch in part.stretches for name in _read_by(stretch)}


def _read_by(stretch: tuple[BlockInstance, ...]) -> Iterator[str]:
    own = {block.name for block in stretch}
    return (name for block in stretch for name in block.inputs if name not in own)
