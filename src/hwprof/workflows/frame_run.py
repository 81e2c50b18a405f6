"""Runs the parts of a frame on a virtual board, each checked against the host."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from hwprof.errors import BoardError, ConfigurationError
from hwprof.firmware_stub.targets import default_placement, describe_virtual, virtual_reference
from hwprof.firmware_stub.virtual.frame_parts import (
    Boxes,
    DecodeTables,
    FrameParts,
    FramePlaces,
)
from hwprof.firmware_stub.virtual.modes import load_timing
from hwprof.measurement import DEFAULT_TIMING
from hwprof.search.training import boxes
from hwprof.workflows import frame_reference
from hwprof.workflows.frame_budget import FramePart, FrameSetup
from hwprof.workflows.frame_scenes import LEAST_SCORE, typical_map, worst_map


class FrameRun:
    """The parts at one size on one board.

    Args:
        size: height and width of the network's input.
        shape: rows, columns and channels of its output map.
        candidates: cells above the threshold on the typical picture.

    Raises:
        UnknownNameError, ConfigurationError: as ``frame_budget``.
    """

    def __init__(
        self, setup: FrameSetup, size: tuple[int, int], shape: tuple[int, int, int], candidates: int
    ) -> None:
        self.board = describe_virtual(_virtual(setup.target))
        placement = setup.placement.completed(default_placement(setup.target))
        timing = setup.timing or DEFAULT_TIMING
        self.timing_model = load_timing(timing, self.board.core).version
        self._camera_memory = setup.camera.memory_of(self.board)
        places = FramePlaces(self._camera_memory, placement.activations, placement.scratch)
        self._parts: FrameParts = FrameParts(self.board, places, code=placement.code, timing=timing)
        self._size, self._shape, self._setup = size, shape, setup
        self._candidates = candidates

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the model left out."""
        return self._parts.warnings

    def front(self) -> Iterator[FramePart]:
        """From the camera's picture to the network's input."""
        camera, (height, width) = self._setup.camera, self._size
        picture = camera.noise()
        pixels = frame_reference.resized(
            frame_reference.bgr888(picture, camera.format), height, width
        )
        table = frame_reference.quantisation_table(self._setup.pixels)
        values = frame_reference.quantised(pixels, table)
        fused = table if self._setup.is_fused else None
        stretched = self._parts.resize(picture, camera.format, self._size, fused)
        name = "resize and quantise" if self._setup.is_fused else "resize"
        _agree(name, np.array_equal(stretched.pixels, values if self._setup.is_fused else pixels))
        what = f"{camera} in {self._camera_memory} to {height} x {width}, bilinear"
        yield self._part(name, stretched.cycles, what)
        if not self._setup.is_fused:
            run = self._parts.quantise(pixels, table)
            _agree("quantise", np.array_equal(run.pixels, values))
            yield self._part("quantise", run.cycles, f"{pixels.size:,} bytes to int8, in place")

    def behind(self) -> tuple[tuple[FramePart, ...], int]:
        """From the output map to the boxes, and how many of the typical ones are kept."""
        tables = frame_reference.decode_tables(
            self._setup.output, self._shape[2], self._setup.canvas
        )
        scenes = (
            typical_map(self._shape, tables, self._candidates),
            worst_map(self._shape, tables),
        )
        decoded, kept, kept_boxes = zip(
            *(self._boxes(values, tables) for values in scenes), strict=True
        )
        rows, columns, channels = self._shape
        parts = (
            self._part("decode", decoded[0], f"{rows} x {columns} x {channels} int8", decoded[1]),
            self._part("NMS", kept[0], f"{self._candidates} boxes, {kept_boxes[0]} kept", kept[1]),
        )
        return parts, kept_boxes[0]

    def _boxes(self, values: npt.NDArray[np.int8], tables: DecodeTables) -> tuple[int, int, int]:
        """Cycles of decoding and of suppression, and boxes kept."""
        found: Boxes = self._parts.decode(values, tables, LEAST_SCORE)
        kept = self._parts.suppress(found, boxes.NMS_IOU)
        wanted = boxes.suppress(
            boxes.decode(
                frame_reference.dequantised(values, self._setup.output),
                canvas=self._setup.canvas,
                least_score=LEAST_SCORE,
            )
        )
        numbers = list(kept.numbers)
        _agree("decode and NMS", np.array_equal(found.corners[numbers], wanted.boxes))
        _agree("decode and NMS", np.array_equal(found.scores[numbers], wanted.scores))
        return found.cycles, kept.cycles, len(kept.numbers)

    def _part(self, name: str, cycles: int, what: str, worst: int | None = None) -> FramePart:
        hz = self.board.clock_hz
        most = cycles if worst is None else worst
        return FramePart(name, cycles * 1e6 / hz, most * 1e6 / hz, "modelled", what)


def _agree(name: str, is_equal: bool) -> None:  # noqa: FBT001 - what a comparison says
    if not is_equal:
        raise BoardError(
            f"a part of a frame counts only if it computes what the host does; {name} did not; run "
            "`make firmware` and report it."
        )


def _virtual(target: str) -> str:
    """The virtual board that a target names.

    Raises:
        ConfigurationError: it names none.
    """
    reference = virtual_reference(target)
    if reference is None:
        raise ConfigurationError(
            "the parts of a frame beside the network run on a virtual board only; got target "
            f"{target!r}; measure the network there (hwprof profile) and give it by --network-ms "
            "with the virtual board of its chip as --target (hwprof targets)."
        )
    return reference
