"""What each quantisation scheme costs a trained detector in average precision.

Comes before a search and fixes its scheme: the fastest one whose loss is not resolvable with the
pictures there are, or is small enough.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hwprof.architecture import Architecture
from hwprof.errors import ConfigurationError
from hwprof.graph import Float, Graph
from hwprof.models import resolve_model
from hwprof.networks import fastestdet
from hwprof.profiler.bench import Setup
from hwprof.search.training.bootstrap import (
    Difference,
    Interval,
    Matches,
    paired_samples,
)
from hwprof.search.training.boxes import decode, suppress
from hwprof.search.training.checkpoints import (
    FASTESTDET_SIDE,
    is_fastestdet,
    load_fastestdet,
    read_state,
)
from hwprof.search.training.detections import Pixels, outputs, samples, seen_at
from hwprof.search.training.module import GraphModule
from hwprof.search.training.sets import picture_sets
from hwprof.workflows.detector_accuracy import CALIBRATION_PICTURES
from hwprof.workflows.int8_accuracy import BoardProof, Int8Detector, board_proof
from hwprof.workflows.schemes import Study

if TYPE_CHECKING:
    from torch import Tensor

TOLERANCE = 0.01
"""AP50 between 0 and 1: a smaller loss is no reason for a slower scheme."""

_CLASS_NAME = "person"
_PUBLISHED_CLASSES, _PERSON = 80, 0  # of FastestDet's weights
_BOX_END = 5  # channels of objectness and box, before the classes

Told = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class StudyRequest:
    """What is studied on what.

    Attributes:
        model: a detector by name or file; of FastestDet's own head with the published weights.
        data: a COCO or PASCAL VOC folder with persons.
        weights: FastestDet's, or a state that ``model`` was trained to.
        proved: pictures that the firmware computes too, byte by byte, under each scheme.
    """

    model: str
    data: Path
    weights: Path
    proved: int = 1


@dataclass(frozen=True, slots=True)
class SchemeAccuracy:
    """A detector under one scheme, as a board computes it.

    Attributes:
        ap50: at an intersection over union of 0.5, between 0 and 1.
        change: less the float network's, on the same pictures.
        behind: less that of the scheme with the highest.
        proof: that a virtual board computes the same bytes; None where nobody asked for it.
    """

    scheme: str
    ap50: Interval
    change: Difference
    behind: Difference
    proof: BoardProof | None = None


@dataclass(frozen=True, slots=True)
class AccuracyStudy:
    """A trained detector under several schemes.

    Attributes:
        network: that computed the outputs; published weights have 80 classes.
        pictures: that precision is computed on: val-A, because the scheme is a choice too.
        calibration_pictures: for training, on which ranges were seen.
    """

    network: str
    pictures: int
    calibration_pictures: int
    ap50_float: Interval
    schemes: tuple[SchemeAccuracy, ...]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A scheme to search with, and why."""

    scheme: str
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class _Network:
    """A trained network and how boxes are read from its map.

    Attributes:
        canvas: of ``boxes.decode``.
        position: of the class among the network's classes.
    """

    module: GraphModule
    canvas: tuple[float, float]
    position: int

    def matches(self, sets: _Pixels, maps: Sequence[Float]) -> Matches:
        """The detections of output maps, one for each picture."""
        channel = _BOX_END + self.position
        chosen = (np.concatenate([one[:_BOX_END], one[channel : channel + 1]]) for one in maps)
        found = [suppress(decode(each, canvas=self.canvas)) for each in chosen]
        return Matches.of(sets.pictures, found)


class _Pixels:
    """The pictures of a data set as a network sees them."""

    def __init__(self, data: Path, size: tuple[int, int]) -> None:
        sets = picture_sets(data, _CLASS_NAME)
        self.pictures = sets.selection
        self.pixels = seen_at(self.pictures, size)
        self.calibration = samples(seen_at(sets.training[:CALIBRATION_PICTURES], size))


