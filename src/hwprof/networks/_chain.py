"""Networks that are one chain of blocks, as image classifiers for microcontrollers are."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from hwprof.architecture import Architecture, BlockInstance, block_counts, single_operator
from hwprof.blocks import DepthwiseSeparable
from hwprof.errors import ConfigurationError
from hwprof.graph import (
    Activation,
    AveragePool,
    Conv2d,
    FullyConnected,
    MaxPool,
    Node,
    Op,
    Pads,
    Shape,
    Softmax,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hwprof.blocks import BlockConfig

WIDEST = 4.0
SIZES = range(16, 513)
CLASSES = range(1, 1001)
_RELU = Activation.RELU
_INPUT = "input"


class _Window(TypedDict):
    kernel_h: int
    kernel_w: int
    stride_h: int
    stride_w: int
    pads: Pads


class Chain:
    """Appends blocks with TensorFlow's 'SAME' padding, each behind the one before it."""

    def __init__(self, name: str, input_shape: Shape) -> None:
        self._name = name
        self._input = input_shape
        self._blocks: list[BlockInstance] = []
        self._count = 0

    @property
    def shape(self) -> Shape:
        """Shape (h, w, c) of the last block's output."""
        return block_counts(self._blocks[-1].config).output if self._blocks else self._input

    def block(self, config: BlockConfig) -> None:
        """A block of any registered type."""
        name = f"{self._count}.{config.block_type}"
        self._append(BlockInstance(name, config, (self._last,)))

    def conv(
        self,
        channels: int,
        kernel: tuple[int, int],
        stride: int = 1,
        activation: Activation = _RELU,
    ) -> None:
        """A convolution; ``kernel`` is (height, width)."""
        window = _window(self.shape, kernel, stride)
        self._add(Conv2d(**window, out_channels=channels, activation=activation))

    def depthwise(self, kernel: int, stride: int = 1) -> None:
        """A depthwise convolution with ReLU."""
        channels = self.shape[2]
        window = _window(self.shape, (kernel, kernel), stride)
        self._add(Conv2d(**window, out_channels=channels, groups=channels, activation=_RELU))

    def separable(self, channels: int, stride: int = 1) -> None:
        """MobileNet's pair: depthwise 3x3, then 1x1 to ``channels``."""
        config = DepthwiseSeparable().of(self.shape, c_out=channels, stride=stride)
        # Named as two layers: seeded weights hang on names, and published profiles list layers.
        nodes = tuple(_layer(self._count + position, Conv2d.kind) for position in range(2))
        name = f"{self._count}.{config.block_type}"
        self._append(BlockInstance(name, config, (self._last,), nodes=nodes))

    def max_pool(self, kernel: int, stride: int) -> None:
        """Maximum over a square window."""
        self._add(MaxPool(**_window(self.shape, (kernel, kernel), stride)))

    def average_pool(self, kernel: int, stride: int) -> None:
        """Mean over a square window."""
        self._add(AveragePool(**_window(self.shape, (kernel, kernel), stride)))

    def global_pool(self) -> None:
        """Mean over each channel."""
        height, width, _ = self.shape
        self._add(AveragePool(kernel_h=height, kernel_w=width))

    def dense(self, outputs: int, activation: Activation = Activation.NONE) -> None:
        """A fully connected layer."""
        self._add(FullyConnected(out_features=outputs, activation=activation))

    def softmax(self) -> None:
        """Softmax over the channels."""
        self._add(Softmax())

    def finish(self) -> Architecture:
        """The network."""
        return Architecture(
            self._name, ((_INPUT, self._input),), tuple(self._blocks), (self._last,)
        )

    @property
    def _last(self) -> str:
        return self._blocks[-1].name if self._blocks else _INPUT

    def _add(self, op: Op) -> None:
        name = f"{self._count}.{op.kind}"
        self._append(single_operator(Node(name, op, (self._last,), ""), [self.shape]))

    def _append(self, block: BlockInstance) -> None:
        self._blocks.append(block)
        self._count += max(len(block.nodes), 1)


def _layer(number: int, kind: str) -> str:
    return f"{number}.{kind}/{kind}"


def _window(shape: Shape, kernel: tuple[int, int], stride: int) -> _Window:
    return {
        "kernel_h": kernel[0],
        "kernel_w": kernel[1],
        "stride_h": stride,
        "stride_w": stride,
        "pads": Pads.tensorflow(shape, kernel, stride),
    }


def check_scale(alpha: float, size: int, classes: int) -> None:
    """Refuse a width multiplier, a picture or a number of classes beyond what is built.

    Raises:
        ConfigurationError: one is outside its range.
    """
    if not 0 < alpha <= WIDEST or size not in SIZES or classes not in CLASSES:
        raise ConfigurationError(
            f"alpha must be above 0 and at most {WIDEST:g}, size {SIZES[0]} to {SIZES[-1]}, "
            f"classes {CLASSES[0]} to {CLASSES[-1]}; got alpha={alpha:g}, size={size}, "
            f"classes={classes}."
        )


def check_range(network: str, **values: tuple[int, Sequence[int]]) -> None:
    """Refuse a parameter outside the values given with it.

    Raises:
        ConfigurationError: the first such parameter.
    """
    for name, (value, allowed) in values.items():
        if value not in allowed:
            raise ConfigurationError(f"{name} of {network} is {_words(allowed)}; got {value}.")


def _words(allowed: Iterable[int]) -> str:
    if isinstance(allowed, range) and allowed.step == 1:
        return f"{allowed[0]} to {allowed[-1]}"
    return f"one of {', '.join(map(str, allowed))}"


def scaled(channels: int, alpha: float) -> int:
    """Channels times ``alpha``, to a multiple of 8 that is not more than 10 % below.

    Source: ``_make_divisible`` of TensorFlow's MobileNet model files.
    """
    wanted = channels * alpha
    rounded = max(8, int(wanted + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * wanted else rounded + 8
