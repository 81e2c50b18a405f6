"""FastestDet on a ShuffleNetV2 backbone, for every point of the search space of its head.

Layers and counts are those of FastestDet (github.com/dog-qiuqiu/FastestDet, commit 50473cd):
backbone levels at 1/8, 1/16 and 1/32 of the input are joined at 1/16, where a spatial pyramid and
a detection head work. The head's three parameters are k (kernel of its nine depthwise
convolutions), g (groups of its three wide 1x1 convolutions) and C (its channels).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from operator import index
from typing import TypeAlias

from hwprof.architecture import Architecture, BlockInstance
from hwprof.blocks import DetectionHead, Fusion, ShuffleV2, SpatialPyramid, Stem
from hwprof.errors import ConfigurationError
from hwprof.graph import Shape

KERNELS = (2, 3, 4, 5)
GROUPS = (1, 2, 4, 8)
CHANNELS = range(24, 97)
WIDTHS = range(220, 321)
ASPECTS = (0.5625, 0.6, 0.75, 0.8, 1.0)

PYTORCH_EXPORT_CONSTANTS = 38
"""What PyTorch's ONNX export of this network adds to its 232,638 folded weights and biases: 26
gather indices of the shuffles, 4 scales of the resize, 8 sides of a pad. Counts of a file's
initialisers, such as the published 232,676, contain them."""

Head: TypeAlias = tuple[int, int, int, int]
"""k, g, C and classes."""

_CLASSES = range(1, 1001)
_SIDES = range(32, 1025)
_GRID_SIDES = range(2, 65, 2)
_STEM_CHANNELS = 24
_STAGES = ((4, 48), (8, 96), (4, 192))  # blocks, channels
_IN_BACKBONE, _IN_HEAD = "backbone", "head"


@dataclass(frozen=True, slots=True, order=True)
class InputSize:
    """An input of the search space, in pixels; ``aspect`` is height over width.

    The height is width x aspect rounded half to even.
    """

    width: int
    aspect: float

    @property
    def height(self) -> int:
        """Rows of the input."""
        return round(self.width * self.aspect)

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of the head's maps."""
        return _sixteenth(self.height), _sixteenth(self.width)

    def __str__(self) -> str:
        return f"width={self.width},aspect={self.aspect:g}"


