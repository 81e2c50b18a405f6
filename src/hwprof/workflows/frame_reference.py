"""What the parts of a frame must compute: the host's side of ``firmware_stub/frame``, in numpy.

Stretching follows the fixed-point definition of ``hwp_frame.h`` bit for bit. Decoding and
suppression are those that trained detectors are evaluated with, ``hwprof.search.training.boxes``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hwprof.firmware_stub.virtual.frame_parts import DecodeTables
from hwprof.graph import QuantParams
from hwprof.search.training.boxes import CLASS_POWER, OBJECTNESS_POWER

Bytes = npt.NDArray[np.uint8]
Int8 = npt.NDArray[np.int8]
Floats = npt.NDArray[np.float32]

_WEIGHT_SUM = 256  # of the two weights of an axis
_STEPS = np.arange(-128, 128)
_BOX_CHANNELS = 5  # objectness and the four of a box


def resized(pixels: Bytes, height: int, width: int) -> Bytes:
    """A picture (rows, columns, 3) stretched bilinearly, in the parts' fixed-point arithmetic."""
    columns, column_weights = _taps(pixels.shape[1], width)
    rows, row_weights = _taps(pixels.shape[0], height)
    picture = pixels.astype(np.int64)
    left, right = (picture[:, columns + side] for side in (0, 1))
    across = left * column_weights[:, :1] + right * column_weights[:, 1:]
    upper, lower = (across[rows + side] for side in (0, 1))
    mixed = upper * row_weights[:, :1, None] + lower * row_weights[:, 1:, None]
    return np.asarray((mixed + _WEIGHT_SUM**2 // 2) // _WEIGHT_SUM**2, np.uint8)


def _taps(samples: int, wanted: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """First sample of each output (wanted,), and the weights of it and the next (wanted, 2)."""
    position = np.maximum((2 * np.arange(wanted) + 1) * samples - wanted, 0)
    index, rest = np.divmod(position, 2 * wanted)
    second = (rest * _WEIGHT_SUM + wanted) // (2 * wanted)
    behind = index > samples - 2
    second = np.where(behind, _WEIGHT_SUM, second)
    return np.minimum(index, samples - 2), np.stack((_WEIGHT_SUM - second, second), axis=1)


def bgr888(camera: Bytes, camera_format: str) -> Bytes:
    """A camera's picture (rows, columns, bytes of a pixel) as (rows, columns, 3), blue first."""
    if camera_format == "bgr888":
        return camera
    words = camera.view("<u2")[..., 0].astype(np.uint32)
    blue, green, red = words & 31, words >> 5 & 63, words >> 11
    eight_bits = (blue << 3 | blue >> 2, green << 2 | green >> 4, red << 3 | red >> 2)
    return np.stack(eight_bits, axis=-1).astype(np.uint8)


def quantisation_table(params: QuantParams) -> Int8:
    """What each pixel, 0 to 255 for 0 to 1, becomes (256,)."""
    steps = np.rint(np.arange(256) / 255 / params.scale) + params.zero_point
    return np.asarray(np.clip(steps, -128, 127), np.int8)


def quantised(pixels: Bytes, table: Int8) -> Int8:
    """Pixels through a table."""
    return table[pixels]


def decode_tables(
    params: QuantParams, channels: int, canvas: tuple[float, float] = (1.0, 1.0)
) -> DecodeTables:
    """The tables of a map with these parameters.

    Args:
        channels: of the map; with 5 the class branch of a network with one class is left out.
        canvas: factors on width and height of the boxes, as ``boxes.decode`` takes them.
    """
    real = _real(_STEPS, params)
    share: Floats = np.maximum(real, 0)  # what is not above 0 is no candidate at any threshold
    halves = [factor / (1 + np.exp(-real.astype(np.float64))) / 2 for factor in canvas]
    return DecodeTables(
        objectness=np.asarray(share**OBJECTNESS_POWER, np.float32),
        class_score=np.asarray(share**CLASS_POWER, np.float32)
        if channels > _BOX_CHANNELS
        else None,
        shift=np.tanh(real.astype(np.float64)),
        half_width=halves[0],
        half_height=halves[1],
    )


def dequantised(values: Int8, params: QuantParams) -> Floats:
    """An int8 map (rows, columns, channels) as ``boxes.decode`` takes it, channels first.

    A map without class channels gets one of ones.
    """
    real = _real(values, params).transpose(2, 0, 1)
    if len(real) > _BOX_CHANNELS:
        return real
    return np.concatenate((real, np.ones_like(real[:1])))


def _real(values: npt.NDArray[np.signedinteger], params: QuantParams) -> Floats:
    steps = values.astype(np.int32) - params.zero_point
    return np.asarray(np.float32(params.scale) * steps.astype(np.float32), np.float32)
