"""Average precision of trained detectors, in float and in the int8 arithmetic of the firmware."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hwprof.graph import Int8
from hwprof.measurement import DEFAULT_SCHEME
from hwprof.search.training.boxes import Detections, Floats, decode, suppress
from hwprof.search.training.data import Picture
from hwprof.search.training.detections import outputs, samples, seen_at
from hwprof.search.training.evaluation import average_precision
from hwprof.search.training.module import GraphModule
from hwprof.search.training.parts import divide
from hwprof.search.training.seed import part_of
from hwprof.search.training.threads import one_thread
from hwprof.search.training.validation import mean_loss
from hwprof.workflows.int8_accuracy import Int8Backbone, Int8Detector, Int8Head
from hwprof.workflows.trained_detectors import TrainedDetector

CALIBRATION_PICTURES = 64
_MOST_CACHED_BYTES = 1 << 30


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What a detector finds on some pictures, one entry for each.

    Attributes:
        of_float: by the network as it was trained.
        of_int8: by the network as a board runs it, bit for bit.
    """

    of_float: tuple[Detections, ...]
    of_int8: tuple[Detections, ...]


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Average precision at an intersection over union of 0.5, between 0 and 1."""

    ap50_float: float
    ap50_int8: float


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """What a backbone makes of pictures: float32 (n, c, h, w), and int8 (h, w, c) of each."""

    backbone: Int8Backbone
    floats: Floats
    elements: tuple[Int8, ...]

    @property
    def nbytes(self) -> int:
        return self.floats.nbytes + sum(each.nbytes for each in self.elements)


class DetectorAccuracy:
    """Evaluates trained detectors on one set of pictures.

    What a backbone makes of the pictures is computed once for all heads on it.

    Args:
        pictures: that precision is computed on.
        calibration: pictures that the ranges of int8 tensors are seen on; the first
            ``CALIBRATION_PICTURES`` of them.
        scheme: of quantisation.
    """

    def __init__(
        self,
        pictures: Sequence[Picture],
        calibration: Sequence[Picture],
        scheme: str = DEFAULT_SCHEME,
    ) -> None:
        self._pictures = tuple(pictures)
        self._calibration = tuple(calibration)[:CALIBRATION_PICTURES]
        self._scheme = scheme
        self._seen: OrderedDict[tuple[tuple[int, int], str], _Seen] = OrderedDict()

    @one_thread()
    def accuracy(self, detector: TrainedDetector) -> Accuracy:
        """Precision of a detector on all pictures."""
        found = self.found(detector)
        values = (
            average_precision(self._pictures, each).ap50 for each in (found.of_float, found.of_int8)
        )
        return Accuracy(*values)

    @one_thread()
    def loss(self, detector: TrainedDetector) -> float:
        """Mean training loss of the float network on all pictures, whole and unchanged."""
        return mean_loss(self._float_maps(detector), self._pictures)

    @one_thread()
    def found(self, detector: TrainedDetector) -> Found:
        """What a detector finds on each picture, boxes that overlap suppressed."""
        seen = self._backbone(detector)
        head = part_of(detector.module, divide(detector.architecture).head)
        int8_maps = Int8Head(head.folded(), seen.backbone).outputs(seen.elements)
        return Found(_detections(outputs(head, seen.floats)), _detections(int8_maps))

    @one_thread()
    def int8(self, detector: TrainedDetector) -> Int8Detector:
        """A whole detector as a board runs it; what ``found`` computes of it in two parts."""
        calibration = samples(seen_at(self._calibration, divide(detector.architecture).size))
        return Int8Detector(detector.graph, calibration, self._scheme)

    def _float_maps(self, detector: TrainedDetector) -> Floats:
        head = part_of(detector.module, divide(detector.architecture).head)
        return outputs(head, self._backbone(detector).floats)

    def _backbone(self, detector: TrainedDetector) -> _Seen:
        parts = divide(detector.architecture)
        # A backbone that was trained along is the detector's own.
        name = parts.size, "" if detector.key.frozen else detector.key.slug
        if name not in self._seen:
            while sum(seen.nbytes for seen in self._seen.values()) > _MOST_CACHED_BYTES:
                self._seen.popitem(last=False)
            self._seen[name] = self._see(part_of(detector.module, parts.backbone), parts.size)
        self._seen.move_to_end(name)
        return self._seen[name]

    def _see(self, backbone: GraphModule, size: tuple[int, int]) -> _Seen:
        calibration = samples(seen_at(self._calibration, size))
        int8 = Int8Backbone(backbone.folded(), calibration, self._scheme)
        pixels = seen_at(self._pictures, size)
        return _Seen(int8, outputs(backbone, pixels), tuple(int8.features(pixels)))


def _detections(maps: Iterable[Floats]) -> tuple[Detections, ...]:
    return tuple(suppress(decode(each)) for each in maps)
