"""One ONNX node at the moment it is read: its operands, attributes and the draft it adds to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hwprof.errors import ModelError
from hwprof.onnx_io._draft import Draft
from hwprof.onnx_io._file import OnnxNode
from hwprof.onnx_io._views import Constant, Value, View

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """A node with its operands resolved.

    Attributes:
        name: what nodes of the draft that stem from it are called.
        values: operands; None where an optional one is absent.
        is_ours: we wrote the file, so every node of it has a meaning (metadata.SEED).
    """

    node: OnnxNode
    name: str
    values: tuple[Value | None, ...]
    opset: int
    draft: Draft
    is_ours: bool = False

    def operand(self, position: int) -> Value | None:
        """An operand; None if it is absent."""
        return self.values[position] if position < len(self.values) else None

    def view(self, position: int = 0) -> View:
        """An operand that is computed by the network."""
        value = self.operand(position)
        if not isinstance(value, View):
            raise ModelError(f"operand {position} must be computed by the network; it is constant.")
        return value

    def constant(self, position: int) -> Constant | None:
        """An operand that must be constant, or be absent."""
        value = self.operand(position)
        if isinstance(value, View):
            raise ModelError(f"operand {position} must be constant; the network computes it.")
        return value

    def array(self, position: int) -> Array | None:
        """Values of a constant operand; None if it is absent."""
        value = self.constant(position)
        return None if value is None else value.array

    def required(self, position: int) -> Constant:
        """A constant operand that must be there."""
        value = self.constant(position)
        if value is None:
            raise ModelError(f"operand {position} is missing.")
        return value

    def integers_at(self, position: int, attribute: str) -> list[int] | None:
        """Whole numbers from an operand or, as older opsets have it, from an attribute."""
        array = self.array(position)
        if array is not None:
            return [int(value) for value in array.reshape(-1)]
        values = self.node.attributes.get(attribute)
        return None if values is None else [int(value) for value in values]

    def integer(self, attribute: str, default: int) -> int:
        """A whole number from an attribute."""
        return int(self.node.attributes.get(attribute, default))

    def number(self, attribute: str, default: float) -> float:
        """A real number from an attribute."""
        return float(self.node.attributes.get(attribute, default))

    def integers(self, attribute: str, default: Sequence[int]) -> list[int]:
        """Whole numbers from an attribute."""
        return [int(value) for value in self.node.attributes.get(attribute, default)]

    def text(self, attribute: str, default: str) -> str:
        """A word from an attribute."""
        return str(self.node.attributes.get(attribute, default))


Importer = Callable[[Call], Sequence[Value]]


def axis_of(axis: int, rank: int) -> int:
    """An axis counted from the front."""
    if not -rank <= axis < rank:
        raise ModelError(f"axis {axis} is outside of a tensor of {rank} axes.")
    return axis % rank


def finite(array: Array, what: str) -> npt.NDArray[np.float64]:
    """Real numbers, none of them infinite or undefined."""
    numbers = np.asarray(array, np.float64)
    if not np.isfinite(numbers).all():
        raise ModelError(f"{what} must be finite; got an infinite or undefined number.")
    return numbers
