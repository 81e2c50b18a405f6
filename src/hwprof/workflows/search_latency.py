"""How a search knows latencies: predictors, the board, or both; a table of what has a name."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import cached_property, partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Self, get_args

from hwprof.architecture import Architecture
from hwprof.errors import BoardError, UnknownNameError
from hwprof.networks import person_detector
from hwprof.profiler.bench import Bench, Setup
from hwprof.search.estimators import (
    BoardLatency,
    Kind,
    LatencyEstimate,
    LatencyEstimator,
    PredictedLatency,
    SettledLatency,
)
from hwprof.surrogates.predict import Method, Predictor
from hwprof.workflows.setup_predictor import setup_predictor
from hwprof.workspace import Workspace

if TYPE_CHECKING:
    from types import TracebackType

_DIGEST_DIGITS = 8


class SearchBoard:
    """The one board of a process, opened when it is first needed; closed by a ``with`` block."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    @cached_property
    def bench(self) -> Bench:
        """The opened board."""
        return self._stack.enter_context(Bench(self.setup))

    @cached_property
    def latency(self) -> BoardLatency:
        """Latencies by running architectures, each verified and run once."""
        context = self.bench.origin.context
        kinds: dict[str, Kind] = {kind: kind for kind in get_args(Kind)}
        name = (
            f"{context.kind} on {context.board} ({context.timing_model}, {context.placement}, "
            f"{context.kernels}, {context.scheme})"
        )
        return BoardLatency(name, self._run, kinds[context.kind])

    def estimate(self, architecture: Architecture) -> LatencyEstimate:
        """Latency of one architecture by running it, of the board's kind.

        Raises:
            BoardError: its outputs are not the reference's.
        """
        (estimate,) = self.latency.estimates([architecture])
        return estimate

    def _run(self, architecture: Architecture) -> float:
        program = self.bench.lower(architecture.graph())
        row = self.bench.measure(program, block_type="network", block_key=architecture.name)
        if row.error:
            raise BoardError(f"{architecture.name} did not verify: {row.error}.")
        return row.latency_us


def predicted_latency(predictor: Predictor, method: str) -> PredictedLatency:
    """A predictor as the latency estimator of a search."""
    context = predictor.context
    return PredictedLatency(
        f"{method} {_digest(predictor)} for {context.board} ({context.timing_model}, "
        f"{context.placement})",
        predictor.predict_many,
    )


def _digest(predictor: Predictor) -> str:
    """Tells one fit from another by what it says of the blocks of the person detector.

    A study keeps values of one fit; after another it must not go on with them. Six digits, because
    the last ones may differ between two processes of one search.
    """
    prices = [f"{block.latency_us:.6g}" for block in predictor.predict(person_detector()).blocks]
    return hashlib.sha256(repr(prices).encode()).hexdigest()[:_DIGEST_DIGITS]


def _predicted(method: Method, board: SearchBoard, workspace: Workspace) -> LatencyEstimator:
    setup = board.setup
    predictor = setup_predictor(setup, workspace, method)
    return predicted_latency(predictor, method)


def _run(board: SearchBoard, workspace: Workspace) -> LatencyEstimator:
    del workspace
    return board.latency


def _settled(board: SearchBoard, workspace: Workspace) -> LatencyEstimator:
    return SettledLatency(_predicted("surrogate", board, workspace), board.latency)


LATENCIES: Mapping[str, Callable[[SearchBoard, Workspace], LatencyEstimator]] = MappingProxyType(
    {
        "macs": partial(_predicted, "macs"),
        "lut": partial(_predicted, "lut"),
        "surrogate": partial(_predicted, "surrogate"),
        "board": _run,
        "surrogate+board": _settled,
    }
)


def get_latency(name: str, board: SearchBoard, workspace: Workspace) -> LatencyEstimator:
    """The latency estimator of that name for a board.

    Raises:
        UnknownNameError: no such estimator; the message suggests the nearest.
        ArtefactError: no surrogate fits the target.
        LinkError: the board does not answer.
    """
    if name not in LATENCIES:
        raise UnknownNameError("latency estimator", name, LATENCIES)
    return LATENCIES[name](board, workspace)