def _sixteenth(extent: int) -> int:
    return -(-extent // 16)


def _joins(sides: tuple[int, int]) -> bool:
    # Each halving rounds up; twice the level at 1/32 is the level at 1/16 only if that is even.
    return all(_sixteenth(side) % 2 == 0 for side in sides)


@cache
def legal_sizes() -> tuple[InputSize, ...]:
    """The 164 inputs of the search space whose three levels join, by width, then aspect."""
    sizes = (InputSize(width, aspect) for width in WIDTHS for aspect in ASPECTS)
    return tuple(size for size in sizes if _joins((size.height, size.width)))


@cache
def _sizes() -> dict[tuple[int, float], InputSize]:
    return {(size.width, size.aspect): size for size in legal_sizes()}


def person_detector(
    *, k: int = 5, g: int = 1, c: int = 96, width: int = 320, aspect: float = 0.8, classes: int = 1
) -> Architecture:
    """The detector at one point of the search space; the defaults are its seed.

    Args:
        k: kernel of the head's depthwise convolutions, 2 to 5.
        g: groups of the head's wide 1x1 convolutions, 1, 2, 4 or 8.
        c: channels of the head, 24 to 96 and a multiple of g.
        width: columns of the input, 220 to 320.
        aspect: height over width, 0.5625, 0.6, 0.75, 0.8 or 1.0.
        classes: object classes, 1 or more.

    Raises:
        ConfigurationError: the point is outside the space.
    """
    size = _checked_size(width, aspect)
    head = _checked_head(k=k, g=g, c=c, classes=classes)
    return _detector(_name(size, head), (size.height, size.width), head)


def fastestdet(
    *, height: int = 352, width: int = 352, k: int = 5, g: int = 1, c: int = 96, classes: int = 80
) -> Architecture:
    """The same detector at any input whose levels join; the defaults are FastestDet's own.

    Raises:
        ConfigurationError: a side in sixteenths, rounded up, is odd, or the head is outside the
            space.
    """
    height, width = _integers(height=height, width=width)
    sides = (height, width)
    if not _joins(sides) or any(side not in _SIDES for side in sides):
        raise ConfigurationError(
            f"height and width must lie in {_SIDES[0]} to {_SIDES[-1]} and be even in sixteenths, "
            f"rounded up, for the levels to join; got {height} and {width}; use multiples of 32."
        )
    head = _checked_head(k=k, g=g, c=c, classes=classes)
    k, g, c, classes = head
    name = f"fastestdet:height={height},width={width},k={k},g={g},c={c},classes={classes}"
    return _detector(name, sides, head)


def person_detector_head(
    *, k: int = 5, g: int = 1, c: int = 96, height: int = 16, width: int = 20, classes: int = 1
) -> Architecture:
    """The head of ``person_detector`` alone, on the joined levels.

    Args:
        k: as for ``person_detector``, like g, c and classes.
        height: rows of the head's grid, even, 2 to 64; a sixteenth of the input's.
        width: its columns, likewise.

    Raises:
        ConfigurationError: an argument is outside its range.
    """
    grid = _integers(height=height, width=width)
    if any(extent not in _GRID_SIDES for extent in grid):
        raise ConfigurationError(
            f"height and width of a head's grid are even and {_GRID_SIDES[0]} to "
            f"{_GRID_SIDES[-1]}; got {grid[0]} and {grid[1]}."
        )
    k, g, c, classes = head = _checked_head(k=k, g=g, c=c, classes=classes)
    name = (
        f"person-detector-head:k={k},g={g},c={c},height={grid[0]},width={grid[1]},classes={classes}"
    )
    blocks = _head((grid[0], grid[1]), head)
    joined = blocks[0].config.inputs[0]
    return Architecture(name, (("fusion", joined),), blocks, ("dethead",))


@lru_cache(maxsize=1024)
def _checked_size(width: int, aspect: float) -> InputSize:
    size = _sizes().get((width, aspect))
    if size is None:
        near = sorted(legal_sizes(), key=lambda legal: _distance(legal, width, aspect))[:2]
        raise ConfigurationError(
            "width and aspect must be one of the 164 pairs whose feature levels join; got "
            f"width={width},aspect={aspect:g}; the nearest are {near[0]} and {near[1]}."
        )
    return size


def _distance(legal: InputSize, width: float, aspect: float) -> tuple[float, float]:
    pixels = abs(legal.width - width) + abs(legal.height - width * aspect)
    return pixels, abs(legal.aspect - aspect)


def _checked_head(**values: int) -> Head:
    k, g, c, classes = _integers(**values)
    _check("k", k, KERNELS)
    _check("g", g, GROUPS)
    _check("c", c, CHANNELS)
    _check("classes", classes, _CLASSES)
    if c % g:
        below = c - c % g
        raise ConfigurationError(
            f"c must be a multiple of g; got c={c}, g={g}; the nearest are c={below} "
            f"and c={below + g}."
        )
    return k, g, c, classes


def _integers(**values: int) -> tuple[int, ...]:
    """Plain integers, whatever integer type they came in."""
    try:
        return tuple(map(index, values.values()))
    except TypeError as error:
        got = ", ".join(f"{name}={value!r}" for name, value in values.items())
        raise ConfigurationError(
            f"{' and '.join(values)} must be whole numbers; got {got}."
        ) from error


def _check(name: str, value: int, allowed: Sequence[int]) -> None:
    if value not in allowed:
        words = (
            f"{allowed[0]} to {allowed[-1]}" if isinstance(allowed, range) else str(allowed)[1:-1]
        )
        raise ConfigurationError(f"{name} must be one of {words}; got {value}.")


def _name(size: InputSize, head: Head) -> str:
    k, g, c, classes = head
    extra = "" if classes == 1 else f",classes={classes}"
    return f"person-detector:k={k},g={g},c={c},{size}{extra}"


def _detector(name: str, sides: tuple[int, int], head: Head) -> Architecture:
    image = (*sides, 3)
    grid = _sixteenth(sides[0]), _sixteenth(sides[1])
    return Architecture(
        name, (("image", image),), _backbone(image) + _head(grid, head), ("dethead",)
    )


@lru_cache(maxsize=1024)
def _backbone(image: Shape) -> tuple[BlockInstance, ...]:
    """Stem, three stages and the join; a search shares them between all heads."""
    shape = (*_halved(_halved(image[:2])), _STEM_CHANNELS)
    blocks = [
        BlockInstance("stem", Stem().of(image, c_out=_STEM_CHANNELS), ("image",), _IN_BACKBONE)
    ]
    levels: list[tuple[str, Shape]] = []
    for stage, (count, channels) in enumerate(_STAGES, start=2):
        for position in range(count):
            config = ShuffleV2().of(shape, stride=1 if position else 2, c_out=channels)
            name = f"stage{stage}.{position}"
            blocks.append(BlockInstance(name, config, (blocks[-1].name,), _IN_BACKBONE))
            shape = (*(shape[:2] if position else _halved(shape[:2])), channels)
        levels.append((blocks[-1].name, shape))
    names, shapes = zip(*levels, strict=True)
    blocks.append(BlockInstance("fusion", Fusion().of(*shapes), names, _IN_BACKBONE))
    return tuple(blocks)


def _halved(extent: tuple[int, int]) -> tuple[int, int]:
    return -(-extent[0] // 2), -(-extent[1] // 2)


@lru_cache(maxsize=1 << 14)
def _head(grid: tuple[int, int], head: Head) -> tuple[BlockInstance, ...]:
    """Spatial pyramid and detection head; the space holds 6,672 of them."""
    k, g, c, classes = head
    joined = sum(channels for _, channels in _STAGES)
    pyramid = SpatialPyramid().of((*grid, joined), c_out=c, kernel=k, groups=g)
    detection = DetectionHead().of((*grid, c), kernel=k, groups=g, classes=classes)
    return (
        BlockInstance("spp", pyramid, ("fusion",), _IN_HEAD),
        BlockInstance("dethead", detection, ("spp",), _IN_HEAD),
    )
