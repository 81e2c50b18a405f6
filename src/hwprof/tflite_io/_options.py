"""Which options of each operator are read: names of the schema's accessors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True)
class OptionsTable:
    """A class of options of the schema and its fields that a reader needs."""

    name: str
    fields: tuple[str, ...]

    def table(self) -> Any:
        """An accessor of that class, not yet set on any bytes."""
        return getattr(import_module(f"tflite.{self.name}"), self.name)()


_ACTIVATION = "FusedActivationFunction"
_WINDOW = ("Padding", "StrideW", "StrideH", _ACTIVATION)
_DILATION = ("DilationWFactor", "DilationHFactor")
_POOL = OptionsTable("Pool2DOptions", (*_WINDOW, "FilterWidth", "FilterHeight"))

OPTIONS: Mapping[str, OptionsTable] = MappingProxyType(
    {
        "ADD": OptionsTable("AddOptions", (_ACTIVATION,)),
        "AVERAGE_POOL_2D": _POOL,
        "CONCATENATION": OptionsTable("ConcatenationOptions", ("Axis", _ACTIVATION)),
        "CONV_2D": OptionsTable("Conv2DOptions", (*_WINDOW, *_DILATION)),
        "DEPTHWISE_CONV_2D": OptionsTable("DepthwiseConv2DOptions", (*_WINDOW, *_DILATION)),
        "FULLY_CONNECTED": OptionsTable("FullyConnectedOptions", (_ACTIVATION, "WeightsFormat")),
        "GATHER": OptionsTable("GatherOptions", ("Axis", "BatchDims")),
        "LEAKY_RELU": OptionsTable("LeakyReluOptions", ("Alpha",)),
        "MAX_POOL_2D": _POOL,
        "MUL": OptionsTable("MulOptions", (_ACTIVATION,)),
        "RESIZE_NEAREST_NEIGHBOR": OptionsTable(
            "ResizeNearestNeighborOptions", ("AlignCorners", "HalfPixelCenters")
        ),
        "SOFTMAX": OptionsTable("SoftmaxOptions", ("Beta",)),
        "STRIDED_SLICE": OptionsTable(
            "StridedSliceOptions",
            ("BeginMask", "EndMask", "EllipsisMask", "NewAxisMask", "ShrinkAxisMask"),
        ),
        "SUB": OptionsTable("SubOptions", (_ACTIVATION,)),
    }
)
