"""What varies in a template, as a user writes it: ``kernel=3,5``, ``channels@conv1=16..96:8``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hwprof.errors import ConfigurationError, UnknownNameError

KERNEL, STRIDE, GROUPS, CHANNELS = "kernel", "stride", "groups", "channels"
HEIGHT, WIDTH, C_IN = "height", "width", "c_in"
OF_NODES = (KERNEL, STRIDE, GROUPS, CHANNELS)
OF_INPUTS = (HEIGHT, WIDTH, C_IN)
QUANTITIES = (*OF_NODES, *OF_INPUTS)
LARGEST = 1 << 16
MOST_VALUES = 10_000

_ITEM = re.compile(r"([0-9]{1,6})(?:\.\.([0-9]{1,6})(?::([1-9][0-9]{0,5}))?)?")


@dataclass(frozen=True, slots=True)
class Variation:
    """One quantity and the values it takes.

    Attributes:
        node: the operator that it is of; empty for every operator that it can mean.
        values: ascending.
    """

    quantity: str
    node: str
    values: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.quantity not in QUANTITIES:
            raise UnknownNameError("quantity to vary", self.quantity, QUANTITIES)
        if self.node and self.quantity not in OF_NODES:
            raise ConfigurationError(
                f"{self.quantity} is of the block's input, not of a node; got "
                f"{self.quantity}@{self.node}; leave the node out."
            )
        legal = all(1 <= value <= LARGEST for value in self.values)
        if not legal or not 1 <= len(self.values) <= MOST_VALUES:
            raise ConfigurationError(
                f"{self.quantity} takes up to {MOST_VALUES} whole numbers from 1 to {LARGEST}; "
                f"got {len(self.values)} from {min(self.values, default=0)} to "
                f"{max(self.values, default=0)}."
            )
        if list(self.values) != sorted(set(self.values)):
            raise ConfigurationError(f"values of {self.quantity} ascend, each given once.")

    def __str__(self) -> str:
        return f"{self.quantity}@{self.node}" if self.node else self.quantity


def parse_variation(text: str) -> Variation:
    """What ``QUANTITY[@NODE]=VALUES`` says; values are numbers, ``16..96`` or ``16..96:8``.

    Raises:
        UnknownNameError: no such quantity.
        ConfigurationError: the values are no numbers, or out of range.
    """
    name, equals, numbers = text.rpartition("=")
    values: set[int] = set()
    for item in numbers.split(","):
        matched = _ITEM.fullmatch(item.strip())
        if not equals or not matched:
            raise ConfigurationError(
                f"what varies is written kernel=3,5 or channels=16..96 or channels=16..96:8; got "
                f"{text!r}."
            )
        low, high, step = matched.groups()
        if int(high or low) < int(low):
            raise ConfigurationError(f"a range ascends, as 3..9; got {item.strip()} in {text!r}.")
        values.update(range(int(low), int(high or low) + 1, int(step or 1)))
    quantity, _, node = name.strip().partition("@")
    return Variation(quantity, node, tuple(sorted(values)))
