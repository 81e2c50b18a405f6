"""Programs on a virtual board whose constants are changed."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hwprof.firmware_stub.targets import VIRTUAL
from hwprof.firmware_stub.virtual.board_writer import board_toml
from hwprof.profiler.device import Checksum, Device
from hwprof.profiler.links import Link, open_link
from hwprof.profiler.program import Program
from hwprof.profiler.protocol import BoardInfo

VARIANT = "variant"


@dataclass(frozen=True, slots=True)
class Modelled:
    """One run with cold caches of a program with one kernel.

    Attributes:
        kernel: name of it.
        stall_cycles: what the core waited for memory, part of ``cycles``.
        waiting_memories: that it waited for.
    """

    kernel: str
    cycles: int
    stall_cycles: float
    waiting_memories: frozenset[str]

    @property
    def core_cycles(self) -> float:
        """Cycles without waits for memory."""
        return self.cycles - self.stall_cycles


class VariantBoard:
    """An opened virtual board; programs are taken as right, the firmware's own tests check them."""

    def __init__(self, link: Link) -> None:
        self._link, self._device = link, Device(link)

    @property
    def info(self) -> BoardInfo:
        """What the board offers."""
        return self._device.info

    def run(self, program: Program, kernel: str) -> Modelled:
        """Run a program of one kernel once.

        Raises:
            ModelDoesNotFitError: it is larger than a memory.
            LinkError: the firmware faulted.
        """
        self._device.load(program)
        self._link.take_stretches()
        cycles = sum(self._device.run(checksum=Checksum.LAST).cycles[0])
        stalls: dict[str, float] = defaultdict(float)
        for stretch in self._link.take_stretches():
            for region in stretch.regions:
                stalls[region.name] += region.stall_cycles
        waiting = frozenset(memory for memory, stall in stalls.items() if stall > 0)
        return Modelled(kernel, cycles, sum(stalls.values()), waiting)


@contextmanager
def opened_board(data: Mapping[str, Any], *, kernels: str, timing: str) -> Iterator[VariantBoard]:
    """The board that the content of a board file describes.

    Raises:
        ConfigurationError: the content breaks a rule of board files.
    """
    with tempfile.TemporaryDirectory(prefix="hwprof-") as folder:
        path = Path(folder) / f"{VARIANT}.toml"
        path.write_text(board_toml(data), encoding="utf-8")
        code = data["placement"]["code"]
        with open_link(f"{VIRTUAL}:{path}", kernels=kernels, code=code, timing=timing) as link:
            yield VariantBoard(link)
