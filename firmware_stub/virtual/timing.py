"""Turns block counts into cycles: each block's cost is worked out once, then multiplied."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hwprof.errors import UnknownNameError
from hwprof.firmware_stub.virtual.counting import BlockCounter

TIMING_MODEL = "pipeline-1"
ReadMemory = Callable[[int, int], bytes]


@dataclass(frozen=True, slots=True)
class PipelineTiming:
    """Core pipeline only: every memory answers as TCM or a cache hit does."""

    version: str = TIMING_MODEL

    def follow(self, counter: BlockCounter, read_memory: ReadMemory) -> PipelineRun:
        """Cost what a counter counts, reading code through ``read_memory``."""
        return PipelineRun(counter, read_memory)


class PipelineRun:
    """Cycles of one board since power-on."""

    def __init__(self, counter: BlockCounter, read_memory: ReadMemory) -> None:
        from capstone import CS_ARCH_ARM, CS_MODE_MCLASS, CS_MODE_THUMB, Cs

        self._counter = counter
        self._read_memory = read_memory
        self._decoder = Cs(CS_ARCH_ARM, CS_MODE_THUMB | CS_MODE_MCLASS)
        self._instructions: npt.NDArray[np.int64] = np.zeros(0, np.int64)

    def _extend(self) -> None:
        counts = self._counter.counts()
        done = len(self._instructions)
        new = [
            sum(1 for _ in self._decoder.disasm_lite(self._read_memory(a, s), a))
            for a, s in zip(
                counts.address[done:].tolist(), counts.size_bytes[done:].tolist(), strict=True
            )
        ]
        self._instructions = np.concatenate([self._instructions, np.array(new, np.int64)])

    def instructions(self) -> int:
        """Instructions executed."""
        if len(self._counter) > len(self._instructions):
            self._extend()
        return int(self._counter.counts().count @ self._instructions)

    def cycles(self) -> int:
        """Modelled core cycles."""
        return self.instructions()

    def warnings(self) -> list[str]:
        """Instructions the model has no entry for."""
        return []


def load_timing(mode: str, core: str) -> PipelineTiming:
    """The timing model of a mode name.

    Raises:
        UnknownNameError: no such mode; ``pipeline`` is the only one yet.
    """
    del core
    if mode != "pipeline":
        raise UnknownNameError("timing mode", mode, ["pipeline"])
    return PipelineTiming()
