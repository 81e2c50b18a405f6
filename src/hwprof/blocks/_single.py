"""Blocks of one operator: the operator's own attributes are the block's parameters.

A foreign graph is cut into these, so the way from operator to parameters and back is exact:
integers and words stay what they are, padding becomes four parameters, a shape becomes
``32x40x48``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import cache
from typing import ClassVar, get_type_hints

from hwprof.blocks._base import BlockConfig, BlockType, GraphBuilder, Value
from hwprof.errors import ModelError
from hwprof.graph import (
    Activation,
    LookupFunction,
    Op,
    Pads,
    ScalarArithmetic,
    Shape,
    UnaryFunction,
)

_Words = Activation | LookupFunction | ScalarArithmetic | UnaryFunction
_SIDES = ("top", "left", "bottom", "right")
_FOUR = tuple[int, int, int, int]
_INT8 = range(-128, 128)
_NUMBERS = {"axis": range(3), "value": _INT8, "zero_point": _INT8}
_FROM_ONE = range(1, 1 << 31)


def to_params(op: Op) -> dict[str, Value]:
    """An operator's attributes as block parameters."""
    params: dict[str, Value] = {}
    for field in fields(op):
        value = getattr(op, field.name)
        if isinstance(value, Pads):
            params |= {f"pad_{side}": getattr(value, side) for side in _SIDES}
        elif isinstance(value, tuple):
            if value:
                params[field.name] = "x".join(map(str, value))
        elif isinstance(value, str | float):
            params[field.name] = str(value)  # the shortest text that reads as the same number
        else:
            params[field.name] = int(value)
    return params


def to_op(operator: type[Op], config: BlockConfig) -> Op:
    """The operator that a configuration describes.

    Raises:
        ModelError: a parameter is missing or out of range.
    """
    # mypy looks at the hash of an operator where the hash of its class is meant.
    types = _attribute_types(operator)  # type: ignore[arg-type]
    return operator(**{name: _READERS[kind](config, name) for name, kind in types.items()})


@cache
def _attribute_types(operator: Callable[..., Op]) -> dict[str, object]:
    hints = get_type_hints(operator)
    return {name: kind for name, kind in hints.items() if name != "kind"}


def _read_integer(config: BlockConfig, name: str) -> int:
    numbers = _NUMBERS.get(name, _FROM_ONE)
    value = config.integer(name, numbers.start)
    if value not in numbers:
        raise ModelError(f"{name} of a {config.block_type!r} block is out of range; got {value}.")
    return value


def _read_flag(config: BlockConfig, name: str) -> bool:
    return bool(config.integer(name, 0))


def _read_real(config: BlockConfig, name: str) -> float:
    text = config.text(name)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ModelError(
            f"{name} of a {config.block_type!r} block is a finite number; got {text!r}."
        )
    return value


def _read_reals(config: BlockConfig, name: str) -> tuple[float, ...]:
    """Real numbers, infinite ones too; none where the parameter is absent."""
    if name not in dict(config.params):
        return ()
    text = config.text(name)
    try:
        values = tuple(float(number) for number in text.split("x"))
    except ValueError:
        values = (math.nan,)
    if any(map(math.isnan, values)):
        raise ModelError(
            f"{name} of a {config.block_type!r} block are numbers written like 0.5x-1.0; got "
            f"{text!r}."
        )
    return values


def _read_pads(config: BlockConfig, name: str) -> Pads:
    del name
    return Pads(*(config.integer(f"pad_{side}", 0) for side in _SIDES))


def _read_tuple(config: BlockConfig, name: str) -> tuple[int, ...]:
    text = config.text(name)
    numbers = text.split("x")
    if not all(number.isdecimal() and len(number) < 10 for number in numbers):
        raise ModelError(
            f"{name} of a {config.block_type!r} block is written like 32x40x48; got {text!r}."
        )
    return tuple(int(number) for number in numbers)


def _sized(length: int) -> Callable[[BlockConfig, str], tuple[int, ...]]:
    def read(config: BlockConfig, name: str) -> tuple[int, ...]:
        values = _read_tuple(config, name)
        if len(values) != length:
            raise ModelError(
                f"{name} of a {config.block_type!r} block has {length} numbers; got {len(values)}."
            )
        return values

    return read


def _word(words: type[_Words]) -> Callable[[BlockConfig, str], object]:
    def read(config: BlockConfig, name: str) -> object:
        text = config.text(name)
        try:
            return words(text)
        except ValueError as error:
            raise ModelError(
                f"{name} of a {config.block_type!r} block is one of {', '.join(words)}; "
                f"got {text!r}."
            ) from error

    return read


_READERS: dict[object, Callable[[BlockConfig, str], object]] = {
    int: _read_integer,
    bool: _read_flag,
    float: _read_real,
    tuple[float, ...]: _read_reals,
    Pads: _read_pads,
    Shape: _sized(3),
    _FOUR: _sized(4),
    Activation: _word(Activation),
    LookupFunction: _word(LookupFunction),
    ScalarArithmetic: _word(ScalarArithmetic),
    UnaryFunction: _word(UnaryFunction),
}


class SingleOperatorBlock(BlockType):
    """A block that is one operator of a family.

    A family of several operators tells them apart by the parameter ``kind``, the operator's own
    name in ``hwprof.graph``.
    """

    operators: ClassVar[tuple[type[Op], ...]]

    def config_of(self, op: Op, inputs: Sequence[Shape]) -> BlockConfig | None:
        """The configuration that is this operator on these shapes; None if it is not ours."""
        if type(op) not in self.operators or not self.accepts(op, inputs):
            return None
        kind = {"kind": op.kind} if len(self.operators) > 1 else {}
        return BlockConfig.of(self.name, inputs, **kind, **to_params(op))

    def accepts(self, op: Op, inputs: Sequence[Shape]) -> bool:
        """Whether an operator of the family belongs to this type and no other; all do here."""
        del op, inputs
        return True

    def operator(self, config: BlockConfig) -> Op:
        """The operator that a configuration of this type describes.

        Raises:
            ModelError: a parameter is missing or out of range.
        """
        if len(self.operators) == 1:
            return to_op(self.operators[0], config)
        kind = config.text("kind")
        for operator in self.operators:
            if operator.kind == kind:
                return to_op(operator, config)
        known = ", ".join(sorted(operator.kind for operator in self.operators))
        raise ModelError(f"kind of a {self.name!r} block is one of {known}; got {kind!r}.")

    def build(
        self, builder: GraphBuilder, block: str, config: BlockConfig, inputs: Sequence[str]
    ) -> str:
        op = self.operator(config)
        return builder.add(block, op.kind, op, *inputs)
