"""What a campaign measures, and what became of each of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from hwprof.measurement import NETWORK, Measurement

if TYPE_CHECKING:
    from hwprof.graph import Graph


@dataclass(frozen=True, slots=True)
class Task:
    """One ONNX file to measure, and the block it is.

    Attributes:
        macs: multiply-accumulates, where the caller knows them; 0 where not.
    """

    path: Path
    block_type: str
    block_key: str
    macs: int = 0

    @property
    def label(self) -> str:
        """What a refusal calls it."""
        return self.path.name

    def graph(self) -> Graph:
        """The operators to run.

        Raises:
            ModelError: the file cannot be read.
        """
        from hwprof.onnx_io import read_onnx

        return read_onnx(self.path).graph


@dataclass(frozen=True, slots=True)
class NetworkTask:
    """One whole network of hwprof's own to measure, by the text that builds it."""

    name: str
    macs: int = 0
    block_type: ClassVar[str] = NETWORK

    @property
    def block_key(self) -> str:
        """What the row is called."""
        return self.name

    @property
    def label(self) -> str:
        """What a refusal calls it."""
        return self.name

    def graph(self) -> Graph:
        """The operators to run.

        Raises:
            UnknownNameError, ConfigurationError: the text builds no network.
        """
        from hwprof.networks import parse_architecture

        return parse_architecture(self.name).graph()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a task: a row, a row that was there already, or a refusal.

    Attributes:
        wall_s: what the task took, from file to verified row.
    """

    task: Task | NetworkTask
    row: Measurement | None = None
    refusal: str = ""
    wall_s: float = 0.0
