"""Runs the parts of a frame beside the network, ``images/frame-parts.elf``, on a virtual board.

The C interface is ``firmware_stub/frame/hwp_frame.h``; the structures laid out here are its own.
Each call starts with empty caches and an empty branch predictor, as a part behind the megabytes of
a network does.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hwprof.firmware_stub.manifest import FRAME_PARTS, object_path
from hwprof.firmware_stub.virtual.arguments import Argument
from hwprof.firmware_stub.virtual.board import VirtualBoard
from hwprof.firmware_stub.virtual.calls import CallResult
from hwprof.firmware_stub.virtual.description import BoardDescription
from hwprof.firmware_stub.virtual.free_memory import Buffer
from hwprof.firmware_stub.virtual.linking import load_program
from hwprof.firmware_stub.virtual.modes import load_timing
from hwprof.firmware_stub.virtual.program_parts import Part

Bytes = npt.NDArray[np.uint8]
Int8 = npt.NDArray[np.int8]
Floats = npt.NDArray[np.float32]

PICTURE_CHANNELS = 3
_TAP_BYTES, _BOX_BYTES = 8, 20  # struct hwp_frame_tap, struct hwp_frame_box
_FIRST_CLASS_CHANNEL = 5
_FUNCTIONS = tuple(
    f"hwp_frame_{name}"
    for name in (
        "plan",
        *(
            f"resize_{camera}_{end}"
            for camera in ("bgr888", "rgb565")
            for end in ("u8", "s8", "lut")
        ),
        *("quantise_s8", "quantise_lut", "decode", "suppress"),
    )
)


@dataclass(frozen=True, slots=True)
class FramePlaces:
    """Names of the memories that a frame's data lie in.

    Attributes:
        camera: the camera's picture.
        activations: the network's input and its output map.
        scratch: tables, boxes and their order.
    """

    camera: str
    activations: str
    scratch: str


@dataclass(frozen=True, slots=True, eq=False)
class DecodeTables:
    """What each int8 of an output map stands for, 256 entries from -128 on; see ``hwp_frame.h``.

    Attributes:
        class_score: None where the map has no class channels, or only ever says 1.
    """

    objectness: Floats
    class_score: Floats | None
    shift: npt.NDArray[np.float64]
    half_width: npt.NDArray[np.float64]
    half_height: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Stretched:
    """Pixels or quantised pixels (height, width, 3), and the modelled core cycles they took."""

    pixels: npt.NDArray[np.generic]
    cycles: int


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """Boxes of cells, row by row, and the cycles they took.

    Attributes:
        corners: (n, 4) left, top, right, bottom as fractions of the picture.
    """

    corners: Floats
    scores: Floats
    cycles: int


@dataclass(frozen=True, slots=True)
class Kept:
    """Which boxes survive, best first, by their number, and the cycles it took to say so."""

    numbers: tuple[int, ...]
    cycles: int


class FrameParts:
    """One virtual board with the parts of a frame linked into its memories.

    Raises:
        UnknownNameError: the board has no memory of a name, or the timing mode does not exist.
        ConfigurationError: code or data do not fit.
    """

    def __init__(
        self, description: BoardDescription, places: FramePlaces, *, code: str, timing: str
    ) -> None:
        image = load_program(
            (object_path(FRAME_PARTS),), description, {Part.CODE: code}, _FUNCTIONS
        )
        self._places = places
        self._warnings: dict[str, None] = {}
        self._open: Callable[[], VirtualBoard] = lambda: VirtualBoard(
            description, image, load_timing(timing, description.core)
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the model left out of the calls so far."""
        return tuple(self._warnings)

    def resize(
        self, camera: Bytes, camera_format: str, size: tuple[int, int], table: Int8 | None = None
    ) -> Stretched:
        """Stretch a camera's picture to pixels; with a table, or ``PIXELS_LESS_128``, to int8.

        Args:
            camera: (rows, columns, bytes of a pixel).
            camera_format: ``bgr888`` or ``rgb565``.
            size: height and width of the result.
            table: (256,) what each pixel becomes.
        """
        board = self._open()
        rows, columns, pixel_bytes = camera.shape
        height, width = size
        picture = board.buffer(self._places.camera, camera.tobytes())
        output = board.buffer(self._places.activations, height * width * PICTURE_CHANNELS)
        column_taps = self._plan(board, columns, width, pixel_bytes)
        row_taps = self._plan(board, rows, height, columns * pixel_bytes)
        stretch = board.buffer(
            self._places.scratch,
            struct.pack(
                "<5I", column_taps.address, row_taps.address, width, height, columns * pixel_bytes
            ),
        )
        ending, tables = self._ending(board, table)
        result = self._call(
            board, f"hwp_frame_resize_{camera_format}_{ending}", stretch, picture, output, *tables
        )
        data = board.read_memory(output.address, output.size_bytes)
        kind = np.uint8 if table is None else np.int8
        return Stretched(np.frombuffer(data, kind).reshape(height, width, -1), result.cycles)

    def quantise(self, pixels: Bytes, table: Int8) -> Stretched:
        """Pixels (height, width, 3) as int8, in place."""
        board = self._open()
        place = board.buffer(self._places.activations, pixels.tobytes())
        ending, tables = self._ending(board, table)
        result = self._call(
            board, f"hwp_frame_quantise_{ending}", place, place, pixels.size, *tables
        )
        data = board.read_memory(place.address, place.size_bytes)
        return Stretched(np.frombuffer(data, np.int8).reshape(pixels.shape), result.cycles)

    def decode(self, values: Int8, tables: DecodeTables, least_score: float) -> Boxes:
        """Boxes of the first class in an output map (rows, columns, channels)."""
        board = self._open()
        rows, columns, channels = values.shape
        place = board.buffer(self._places.activations, values.tobytes())
        layout = (place.address, rows, columns, channels, _FIRST_CLASS_CHANNEL)
        output_map = board.buffer(self._places.scratch, struct.pack("<5I", *layout))
        addresses = [
            0 if table is None else board.buffer(self._places.scratch, table.tobytes()).address
            for table in (
                *(tables.objectness, tables.class_score),
                *(tables.shift, tables.half_width, tables.half_height),
            )
        ]
        listed = board.buffer(self._places.scratch, struct.pack("<5I", *addresses))
        boxes = board.buffer(self._places.scratch, rows * columns * _BOX_BYTES)
        result = self._call(
            board, "hwp_frame_decode", output_map, listed, float(least_score), boxes
        )
        data = board.read_memory(boxes.address, boxes.size_bytes)[: result.r0 * _BOX_BYTES]
        found = np.frombuffer(data, np.float32).reshape(-1, 5)
        return Boxes(found[:, :4], found[:, 4], result.cycles)

    def suppress(self, found: Boxes, iou: float) -> Kept:
        """Greedy non-maximum suppression."""
        count = len(found.scores)
        if not count:
            return Kept((), 0)
        board = self._open()
        packed = np.column_stack((found.corners, found.scores)).astype(np.float32)
        boxes = board.buffer(self._places.scratch, packed.tobytes())
        order = board.buffer(self._places.scratch, 2 * 2 * count)
        result = self._call(board, "hwp_frame_suppress", boxes, count, float(iou), order)
        data = board.read_memory(order.address, 2 * result.r0)
        return Kept(tuple(np.frombuffer(data, np.uint16).tolist()), result.cycles)

    def _call(self, board: VirtualBoard, function: str, *arguments: Argument) -> CallResult:
        """One call that counts."""
        board.cool()
        result = board.call(function, *arguments)
        self._warnings.update(dict.fromkeys(board.warnings))
        return result

    def _plan(self, board: VirtualBoard, samples: int, wanted: int, step_bytes: int) -> Buffer:
        """Taps of an axis, which firmware makes once, at its start."""
        taps = board.buffer(self._places.scratch, wanted * _TAP_BYTES)
        board.call("hwp_frame_plan", taps, samples, wanted, step_bytes)
        return taps

    def _ending(self, board: VirtualBoard, table: Int8 | None) -> tuple[str, tuple[Buffer, ...]]:
        """Which variant of a function gives what a table says, and the table where it needs one."""
        if table is None:
            return "u8", ()
        if np.array_equal(table, PIXELS_LESS_128):
            return "s8", ()
        return "lut", (board.buffer(self._places.scratch, table.tobytes()),)


PIXELS_LESS_128 = (np.arange(256) - 128).astype(np.int8)
"""Quantised pixels under scale 1/255 and zero point -128, which need no table."""