def scheme_accuracies(
    request: StudyRequest, rows: Sequence[Study], told: Told = lambda _: None
) -> AccuracyStudy:
    """Precision of a person detector in float and under each scheme.

    Args:
        rows: schemes, and the kernels that take their weights.
        told: the name of what begins.

    Raises:
        ConfigurationError: data or weights cannot be used, or belong to another network.
        ModelError: the network cannot be lowered in a scheme.
    """
    network = _read(request.model, request.weights)
    graph = network.module.folded()
    ((height, width, _channels),) = graph.inputs.values()
    sets = _Pixels(request.data, (height, width))
    told("float")
    matches = [network.matches(sets, list(outputs(network.module, sets.pixels)))]
    proofs = []
    for row in rows:
        told(row.scheme)
        detector = Int8Detector(graph, sets.calibration, row.scheme)
        matches.append(network.matches(sets, detector.outputs(sets.pixels)))
        proofs.append(_proof(detector, sets.pixels[: request.proved], row))
    of_float, *of_schemes = paired_samples([[one] for one in matches])
    best = max(of_schemes, key=lambda one: one.value)
    return AccuracyStudy(
        network=graph.name,
        pictures=len(sets.pictures),
        calibration_pictures=len(sets.calibration),
        ap50_float=of_float.interval(),
        schemes=tuple(
            SchemeAccuracy(row.scheme, one.interval(), one.less(of_float), one.less(best), proof)
            for row, one, proof in zip(rows, of_schemes, proofs, strict=True)
        ),
    )


def _proof(detector: Int8Detector, pixels: Pixels, row: Study) -> BoardProof | None:
    """A virtual board's bytes beside the reference's; cycles of memories are of no interest."""
    if not len(pixels):
        return None
    return board_proof(detector, pixels, Setup(kernels=row.kernels, timing="pipeline"))


def suggest(
    study: AccuracyStudy, latencies_ms: Mapping[str, float], *, tolerance: float = TOLERANCE
) -> Suggestion:
    """The fastest scheme that costs nothing that matters.

    Where every scheme loses more than ``tolerance`` for certain, the fastest of those that are not
    behind the most precise one.

    Args:
        latencies_ms: of the network under each scheme.
        tolerance: loss of AP50, between 0 and 1, that does not matter.
    """
    harmless = [one for one in study.schemes if _is_harmless(one.change, tolerance)]
    equals = [one for one in study.schemes if _is_harmless(one.behind, tolerance)]
    chosen = min(harmless or equals, key=lambda one: latencies_ms[one.scheme])
    change = chosen.change if harmless else chosen.behind
    measure = "float" if harmless else "the most precise scheme (all are resolvably behind float)"
    return Suggestion(
        chosen.scheme,
        f"the fastest whose AP50 is not resolvably behind that of {measure}, {_points(change)} "
        f"points by estimate; losses up to {100 * tolerance:g} in a hundred do not count",
    )


def _points(change: Difference) -> str:
    return f"{100 * change.value:+.1f} ({100 * change.low:+.1f} to {100 * change.high:+.1f})"


def _is_harmless(change: Difference, tolerance: float) -> bool:
    return not change.is_resolvable or change.value >= -tolerance


def _read(model: str, weights: Path) -> _Network:
    resolved = resolve_model(model)
    state = read_state(weights)
    if is_fastestdet(state):
        return _published(model, resolved.architecture, state)
    module = GraphModule(resolved.graph)
    try:
        module.load_state_dict(state)
    except RuntimeError as error:
        raise ConfigurationError(
            f"weights belong to the network that was trained; {str(weights)!r} has others than "
            f"{model!r} ({str(error).splitlines()[-1].strip()}); name that detector."
        ) from error
    _check(module.graph)
    return _Network(module.eval(), (1.0, 1.0), _PERSON)


def _published(model: str, architecture: Architecture, state: Mapping[str, Tensor]) -> _Network:
    """The network of the published weights at the input size of a seed detector."""
    height, width, _channels = architecture.inputs[0][1]
    if architecture.blocks != fastestdet(height=height, width=width, classes=1).blocks:
        raise ConfigurationError(
            f"FastestDet's weights have its own head, k=5, g=1, c=96; {model!r} has another; name "
            "person-detector, or train this one first."
        )
    whole = fastestdet(height=height, width=width, classes=_PUBLISHED_CLASSES)
    module = GraphModule(whole.graph())
    load_fastestdet(module, state)
    canvas = FASTESTDET_SIDE / width, FASTESTDET_SIDE / height
    return _Network(module.eval(), canvas, _PERSON)


def _check(graph: Graph) -> None:
    (output,) = graph.outputs
    channels = graph.shapes[output][2]
    if channels <= _BOX_END:
        raise ConfigurationError(
            f"a detector's map has objectness, four numbers of a box and classes; {graph.name!r} "
            f"has {channels} channels; name a person-detector."
        )
