"""The registry of block types: what a network is cut into, sampled and predicted by."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from hwprof.blocks._base import Axis, BlockConfig, BlockType, GraphBuilder, Value
from hwprof.blocks._conv import Conv, DepthwiseConv, PointwiseConv
from hwprof.blocks._dethead import DetectionHead
from hwprof.blocks._dwsep import DepthwiseSeparable
from hwprof.blocks._elementwise import Elementwise
from hwprof.blocks._fc import FullyConnectedLayer
from hwprof.blocks._fusion import Fusion
from hwprof.blocks._mbconv import InvertedResidual
from hwprof.blocks._pool import Pool
from hwprof.blocks._reshape import DataMovement
from hwprof.blocks._resnet import ResidualBlock
from hwprof.blocks._shufflev2 import ShuffleV2
from hwprof.blocks._single import SingleOperatorBlock
from hwprof.blocks._spp import SpatialPyramid
from hwprof.blocks._stem import Stem
from hwprof.errors import UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Mapping

_TYPES: tuple[BlockType, ...] = (
    Stem(),
    Conv(),
    PointwiseConv(),
    DepthwiseConv(),
    ShuffleV2(),
    DepthwiseSeparable(),
    InvertedResidual(),
    ResidualBlock(),
    SpatialPyramid(),
    DetectionHead(),
    Fusion(),
    Pool(),
    FullyConnectedLayer(),
    Elementwise(),
    DataMovement(),
)

BLOCK_TYPES: Mapping[str, BlockType] = MappingProxyType({kind.name: kind for kind in _TYPES})


def get_block_type(name: str) -> BlockType:
    """The block type of that name.

    Raises:
        UnknownNameError: nobody registered it; the message suggests the nearest names.
    """
    if name not in BLOCK_TYPES:
        raise UnknownNameError("block type", name, BLOCK_TYPES)
    return BLOCK_TYPES[name]


def has_type(config: BlockConfig) -> bool:
    """Whether a configuration is of a block type that is known."""
    return config.kind is not None or config.block_type in BLOCK_TYPES


def type_of(config: BlockConfig) -> BlockType:
    """The block type of a configuration: the one it carries, else the registered one.

    Raises:
        UnknownNameError: it carries none, and nobody registered its name.
    """
    return config.kind or get_block_type(config.block_type)


__all__ = [
    "BLOCK_TYPES",
    "Axis",
    "BlockConfig",
    "BlockType",
    "DepthwiseSeparable",
    "DetectionHead",
    "Fusion",
    "GraphBuilder",
    "InvertedResidual",
    "ResidualBlock",
    "ShuffleV2",
    "SingleOperatorBlock",
    "SpatialPyramid",
    "Stem",
    "Value",
    "get_block_type",
    "has_type",
    "type_of",
]
