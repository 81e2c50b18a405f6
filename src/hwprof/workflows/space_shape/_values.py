"""What a look at a space finds: shares, input sizes and effects, as plain values."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import sqrt
from typing import Any

_KIB = 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What a network must not exceed; None for no limit.

    Attributes:
        budget_us: predicted latency.
    """

    budget_us: float | None = None
    ram_bytes: float | None = None
    flash_bytes: float | None = None

    def __str__(self) -> str:
        words = [
            "" if self.budget_us is None else f"{self.budget_us / 1000:g} ms",
            "" if self.ram_bytes is None else f"{self.ram_bytes / _KIB:g} KiB of RAM",
            "" if self.flash_bytes is None else f"{self.flash_bytes / _KIB:g} KiB of flash",
        ]
        return ", ".join(filter(None, words)) or "no limit"

    @property
    def within(self) -> str:
        """`` within`` and the limits, to go behind a noun; empty where there is none."""
        return "" if self == Limits() else f" within {self}"


@dataclass(frozen=True, slots=True)
class Share:
    """Share of a space's networks, 0 to 1.

    Attributes:
        standard_error: of a sample without replacement; 0 where every network was looked at.
    """

    share: float
    standard_error: float


@dataclass(frozen=True, slots=True)
class Shares:
    """Shares that meet each limit; None where there is no such limit.

    Attributes:
        latency_surely, latency_possibly: with the upper, and with the lower end of the latency's
            interval within the budget.
        all: every limit that there is.
    """

    latency: Share | None
    latency_surely: Share | None
    latency_possibly: Share | None
    ram: Share | None
    flash: Share | None
    all: Share


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Values below which 0, 10, ... 100 % of the networks lie."""

    deciles: tuple[float, ...]
    mean: float


@dataclass(frozen=True, slots=True)
class InputSize:
    """The networks of one input size.

    Attributes:
        architectures, meeting: how many there are, and how many meet all limits.
        large: of those that meet them, how many are large (``SpaceShape.large_mmacs``).
        latency_ms: of all of them.
        mmacs: millions of MACs of those that meet the limits; None where none does.
        mmacs_80: 80 % of those have fewer millions of MACs, as MCUNet compares spaces.
        value: of the parameter by which ``Cells`` divide input sizes; None for a whole size.
    """

    height: int
    width: int
    architectures: int
    meeting: int
    large: int
    latency_ms: Quantiles
    mmacs: Quantiles | None
    mmacs_80: float | None
    value: float | str | None = None

    @property
    def share_meeting(self) -> float:
        """Share of its networks that meet all limits."""
        return self.meeting / self.architectures

    @property
    def share_large(self) -> float:
        """Share of its networks that meet all limits and are large."""
        return self.large / self.architectures

    @property
    def share_large_error(self) -> float:
        """Standard error of that share where the networks are a sample of many more."""
        share = self.share_large
        return sqrt(share * (1 - share) / max(self.architectures - 1, 1))

    def to_json(self) -> dict[str, Any]:
        """The object of ``by_input_size``."""
        return {
            **asdict(self),
            "share_meeting": self.share_meeting,
            "share_large": self.share_large,
        }


@dataclass(frozen=True, slots=True)
class ChoiceEffect:
    """The networks that take one value of a parameter.

    Attributes:
        architectures: how many they are.
        latency_ms, latency_deviation_ms: mean and standard deviation over them.
        score, score_deviation: likewise.
        share_meeting: of all limits.
    """

    value: float | str
    architectures: int
    latency_ms: float
    latency_deviation_ms: float
    score: float
    score_deviation: float
    share_meeting: float


@dataclass(frozen=True, slots=True)
class Effect:
    """What a parameter does, averaged over all others.

    Attributes:
        parameter: its name; several, joined by commas, where they are chosen together.
        latency_variance_share, score_variance_share: of the variance over the space, the part
            that the parameter's means explain (correlation ratio); of a sample, its unbiased
            relative (epsilon squared).
    """

    parameter: str
    latency_variance_share: float
    score_variance_share: float
    choices: tuple[ChoiceEffect, ...]


@dataclass(frozen=True, slots=True)
class Interaction:
    """What two dimensions explain together beyond what each explains alone, 0 to 1."""

    between: tuple[str, str]
    latency_variance_share: float
    score_variance_share: float


@dataclass(frozen=True, slots=True)
class RamCheck:
    """Counted beside planned RAM of networks that were lowered.

    Attributes:
        lowered: how many, drawn at random.
        larger: how many of them need more than was counted.
        largest_excess_percent: of planned over counted RAM.
    """

    lowered: int
    larger: int
    largest_excess_percent: float


@dataclass(frozen=True, slots=True)
class Choice:
    """Input sizes that suggest themselves, as (height, width).

    Attributes:
        densest: with the largest share of large networks within the limits, among those with
            enough networks.
        mcunet: with the largest ``mmacs_80``, among those where enough networks meet the limits.
        as_dense, as_far: others whose share, or ``mmacs_80``, prints the same.
    """

    densest: tuple[int, int]
    mcunet: tuple[int, int]
    as_dense: tuple[tuple[int, int], ...] = ()
    as_far: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Cells:
    """Input sizes divided by a parameter: spaces as MCUNet compares them.

    Attributes:
        cells: by pixels, width of the input, and value; large ones are those of the whole space.
        densest, mcunet, as_dense, as_far: as in ``Choice``.
    """

    parameter: str
    cells: tuple[InputSize, ...]
    densest: InputSize
    mcunet: InputSize
    as_dense: tuple[InputSize, ...] = ()
    as_far: tuple[InputSize, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The object of ``cells``."""
        return {
            "parameter": self.parameter,
            "cells": [cell.to_json() for cell in self.cells],
            "densest": self.densest.to_json(),
            "mcunet": self.mcunet.to_json(),
            "as_dense": [cell.to_json() for cell in self.as_dense],
            "as_far": [cell.to_json() for cell in self.as_far],
        }


