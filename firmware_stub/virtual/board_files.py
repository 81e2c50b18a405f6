"""Board files: found by name or path, read, and held against the rules of docs/BOARDS.md."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from hwprof.errors import ConfigurationError, UnknownNameError
from hwprof.files import FileKind
from hwprof.firmware_stub.virtual.board_fields import CLOCK_RANGE_HZ
from hwprof.firmware_stub.virtual.board_rules import faults_of
from hwprof.firmware_stub.virtual.description import (
    BoardDescription,
    Fidelity,
    FirmwareRooms,
    MemoryArea,
    PeripheralArea,
    Room,
)
from hwprof.firmware_stub.virtual.memory_data import parse_behaviour, parse_cache
from hwprof.measurement import Placement

ROOM = Path(__file__).resolve().parent.parent
BOARDS = ROOM / "boards"
CORES = ROOM / "cores"
SUFFIX = ".toml"
DEFAULT_ROOM_BYTES = 80 << 10
BOARD_FILE = FileKind(
    noun="a board file",
    most_bytes=1 << 18,
    error=ConfigurationError,
    shrink="see docs/BOARDS.md for what one holds",
)


def board_names() -> list[str]:
    """Names of the boards that ship with the package."""
    return sorted(path.stem for path in BOARDS.glob(f"*{SUFFIX}"))


def load_board(reference: str) -> BoardDescription:
    """The board that a reference names.

    Args:
        reference: the name of a board that ships, or a path that ends in ``.toml``; either may
            carry another core clock, as in ``stm32h743?clock_hz=400000000``.

    Raises:
        UnknownNameError: no board of that name ships.
        ConfigurationError: the file cannot be read or breaks a rule of its format, or the clock
            is no number in range.
    """
    return parse_board(board_data(reference))


def board_data(reference: str) -> dict[str, Any]:
    """Content of the board file that a reference names, at the clock that it names.

    Raises:
        UnknownNameError, ConfigurationError: as ``load_board``.
    """
    name, _, query = reference.partition("?")
    if name.endswith(SUFFIX):
        data = _read_file(Path(name))
        if data.get("name") in board_names():
            raise ConfigurationError(
                f"a board file of your own has a name of its own; {name} calls itself "
                f"{data['name']!r}, which ships with hwprof; change its name."
            )
    else:
        if name not in board_names():
            raise UnknownNameError("board", name, board_names())
        data = _shipped(name)
    return data if not query else _with_clock(data, query, name)


@cache
def _shipped(name: str) -> dict[str, Any]:
    return _read_file(BOARDS / f"{name}{SUFFIX}")


def _read_file(path: Path) -> dict[str, Any]:
    data = BOARD_FILE.read(path)
    try:
        return tomllib.loads(data.decode("utf-8"))
    except ValueError as error:  # TOML's and Unicode's errors
        raise ConfigurationError(
            f"a board file is TOML; {path} is not: {error}; see docs/BOARDS.md."
        ) from error


def _with_clock(data: dict[str, Any], query: str, name: str) -> dict[str, Any]:
    """The board at another core clock; buses that are divided from it follow."""
    options = dict(parse_qsl(query, keep_blank_values=True))
    text = options.pop("clock_hz", "")
    low, high = CLOCK_RANGE_HZ
    if options or not text.isdecimal() or not low <= int(text) <= high:
        raise ConfigurationError(
            f"a board takes one option, ?clock_hz=N with N from {low:,} to {high:,} Hz; got "
            f"{query!r}; write virtual:{name}?clock_hz=400000000."
        )
    faults = faults_of(data)
    if faults:
        return data
    return _clocked(data, int(text))


def _clocked(data: dict[str, Any], clock_hz: int) -> dict[str, Any]:
    ratio = clock_hz / data["clock"]["core_hz"]
    # Start-up sets the chip's own clock; at any other the board is what the file says, no chip.
    kept = data if ratio == 1 else {key: data[key] for key in data if key != "chip"}
    return {
        **kept,
        "clock": {**data["clock"], "core_hz": clock_hz},
        "memory": [_with_bus_clock(entry, ratio) for entry in data["memory"]],
    }


def _with_bus_clock(entry: dict[str, Any], ratio: float) -> dict[str, Any]:
    if not entry.get("bus_follows_core"):
        return entry
    timing = entry["timing"]
    return {**entry, "timing": {**timing, "bus_hz": round(timing["bus_hz"] * ratio)}}


def parse_board(data: dict[str, Any]) -> BoardDescription:
    """Build a description from a parsed board file.

    Raises:
        ConfigurationError: the data breaks rules of the format; a line for each.
    """
    faults = faults_of(data)
    if faults:
        raise ConfigurationError("\n".join(faults))
    return BoardDescription(
        name=data["name"],
        title=data.get("title", data["name"]),
        core=data["core"],
        clock_hz=data["clock"]["core_hz"],
        initial_stack=data["boot"]["initial_stack"],
        pool_address=data["pool"]["address"],
        pool_size_bytes=data["pool"]["size_bytes"],
        memories=tuple(_memory(entry) for entry in data["memory"]),
        peripherals=tuple(_peripheral(entry) for entry in data["peripheral"]),
        firmware=_rooms(data["firmware"]),
        placement=Placement(**data["placement"]),
        chip=data.get("chip", ""),
        icache=parse_cache("icache", data.get("icache")),
        dcache=parse_cache("dcache", data.get("dcache")),
        fidelity=_fidelity(data.get("fidelity")),
    )


def _memory(entry: dict[str, Any]) -> MemoryArea:
    return MemoryArea(
        name=entry["name"],
        base=entry["base"],
        size_bytes=entry["size_bytes"],
        kind=entry["kind"],
        source=entry["source"],
        behaviour=parse_behaviour(entry["name"], entry["kind"], entry),
        offers=tuple(entry.get("offers", ())),
        offered_bytes=entry.get("offered_bytes"),
        reserved_bytes=entry.get("reserved_bytes", 0),
        code_offset_bytes=entry.get("code_offset_bytes", 0),
        holds_code=entry.get("code", False),
        is_harness=entry.get("harness", False),
    )


def _peripheral(entry: dict[str, Any]) -> PeripheralArea:
    return PeripheralArea(
        name=entry["name"],
        base=entry["base"],
        size_bytes=entry["size_bytes"],
        model=entry.get("model", ""),
        source=entry["source"],
        is_harness=entry.get("harness", False),
    )


def _rooms(table: dict[str, Any]) -> FirmwareRooms:
    data = table["data"]

    def room(part: str) -> Room:
        entry = table.get(part, {})
        return Room(entry.get("memory", data), entry.get("size_bytes", DEFAULT_ROOM_BYTES))

    return FirmwareRooms(data, room("program"), room("constants"))


def _fidelity(table: dict[str, Any] | None) -> Fidelity | None:
    return None if table is None else Fidelity(**table)
