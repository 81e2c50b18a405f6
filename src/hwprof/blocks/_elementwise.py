"""Single operators whose output has one element for each element of an input."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod

from hwprof.blocks._base import Axis, BlockConfig, Value
from hwprof.blocks._parts import whole
from hwprof.blocks._single import SingleOperatorBlock
from hwprof.errors import ModelError
from hwprof.graph import (
    Add,
    Lookup,
    Mul,
    Op,
    Requantise,
    Scalar,
    Softmax,
    Sub,
    Unary,
    UnaryFunction,
)

_DRAWN: dict[str, Callable[[], Op]] = {
    "add": Add,
    "mul": Mul,
    "requantise": Requantise,
    "sigmoid": lambda: Unary(function=UnaryFunction.SIGMOID),
    "softmax": Softmax,
}
_OPERANDS = {Add.kind: 2, Mul.kind: 2, Sub.kind: 2}
_MOST_ELEMENTS = 400_000


class Elementwise(SingleOperatorBlock):
    """Sum, difference, product, scalar function, softmax or change of scale."""

    name = "elementwise"
    arity = range(1, 3)
    operators = (Add, Lookup, Mul, Requantise, Scalar, Softmax, Sub, Unary)

    def axes(self) -> tuple[Axis, ...]:
        return (
            # One scalar function stands for all: each runs as a table of 256 entries. A sum
            # stands for a difference, which takes the same instructions.
            Axis("function", tuple(_DRAWN)),
            Axis("height", whole(1, 112), log=True),
            Axis("width", whole(1, 112), log=True),
            Axis("channels", whole(1, 384), log=True),
        )

    def config(self, values: Mapping[str, Value]) -> BlockConfig | None:
        op = _DRAWN[str(values["function"])]()
        shape = (int(values["height"]), int(values["width"]), int(values["channels"]))
        if prod(shape) > _MOST_ELEMENTS:
            return None
        return self.config_of(op, [shape] * _OPERANDS.get(op.kind, 1))

    def operator(self, config: BlockConfig) -> Op:
        op = super().operator(config)
        if len(config.inputs) != _OPERANDS.get(op.kind, 1):
            raise ModelError(
                f"{op.kind} takes {_OPERANDS.get(op.kind, 1)} inputs; got {len(config.inputs)}."
            )
        return op
