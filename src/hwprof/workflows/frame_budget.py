"""What a whole frame takes: the network, and everything around it, as ``hwprof frame`` prints it.

The parts beside the network are C (``firmware_stub/frame``) that runs on the virtual board; each
answer is compared with the host's before its cycles count. docs/FRAME.md says what they assume.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal

from hwprof.errors import ConfigurationError
from hwprof.graph import QuantParams
from hwprof.measurement import BOARD_DEFAULT, DEFAULT_TARGET, Placement
from hwprof.workflows.camera import Camera
from hwprof.workflows.frame_scenes import TYPICAL_SHARE

Kind = Literal["measured", "modelled", "predicted"]

NETWORK_PART = "network"
_BEHIND = ("decode", "NMS")  # the network
PIXEL_PARAMS = QuantParams(1 / 255, -128)
"""Quantisation of an input between 0 and 1 under the default scheme."""
MAP_RANGE = (-5.3, 8.2)
"""What the published FastestDet weights answer: ``benchmarks/frame_candidates.py`` prints it."""
MAP_PARAMS = QuantParams((MAP_RANGE[1] - MAP_RANGE[0]) / 255, -28)
"""Quantisation of such a map under the default scheme."""
_MAP_CHANNELS = 6  # objectness, four of the box, one class
GRID_STEP = 16  # input pixels a cell
_MOST_CELLS = 4096  # of the largest grid of the detectors


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameSetup:
    """Where a frame comes from and what it runs on.

    Attributes:
        boxes: candidates above the score threshold on a typical picture, no more than cells; None
            for ``TYPICAL_SHARE`` of them.
        target: a virtual board.
        placement: the network's; its input and output lie with the activations, tables and boxes
            with the scratch. Parts left empty are the board's own.
        timing: mode of the timing model; empty for the default.
        is_fused: quantise each pixel as it is stretched, instead of in a pass of its own.
        pixels: quantisation of the network's input.
        output: quantisation of its output map.
        canvas: factors on width and height of the boxes, as ``boxes.decode`` takes them.
    """

    camera: Camera = field(default_factory=Camera)
    boxes: int | None = None
    target: str = DEFAULT_TARGET
    placement: Placement = BOARD_DEFAULT
    timing: str = ""
    is_fused: bool = False
    pixels: QuantParams = PIXEL_PARAMS
    output: QuantParams = MAP_PARAMS
    canvas: tuple[float, float] = (1.0, 1.0)


@dataclass(frozen=True, slots=True)
class FramePart:
    """One part of a frame.

    Attributes:
        latency_us: on a typical picture.
        worst_us: with every cell a candidate and no box suppressed; the same where the picture's
            content does not matter.
        kind: whether somebody measured, modelled or predicted it.
        what: on what, in words.
    """

    name: str
    latency_us: float
    worst_us: float
    kind: Kind
    what: str


@dataclass(frozen=True, slots=True)
class FrameBudget:
    """A frame, part by part, in the order of the work.

    Attributes:
        size: height and width of the network's input in pixels.
        boxes, kept_boxes: candidates on the typical picture, and those that suppression keeps.
        most_boxes: cells, all of which are candidates on the worst one.
        board, clock_hz, timing_model: what the modelled parts ran on.
        warnings: what the model left out of them.
    """

    parts: tuple[FramePart, ...]
    camera: Camera
    size: tuple[int, int]
    boxes: int
    kept_boxes: int
    most_boxes: int
    board: str
    clock_hz: int
    timing_model: str
    warnings: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """What its sums are made of: ``modelled``, or ``measured and modelled``."""
        return " and ".join(sorted({part.kind for part in self.parts}))

    @property
    def total_us(self) -> float:
        """Microseconds from the picture in memory to its boxes."""
        return sum(part.latency_us for part in self.parts)

    @property
    def worst_total_us(self) -> float:
        """The same on the worst picture."""
        return sum(part.worst_us for part in self.parts)

    @property
    def frames_per_second(self) -> float:
        """Frames in a second where nothing else runs and each starts when the last one ends."""
        return 1e6 / self.total_us

    @property
    def worst_frames_per_second(self) -> float:
        """The same on the worst picture."""
        return 1e6 / self.worst_total_us

    @property
    def network_us(self) -> float:
        """The network's share; 0 while there is none."""
        return sum(part.latency_us for part in self.parts if part.name == NETWORK_PART)

    def with_network(self, network_us: float, kind: Kind = "modelled") -> FrameBudget:
        """This frame with a network in front of its decoding.

        Raises:
            ConfigurationError: the latency is no positive number.
        """
        if not 0 < network_us < float("inf"):
            raise ConfigurationError(
                f"a network takes more than 0 us; got {network_us:g}; profile it first."
            )
        what = f"int8, {self.size[0]} x {self.size[1]} pixels"
        network = FramePart(NETWORK_PART, network_us, network_us, kind, what)
        front = [part for part in self.parts if part.name not in _BEHIND]
        behind = [part for part in self.parts if part.name in _BEHIND]
        return replace(self, parts=(*front, network, *behind))


