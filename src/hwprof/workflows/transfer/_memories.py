"""What board files say of the memories of a source and a target."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwprof.errors import ConfigurationError
from hwprof.firmware_stub.targets import describe_virtual, virtual_reference
from hwprof.measurement import Placement
from hwprof.surrogates.transfer import UNKNOWN, LineCosts

if TYPE_CHECKING:
    from hwprof.firmware_stub.virtual.description import BoardDescription

_LINE_BYTES = 32  # of every Cortex-M7 (Arm DDI 0489F, CTR)
_NEVER = 0.02  # cycles of a line of code that is never fetched, because code lies in TCM


def line_costs(source: tuple[str, Placement], target: tuple[str, Placement]) -> LineCosts:
    """Costs of lines on two boards, each a target string and the placement on it.

    Nothing is known unless both are virtual: then their board files say it.

    Raises:
        UnknownNameError, ConfigurationError: as ``describe_virtual``, and a placement in a memory
            that the board does not have.
    """
    known = [virtual_reference(name) for name, _ in (source, target)]
    if None in known:
        return UNKNOWN
    one, other = (describe_virtual(str(reference)) for reference in known)
    had, has = source[1], target[1]
    return LineCosts(
        activations=_cycles(other, has.activations) / _cycles(one, had.activations),
        weights=_cycles(other, has.weights) / _cycles(one, had.weights),
        code_cycles=_code_cycles(other, has.code),
        is_known=True,
    )


def like_target(like: str, target: str) -> str:
    """The target whose board file describes the memories of ``target``.

    Raises:
        ConfigurationError: ``like`` is no virtual target.
    """
    if like and virtual_reference(like) is None:
        raise ConfigurationError(
            "--like names a virtual board, whose file says what its memories take; got "
            f"{like!r}; pass virtual:NAME or virtual:FILE.toml."
        )
    return like or target


def _cycles(board: BoardDescription, memory: str) -> float:
    """Core cycles from a request to the last byte of a line (docs/TIMING.md, "Memory")."""
    timing = board.memory(memory).behaviour.timing
    if timing is None:
        return 1.0
    bus_cycles = timing.first_access_bus_cycles + _LINE_BYTES / timing.bus_bytes
    return timing.core_overhead_cycles + bus_cycles * board.clock_hz / timing.bus_hz


def _code_cycles(board: BoardDescription, memory: str) -> float:
    return _cycles(board, memory) if board.memory(memory).behaviour.timing else _NEVER
