"""What a latency number belongs to: placement, context, and one measured row.

A row says of itself whether it was measured on silicon or modelled on a virtual
board; predicted numbers never become rows.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Literal

from hwprof.errors import ConfigurationError

Kind = Literal["measured", "modelled"]

NETWORK = "network"
"""What a row of a whole model has as its block type; its block key is the model's name."""


DEFAULT_SCHEME = "tflite"
SCHEME_NAMES = (
    DEFAULT_SCHEME,
    *(
        f"{symmetry}/{granularity}"
        for symmetry in ("asymmetric", "symmetric", "symmetric-uint8", "power-of-two")
        for granularity in ("per-tensor", "per-channel")
    ),
)
"""Quantisation schemes that lowering knows; an imported table may name others."""
DEFAULT_KERNELS = "simd"
DEFAULT_TARGET = "virtual:rt1170"
# What the cycle counter of a virtual board counts: caches and memories too, or the core alone.
TIMING_MODES = ("exact", "pipeline")
DEFAULT_TIMING = "exact"
# How a run begins: with empty caches, or behind another run of the same program.
CACHE_STATES = ("cold", "warm")
DEFAULT_CACHE_STATE = "cold"
# Timing model of numbers that no model made.
SILICON = "silicon"


@dataclass(frozen=True, slots=True)
class Placement:
    """The memory in which each part of a program lives, by the board's own names.

    Without arguments that of the RT1170; an empty part is left to the board's default.
    """

    activations: str = "ocram"
    weights: str = "flash"
    scratch: str = "dtcm"
    code: str = "itcm"

    def __str__(self) -> str:
        named = {part: memory for part, memory in asdict(self).items() if memory}
        return ",".join(f"{part}={memory}" for part, memory in named.items())

    def completed(self, default: Placement) -> Placement:
        """This placement, the parts it leaves empty taken from another."""
        named = {part: memory for part, memory in asdict(self).items() if memory}
        return replace(default, **named)

    @classmethod
    def parse(cls, text: str) -> Placement:
        """Read ``activations=ocram,weights=flash``; parts not named are left to the board.

        Raises:
            ConfigurationError: an item is not ``part=memory``, names no part, or one twice.
        """
        names = {field.name for field in fields(cls)}
        chosen: dict[str, str] = {}
        for item in filter(None, text.split(",")):
            part, separator, memory = item.partition("=")
            if not separator or part not in names or not memory:
                raise ConfigurationError(
                    f"a placement is part=memory with part one of {', '.join(sorted(names))}; "
                    f"got {item!r}."
                )
            if chosen.setdefault(part, memory) != memory:
                raise ConfigurationError(
                    f"a placement names each part once; got {part}={chosen[part]} and "
                    f"{part}={memory}; leave one out."
                )
        return replace(BOARD_DEFAULT, **chosen)


# Every part where the board's own data file puts it.
BOARD_DEFAULT = Placement("", "", "", "")


@dataclass(frozen=True, slots=True)
class Context:
    """Everything beside the program that decides a latency.

    A surrogate or a lookup table is fitted in one context and refuses any other.

    Attributes:
        board: name of the board's data file, ``rt1170``.
        clock_hz: core clock.
        kernels: kernel library inside the firmware, ``simd`` or ``reference``.
        scheme: quantisation scheme.
        placement: memory of each part of a program.
        cache_state: ``warm``, ``cold``, or ``none`` where caches are not modelled, or where an
            imported table does not say.
        timing_model: ``exact-<version>`` or ``pipeline-<version>`` on a virtual board, ``silicon``
            on a real one, and another model's own name for numbers that were imported.
    """

    board: str
    clock_hz: int
    kernels: str = DEFAULT_KERNELS
    scheme: str = DEFAULT_SCHEME
    placement: Placement = Placement()
    cache_state: str = "none"
    timing_model: str = "pipeline-2"

    @property
    def kind(self) -> Kind:
        """Whether numbers of this context come from silicon or from a model."""
        return "measured" if self.timing_model == SILICON else "modelled"

    def cycles_to_us(self, cycles: float) -> float:
        """Microseconds that a number of core cycles lasts at this clock."""
        return cycles * 1e6 / self.clock_hz


@dataclass(frozen=True, slots=True)
class Origin:
    """Which board a row came from, and in which context.

    Attributes:
        target: link string the run went over, ``virtual:rt1170``.
        board_identity: serial number of a real board, or the virtual board's own.
        firmware_sha256: hash of the image that ran, or the build id that a real board reports.
        code_sha256: hash of what modelled cycles rest on, kernels, core and board data
            (``firmware_stub/stamp.py``); empty for silicon and behind a plain line.
    """

    target: str
    board_identity: str
    firmware_sha256: str
    context: Context
    code_sha256: str = ""


@dataclass(frozen=True, slots=True)
class OperatorMeasurement:
    """One layer of a measured program: what it was and what it cost."""

    name: str
    op: str
    block: str
    macs: int
    cycles: int


@dataclass(frozen=True, slots=True)
class Measurement:
    """One verified run of one program on one board.

    Attributes:
        block_type, block_key: what was measured; ``network`` and its name for whole models.
        program_sha256: hash of the program's bytes, weights included.
        cycles: sum over operators, median over repeats.
        spread_cycles: largest minus smallest over repeats.
        instructions: executed, where the board can count them, else None.
        saturated_share: share of output elements clipped at a rail, 0 to 1.
        error: why the row is no data point; empty for a good row.
    """

    block_type: str
    block_key: str
    origin: Origin
    program_sha256: str
    cycles: int
    macs: int
    peak_ram_bytes: int
    flash_bytes: int
    repeats: int = 1
    spread_cycles: int = 0
    instructions: int | None = None
    saturated_share: float = 0.0
    error: str = ""
    operators: tuple[OperatorMeasurement, ...] = ()

    @property
    def latency_us(self) -> float:
        """Latency at the context's clock."""
        return self.origin.context.cycles_to_us(self.cycles)