def frame_budget(
    network_us: float,
    size: tuple[int, int],
    *,
    setup: FrameSetup | None = None,
    kind: Kind = "modelled",
    map_shape: tuple[int, int, int] | None = None,
) -> FrameBudget:
    """A network's latency as part of a whole frame.

    Parts of the same sizes under the same setup are run once a process.

    Args:
        network_us: the network's latency.
        size: height and width of its input in pixels.
        setup: camera, boxes and board; the defaults where it is None.
        kind: whether the latency was measured, modelled or predicted.
        map_shape: rows, columns and channels of its output; a cell for each 16 x 16 pixels and one
            class unless given.

    Raises:
        UnknownNameError: no such virtual board, memory or timing mode.
        ConfigurationError: the target is no virtual board, a size or a number of boxes is out of
            range, or a picture does not fit its memory.
        BoardError: a part computed something else than the host.
    """
    return frame_around(size, setup=setup, map_shape=map_shape).with_network(network_us, kind)


def frame_around(
    size: tuple[int, int],
    *,
    setup: FrameSetup | None = None,
    map_shape: tuple[int, int, int] | None = None,
) -> FrameBudget:
    """A frame without its network; arguments and errors as ``frame_budget`` says."""
    setup = setup or FrameSetup()
    height, width = size
    shape = map_shape or (-(-height // GRID_STEP), -(-width // GRID_STEP), _MAP_CHANNELS)
    cells = shape[0] * shape[1]
    boxes = max(1, round(TYPICAL_SHARE * cells)) if setup.boxes is None else setup.boxes
    _check(boxes, cells, size)
    return _around(setup, size, shape, boxes)


def _check(boxes: int, cells: int, size: tuple[int, int]) -> None:
    if min(size) < 2 or not 1 <= cells <= _MOST_CELLS:
        raise ConfigurationError(
            f"an output map has 1 to {_MOST_CELLS:,} cells, an input at least 2 x 2 pixels; got "
            f"{cells:,} cells for {size[0]} x {size[1]}; take another network."
        )
    if not 1 <= boxes <= cells:
        raise ConfigurationError(
            f"a cell gives one box, so that there are 1 to {cells}; got {boxes}; name fewer "
            "(--boxes)."
        )


@lru_cache(maxsize=64)
def _around(
    setup: FrameSetup, size: tuple[int, int], shape: tuple[int, int, int], boxes: int
) -> FrameBudget:
    from hwprof.workflows.frame_run import FrameRun

    run = FrameRun(setup, size, shape, boxes)
    front = tuple(run.front())
    behind, kept_boxes = run.behind()
    return FrameBudget(
        parts=(*front, *behind),
        camera=setup.camera,
        size=size,
        boxes=boxes,
        kept_boxes=kept_boxes,
        most_boxes=shape[0] * shape[1],
        board=run.board.name,
        clock_hz=run.board.clock_hz,
        timing_model=run.timing_model,
        warnings=run.warnings,
    )
