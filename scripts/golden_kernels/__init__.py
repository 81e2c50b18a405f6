"""Micro-kernels with the cycles that the published rules give them, derived by hand.

Nothing here asks the model. An expectation is a formula of two parts: ``gaps``, the cycles between
the issue of neighbours (0: one pair), each the entry of a published rule; and ``tail``, the cycles
from the last issue to the end. ``because`` is the derivation in words.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import accumulate
from typing import Any

JNK0LE = "jnk0le cortex_m7.md"
LLVM = "LLVM ARMScheduleM7.td"
MUTATIONS = "LLVM ARMLatencyMutations.cpp"
STAGES = "follows from the pipeline stages of jnk0le and LLVM"
CORTEX_M_430 = "rust-embedded/cortex-m issue 430"


@dataclass(frozen=True, kw_only=True)
class _Expectation:
    gaps: tuple[int, ...]
    tail: float = 1
    because: str
    source: str


@dataclass(frozen=True)
class Kernel(_Expectation):
    """A stretch of instructions in a fresh pipeline; ``assembly`` is separated by semicolons."""

    name: str
    hazard: str
    assembly: str

    def record(self) -> dict[str, Any]:
        """What the test reads, machine code left out."""
        lines = self.assembly.split("; ")
        if len(lines) != len(self.gaps) + 1:
            raise SystemExit(f"{self.name} has {len(lines)} instructions, {len(self.gaps)} gaps.")
        issue_cycles = list(accumulate((0, *self.gaps)))
        return {
            "hazard": self.hazard,
            "assembly": lines,
            "code": "",
            "issue_cycles": issue_cycles,
            "cycles": issue_cycles[-1] + self.tail,
            "reasoning": self.because,
            "source": self.source,
        }


@dataclass(frozen=True)
class Edge:
    """A block and what lies behind it, from ``address`` on; the block is the first instructions.

    Attributes:
        instructions: of the block.
        cycles: of the block in a fresh pipeline.
        taken_cycles, passed_cycles: what it adds to the block it branches to, or falls into.
        mispredicted_cycles, retargeted_cycles: the penalty of its branch.
    """

    name: str
    hazard: str
    assembly: str
    instructions: int
    cycles: float
    because: str
    source: str
    address: int = 0
    taken_cycles: float = 0
    passed_cycles: float = 0
    mispredicted_cycles: float = 0
    retargeted_cycles: float = 0

    def record(self) -> dict[str, Any]:
        """What the test reads, machine code left out."""
        fields = asdict(self)
        reasoning = fields.pop("because")
        del fields["name"]
        return {
            **fields,
            "assembly": self.assembly.split("; "),
            "code": "",
            "reasoning": reasoning,
        }
