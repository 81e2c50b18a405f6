"""The timing models of virtual boards by the names that users give them."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import TYPE_CHECKING

from hwprof.errors import UnknownNameError
from hwprof.firmware_stub.virtual.timing import Timing, pipeline

if TYPE_CHECKING:
    from collections.abc import Mapping


def _exact(core: str) -> Timing:
    from hwprof.firmware_stub.virtual.exact import exact

    return exact(core)


def _hooked(core: str) -> Timing:
    from hwprof.firmware_stub.virtual.hooked import hooked

    return hooked(core)


# ``hooked`` counts what ``exact`` counts by other means: what tests hold it against.
MODES: Mapping[str, Callable[[str], Timing]] = MappingProxyType(
    {"exact": _exact, "hooked": _hooked, "pipeline": pipeline}
)


def load_timing(mode: str, core: str) -> Timing:
    """The timing model of a mode and a core, both by name.

    Raises:
        UnknownNameError: no such mode or core.
    """
    if mode not in MODES:
        raise UnknownNameError("timing mode", mode, MODES)
    return MODES[mode](core)
