"""What may be different where a table was measured, as virtual boards to run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from hwprof.firmware_stub.manifest import images
from hwprof.firmware_stub.targets import VIRTUAL
from hwprof.firmware_stub.virtual.board_files import board_data, parse_board
from hwprof.firmware_stub.virtual.board_writer import board_toml
from hwprof.measurement import Placement
from hwprof.profiler.bench import Setup

SAME = "as modelled"
_NO_CHANGE: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One difference.

    Attributes:
        name: what differs, ``activations in sdram``.
        changes: fields of the setup that differ.
        board: content of a board file of its own; empty for the setup's.
    """

    name: str
    changes: Mapping[str, Any] = field(default_factory=lambda: _NO_CHANGE)
    board: Mapping[str, Any] = field(default_factory=lambda: _NO_CHANGE)

    def setup(self, base: Setup, folder: Path) -> Setup:
        """The setup to run; a board of its own is written into ``folder``."""
        if not self.board:
            return replace(base, **self.changes)
        path = folder / f"{self.board['name']}.toml"
        path.write_text(board_toml(self.board), encoding="utf-8")
        return replace(base, target=f"{VIRTUAL}:{path}", **self.changes)


def hypotheses(reference: str, base: Setup) -> list[Hypothesis]:
    """All that are tried, the simplest first: of those that explain alike, the first is named."""
    return [
        Hypothesis(SAME),
        *_caches(reference, base),
        *_kernels(base),
        *_placements(reference, base.placement),
        *_buses(reference, base.placement),
    ]


def at_clock(reference: str, clock_hz: int) -> Hypothesis:
    """The board at another core clock."""
    target = f"{VIRTUAL}:{reference.partition('?')[0]}?clock_hz={clock_hz}"
    return Hypothesis(f"core clock of {clock_hz / 1e6:g} MHz", {"target": target})


def _caches(reference: str, base: Setup) -> Iterator[Hypothesis]:
    data = board_data(reference)
    for number, (name, caches) in enumerate(_cache_sets(data, base.placement.code)):
        board = {key: value for key, value in data.items() if key not in caches}
        yield Hypothesis(name, board=_renamed(board, f"uncached{number}"))
    other = "warm" if base.cache_state == "cold" else "cold"
    yield Hypothesis(f"{other} caches", {"cache_state": other})


def _cache_sets(data: Mapping[str, Any], code: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Caches to take away; without code behind it, that of instructions makes no difference."""
    if "dcache" not in data:
        return
    yield "data cache off", ("dcache",)
    behind = [entry["name"] for entry in data["memory"] if "timing" in entry]
    if "icache" in data and code in behind:
        yield "both caches off", ("dcache", "icache")


def _kernels(base: Setup) -> Iterator[Hypothesis]:
    for kernels in sorted({image.kernels for image in images()} - {base.kernels}):
        yield Hypothesis(f"{kernels} kernels", {"kernels": kernels})


def _placements(reference: str, home: Placement) -> Iterator[Hypothesis]:
    areas = [area for area in parse_board(dict(board_data(reference))).memories if area.offers]
    for area in areas:
        parts = [part for part in ("activations", "weights") if part in area.offers]
        if "staged_weights" in area.offers:
            parts.append("weights")
        moved = [part for part in parts if getattr(home, part) != area.name]
        for part in moved:
            yield _moved(home, area.name, part)
        if len(moved) > 1:
            yield _moved(home, area.name, *moved)
    for area in parse_board(dict(board_data(reference))).memories:
        if area.holds_code and area.name != home.code:
            yield _moved(home, area.name, "code")


def _moved(home: Placement, memory: str, *parts: str) -> Hypothesis:
    placement = replace(home, **dict.fromkeys(parts, memory))
    return Hypothesis(f"{' and '.join(parts)} in {memory}", {"placement": placement})


def _buses(reference: str, home: Placement) -> Iterator[Hypothesis]:
    """Memories in use whose bus runs at half its clock: a slow mode of flash, a divider."""
    data = board_data(reference)
    for number, name in enumerate(dict.fromkeys((home.weights, home.activations))):
        memories = [_halved(entry) if entry["name"] == name else entry for entry in data["memory"]]
        if memories != data["memory"]:
            board = _renamed({**data, "memory": memories}, f"half{number}")
            yield Hypothesis(f"{name} at half its bus clock", board=board)


def _halved(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    if "timing" not in entry:
        return entry
    timing = entry["timing"]
    return {**entry, "timing": {**timing, "bus_hz": round(timing["bus_hz"] / 2)}}


def _renamed(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Under a name of its own, and without start-up code that would refuse the changed chip."""
    kept = {key: value for key, value in data.items() if key not in ("fidelity", "chip")}
    return {**kept, "name": name}
