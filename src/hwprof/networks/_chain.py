"""Networks that are one chain of layers, as image classifiers for microcontrollers are."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from hwprof.blocks import GraphBuilder
from hwprof.graph import Activation, AveragePool, Conv2d, FullyConnected, MaxPool, Op, Pads, Shape
from hwprof.partition import partition

if TYPE_CHECKING:
    from hwprof.architecture import Architecture

_RELU = Activation.RELU


class _Window(TypedDict):
    kernel_h: int
    kernel_w: int
    stride_h: int
    stride_w: int
    pads: Pads


class Chain:
    """Appends layers with TensorFlow's 'SAME' padding, each behind the one before it."""

    def __init__(self, name: str, input_shape: Shape) -> None:
        self._name = name
        self._builder = GraphBuilder()
        self._tensor = self._builder.input("input", input_shape)
        self._count = 0

    @property
    def shape(self) -> Shape:
        """Shape (h, w, c) of the last layer's output."""
        return self._builder.shape(self._tensor)

    def conv(self, channels: int, kernel: tuple[int, int], stride: int = 1) -> None:
        """A convolution with ReLU; ``kernel`` is (height, width)."""
        self._convolve(channels, kernel, stride, groups=1)

    def depthwise(self, kernel: int, stride: int = 1) -> None:
        """A depthwise convolution with ReLU."""
        channels = self.shape[2]
        self._convolve(channels, (kernel, kernel), stride, groups=channels)

    def separable(self, channels: int, stride: int) -> None:
        """MobileNet's pair: depthwise 3x3, then 1x1 to ``channels``."""
        self.depthwise(3, stride)
        self.conv(channels, (1, 1))

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

    def finish(self, outputs: int) -> Architecture:
        """The network, with a fully connected layer behind the last one."""
        self._add(FullyConnected(out_features=outputs))
        return partition(self._builder.finish(self._name, [self._tensor]), {})

    def _convolve(self, channels: int, kernel: tuple[int, int], stride: int, groups: int) -> None:
        window = _window(self.shape, kernel, stride)
        self._add(Conv2d(**window, out_channels=channels, groups=groups, activation=_RELU))

    def _add(self, op: Op) -> None:
        self._tensor = self._builder.add("", f"{self._count}.{op.kind}", op, self._tensor)
        self._count += 1


def _window(shape: Shape, kernel: tuple[int, int], stride: int) -> _Window:
    return {
        "kernel_h": kernel[0],
        "kernel_w": kernel[1],
        "stride_h": stride,
        "stride_w": stride,
        "pads": Pads.tensorflow(shape, kernel, stride),
    }
