"""Feature maps and windows: what convolution, pooling, padding and resizing share.

A 1-D feature map (1, c, l) is read as one of height 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hwprof.errors import ModelError
from hwprof.graph import Pads
from hwprof.onnx_io._call import Call
from hwprof.onnx_io._views import View, restrict


@dataclass(frozen=True, slots=True)
class Window:
    """Kernel, stride and padding over (height, width)."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    pads: Pads

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of a windowed operator of the Graph."""
        return {
            "kernel_h": self.kernel[0],
            "kernel_w": self.kernel[1],
            "stride_h": self.stride[0],
            "stride_w": self.stride[1],
            "pads": self.pads,
        }


def feature_map(call: Call) -> int:
    """The first operand as a channels-last tensor (h, w, c)."""
    view = call.view()
    if len(view.shape) == 4 and view.shape[0] == 1:
        return call.draft.place_naturally(view)
    if len(view.shape) == 3 and view.shape[0] == 1:
        layout = restrict(view.shape, (2, 1))
        return call.draft.place(view, layout, (1, view.shape[2], view.shape[1]))
    raise ModelError(
        f"a feature map is (1, c, h, w) or (1, c, l); got {list(view.shape)}; use batch 1."
    )


def spatial_view(call: Call, tensor: int) -> View:
    """A tensor (h, w, c) as ONNX sees it, with as many axes as the first operand."""
    view = call.draft.natural_view(tensor, call.name)
    if len(call.view().shape) == 4:
        return view
    shape = (1, view.shape[1], view.shape[3])
    return call.draft.view(tensor, shape, restrict(shape, (2, 1)), call.name)


def two(values: Sequence[int]) -> tuple[int, int]:
    """Height and width from what a 1-D or 2-D operator gives."""
    if len(values) not in (1, 2):
        raise ModelError(f"operators have one or two spatial axes; got {len(values)}.")
    return (1, values[0]) if len(values) == 1 else (values[0], values[1])


def window(call: Call, kernel: Sequence[int]) -> Window:
    """The window of a convolution or pooling node over its first operand.

    Raises:
        ModelError: dilated, or strides and padding that mean nothing.
    """
    rank = len(kernel)
    if set(call.integers("dilations", [1] * rank)) != {1}:
        raise ModelError(
            f"the firmware has no dilated windows; got dilations {call.integers('dilations', [])}."
        )
    strides = call.integers("strides", [1] * rank)
    if min(kernel) < 1 or min(strides) < 1 or len(strides) != rank:
        raise ModelError(f"kernel and strides must be positive; got {list(kernel)} and {strides}.")
    return Window(two(kernel), two(strides), _pads(call, kernel, strides))


def _pads(call: Call, kernel: Sequence[int], strides: Sequence[int]) -> Pads:
    rank = len(kernel)
    mode = call.text("auto_pad", "NOTSET")
    if mode in ("SAME_UPPER", "SAME_LOWER"):
        pads = _same_pads(call.view().shape[2:], kernel, strides, upper=mode == "SAME_UPPER")
    elif mode == "VALID":
        pads = [0] * (2 * rank)
    else:
        pads = call.integers("pads", [0] * (2 * rank))
    if len(pads) != 2 * rank or min(pads) < 0:
        raise ModelError(f"a window of {rank} axes has {2 * rank} pads, none negative; got {pads}.")
    return as_pads(pads[:rank], pads[rank:])


def as_pads(begin: Sequence[int], end: Sequence[int]) -> Pads:
    """Padding from what a 1-D or 2-D operator gives before and after each axis."""
    if len(begin) == 1:
        return Pads(0, begin[0], 0, end[0])
    return Pads(begin[0], begin[1], end[0], end[1])


def _same_pads(
    extents: Sequence[int], kernel: Sequence[int], strides: Sequence[int], *, upper: bool
) -> list[int]:
    """Padding that gives ceil(extent / stride) outputs; the odd one goes last if ``upper``."""
    totals = [
        max(0, (-(-extent // stride) - 1) * stride + size - extent)
        for extent, size, stride in zip(extents, kernel, strides, strict=True)
    ]
    small = [total // 2 for total in totals]
    large = [total - total // 2 for total in totals]
    return small + large if upper else large + small
