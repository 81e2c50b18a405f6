"""The memory protection unit (Arm DDI 0403E B3.5): registers only, attributes change nothing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MpuRegion:
    """One region that is on.

    Attributes:
        attributes: the RASR word: size, access, TEX, S, C and B.
    """

    base: int
    attributes: int

    @property
    def size_bytes(self) -> int:
        """Of the region; a power of two."""
        return 2 << (self.attributes >> 1 & 0x1F)

    @property
    def allocates_on_write(self) -> bool:
        """Write back with write allocate: TEX 1, C 1, B 1 (table B3-13)."""
        return self.attributes >> 16 & 0b111011 == 0b001011

    def holds(self, address: int) -> bool:
        """Whether an address lies in it."""
        return self.base <= address < self.base + self.size_bytes


class Mpu:
    """Sixteen regions behind RNR; RBAR may choose one by itself."""

    CTRL, RNR, RBAR, RASR = 0xD94, 0xD98, 0xD9C, 0xDA0
    WINDOW = frozenset({CTRL, RNR, RBAR, RASR})
    REGIONS = 16
    ENABLE, VALID = 1 << 0, 1 << 4

    def __init__(self) -> None:
        self._control = 0
        self._number = 0
        self._words = [[0, 0] for _ in range(self.REGIONS)]

    @property
    def regions(self) -> tuple[MpuRegion, ...]:
        """Regions that are on, the lowest number first; none while the unit is off."""
        if not self._control & self.ENABLE:
            return ()
        return tuple(
            MpuRegion(base, attributes)
            for base, attributes in self._words
            if attributes & self.ENABLE
        )

    def read(self, offset: int) -> int:
        """CTRL, RNR, or the chosen region's words."""
        match offset:
            case self.CTRL:
                return self._control
            case self.RNR:
                return self._number
            case self.RBAR:
                return self._words[self._number][0] | self._number
        return self._words[self._number][1]

    def write(self, offset: int, value: int) -> None:
        """Sets CTRL or RNR, or the chosen region's words."""
        match offset:
            case self.CTRL:
                self._control = value
            case self.RNR:
                self._number = value % self.REGIONS
            case self.RBAR:
                if value & self.VALID:
                    self._number = value & 0xF
                self._words[self._number][0] = value & ~0x1F
            case self.RASR:
                self._words[self._number][1] = value