@dataclass(frozen=True, slots=True)
class SpaceShape:
    """The shape of a search space under limits.

    Attributes:
        space_size: networks that it holds.
        architectures: those that were looked at, all of them or a sample.
        latency: where the latencies come from, always predicted.
        score: name of the task estimator, a count.
        large_mmacs: a fifth of the networks that meet the limits have as many million MACs.
        cells: None unless a parameter was named to divide input sizes by.
        interactions: between dimensions; empty for a sample.
        dimensions: effects of the dimensions that join several parameters.
        seconds, cpu_seconds: of the whole look, by the clock and of this process.
    """

    space: str
    space_size: int
    architectures: int
    latency: str
    score: str
    limits: Limits
    shares: Shares
    latency_ms: Quantiles
    mmacs: Quantiles
    ram_bytes: Quantiles
    flash_bytes: Quantiles
    large_mmacs: float
    by_input_size: tuple[InputSize, ...]
    choice: Choice
    cells: Cells | None
    effects: tuple[Effect, ...]
    dimensions: tuple[Effect, ...]
    interactions: tuple[Interaction, ...]
    ram_check: RamCheck
    seconds: float
    cpu_seconds: float

    @property
    def is_whole(self) -> bool:
        """Whether every network of the space was looked at."""
        return self.architectures == self.space_size

    def to_json(self) -> dict[str, Any]:
        """The object that ``hwprof space --json`` prints (docs/SPACES.md)."""
        limits, met = self.limits, self.shares
        return {
            "space": self.space,
            "space_size": self.space_size,
            "architectures": self.architectures,
            "sampled": not self.is_whole,
            "budget_ms": None if limits.budget_us is None else limits.budget_us / 1000,
            "max_ram_bytes": limits.ram_bytes,
            "max_flash_bytes": limits.flash_bytes,
            "share_meeting_budget": None if met.latency is None else met.latency.share,
            "share_standard_error": None if met.latency is None else met.latency.standard_error,
            "shares": asdict(met),
            "latency": {"kind": "predicted", "by": self.latency},
            "score": self.score,
            "latency_ms": asdict(self.latency_ms),
            "mmacs": asdict(self.mmacs),
            "ram_bytes": asdict(self.ram_bytes),
            "flash_bytes": asdict(self.flash_bytes),
            "large_mmacs": self.large_mmacs,
            "by_input_size": [size.to_json() for size in self.by_input_size],
            "choice": asdict(self.choice),
            "cells": None if self.cells is None else self.cells.to_json(),
            "effects": [asdict(effect) for effect in self.effects],
            "dimensions": [asdict(effect) for effect in self.dimensions],
            "interactions": [asdict(interaction) for interaction in self.interactions],
            "ram_check": asdict(self.ram_check),
            "seconds": self.seconds,
            "cpu_seconds": self.cpu_seconds,
        }
