"""The camera in front of a network: how large its pictures are, their bytes and their memory."""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from hwprof.errors import ConfigurationError, UnknownNameError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from hwprof.firmware_stub.virtual.description import BoardDescription, MemoryArea

PIXEL_BYTES = MappingProxyType({"bgr888": 3, "rgb565": 2})
"""Bytes of a pixel by format: blue, green, red; or 16 bits, red in the upper five."""
SIDES = range(2, 4097)
_SIZE = re.compile(r"([0-9]{1,6})x([0-9]{1,6})")


@dataclass(frozen=True, slots=True)
class Camera:
    """Pictures as a driver leaves them in memory, rows one behind the other.

    Attributes:
        memory: name of the memory; empty for the board's largest that is cached.

    Raises:
        ConfigurationError, UnknownNameError: a side out of range, a format nobody reads.
    """

    width: int = 640
    height: int = 480
    format: str = "bgr888"
    memory: str = ""

    def __post_init__(self) -> None:
        if self.width not in SIDES or self.height not in SIDES:
            raise ConfigurationError(
                f"a camera's sides are {SIDES[0]} to {SIDES[-1]} pixels; got {self.width} x "
                f"{self.height}; write 640x480."
            )
        if self.format not in PIXEL_BYTES:
            raise UnknownNameError("camera format", self.format, PIXEL_BYTES)

    def __str__(self) -> str:
        return f"{self.width} x {self.height} {self.format}"

    @classmethod
    def parse(cls, text: str, pixel_format: str = "bgr888", memory: str = "") -> Camera:
        """Read ``640x480``, width first.

        Raises:
            ConfigurationError, UnknownNameError: the text is none, or as the class says.
        """
        match = _SIZE.fullmatch(text)
        if match is None:
            raise ConfigurationError(
                f"a camera's picture is WIDTHxHEIGHT in pixels; got {text[:40]!r}; write 640x480."
            )
        return cls(int(match[1]), int(match[2]), pixel_format, memory)

    @property
    def size_bytes(self) -> int:
        """Bytes of a picture."""
        return self.width * self.height * PIXEL_BYTES[self.format]

    def memory_of(self, board: BoardDescription) -> str:
        """The memory of a board that pictures arrive in.

        Raises:
            UnknownNameError: the board has no memory of that name.
            ConfigurationError: it is smaller than a picture.
        """
        area = board.memory(self.memory) if self.memory else _largest(board)
        if area.size_bytes < self.size_bytes:
            raise ConfigurationError(
                f"a picture fits the memory that it arrives in; {self} takes {self.size_bytes:,} "
                f"bytes and {area.name} of {board.name} has {area.size_bytes:,}; name a smaller "
                "--camera, --camera-format rgb565, or another --camera-memory."
            )
        return area.name

    def noise(self) -> npt.NDArray[np.uint8]:
        """Uniform bytes (rows, columns, bytes of a pixel): no part's time depends on them."""
        import numpy as np

        shape = (self.height, self.width, PIXEL_BYTES[self.format])
        return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def _largest(board: BoardDescription) -> MemoryArea:
    rams = [area for area in board.memories if area.kind == "ram" and not area.is_harness]
    return max(rams, key=lambda area: area.size_bytes)
