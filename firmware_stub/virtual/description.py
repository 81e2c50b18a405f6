"""A board's data file: clock, memories, peripherals, and where the image is."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from hwprof.errors import ConfigurationError, UnknownNameError

ROOM = Path(__file__).resolve().parent.parent
BOARDS = ROOM / "boards"
CORES = ROOM / "cores"
IMAGES = ROOM / "images"

FORMAT = 1
MemoryKind = Literal["ram", "rom"]


@dataclass(frozen=True, slots=True)
class MemoryArea:
    """A range of bytes the processor can address; ``rom`` takes no stores from the processor."""

    name: str
    base: int
    size_bytes: int
    kind: MemoryKind
    source: str

    @property
    def end(self) -> int:
        """First address behind the area."""
        return self.base + self.size_bytes


@dataclass(frozen=True, slots=True)
class PeripheralArea:
    """A peripheral's registers; without a model they read as zero and the read is reported."""

    name: str
    base: int
    size_bytes: int
    model: str
    source: str


@dataclass(frozen=True, slots=True)
class BoardDescription:
    """Everything of ``boards/<name>.toml``.

    Attributes:
        core: name of the core's data file.
        image: file name under ``images/`` of the firmware that runs unless another is given.
        initial_stack: stack pointer for an image without a vector table.
        pool_address, pool_size_bytes: the pseudo-random pool of docs/FORMATS.md.
    """

    name: str
    core: str
    image: str
    clock_hz: int
    initial_stack: int
    pool_address: int
    pool_size_bytes: int
    memories: tuple[MemoryArea, ...]
    peripherals: tuple[PeripheralArea, ...]

    @property
    def image_path(self) -> Path:
        """The firmware that runs unless another is given."""
        return IMAGES / self.image

    def area_of(self, address: int) -> str:
        """Name of the memory or peripheral at an address; ``no memory`` where none is."""
        areas: tuple[MemoryArea | PeripheralArea, ...] = (*self.memories, *self.peripherals)
        for area in areas:
            if area.base <= address < area.base + area.size_bytes:
                return area.name
        return "no memory"


def board_names() -> list[str]:
    """Names of the boards that ship with the package."""
    return sorted(path.stem for path in BOARDS.glob("*.toml"))


def load_board(name: str) -> BoardDescription:
    """Read ``boards/<name>.toml``.

    Raises:
        UnknownNameError: there is no such board.
        ConfigurationError: the file lacks a field or has another format version.
    """
    if name not in board_names():
        raise UnknownNameError("board", name, board_names())
    return parse_board(tomllib.loads((BOARDS / f"{name}.toml").read_text(encoding="utf-8")))


def parse_board(data: dict[str, Any]) -> BoardDescription:
    """Build a description from a parsed board file.

    Raises:
        ConfigurationError: the data lacks a field or has another format version.
    """
    if data.get("format") != FORMAT:
        raise ConfigurationError(
            f"a board file has format = {FORMAT}; got {data.get('format')!r}; "
            "use the file that ships with this version."
        )
    try:
        return BoardDescription(
            name=data["name"],
            core=data["core"],
            image=data["image"],
            clock_hz=data["clock"]["core_hz"],
            initial_stack=data["boot"]["initial_stack"],
            pool_address=data["pool"]["address"],
            pool_size_bytes=data["pool"]["size_bytes"],
            memories=tuple(_memory(entry) for entry in data["memory"]),
            peripherals=tuple(_peripheral(entry) for entry in data["peripheral"]),
        )
    except KeyError as error:
        raise ConfigurationError(
            f"a board file names every field of boards/rt1170.toml; {error} is missing; add it."
        ) from error


def _memory(entry: dict[str, Any]) -> MemoryArea:
    kind = entry["kind"]
    if kind not in ("ram", "rom"):
        raise ConfigurationError(f"a memory's kind is ram or rom; got {kind!r}; choose one.")
    return MemoryArea(entry["name"], entry["base"], entry["size_bytes"], kind, entry["source"])


def _peripheral(entry: dict[str, Any]) -> PeripheralArea:
    return PeripheralArea(
        name=entry["name"],
        base=entry["base"],
        size_bytes=entry["size_bytes"],
        model=entry.get("model", ""),
        source=entry["source"],
    )
