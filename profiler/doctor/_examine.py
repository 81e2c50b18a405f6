"""The steps of an examination in their order, and what each found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hwprof.errors import HwprofError
from hwprof.profiler.doctor import _board, _cycles, _line
from hwprof.profiler.doctor._visit import Visit

_RELOAD = "reset the board, and load the image that came with this hwprof if it stays."


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to look at.

    Attributes:
        examine: says what is well, or raises an error whose sentence ends in the way out.
    """

    name: str
    examine: Callable[[Visit], str]


STEPS = (
    Step("port", _line.find_port),
    Step("permission", _line.check_permission),
    Step("baud", _line.listen),
    Step("firmware", _board.check_firmware),
    Step("board", _board.find_description),
    Step("clock", _board.check_clock),
    Step("counter", _cycles.check_counter),
    Step("memories", _cycles.check_memories),
    Step("cycles", _cycles.check_known_blocks),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a step found.

    Attributes:
        way_out: what to do; empty where all is well.
    """

    step: str
    ok: bool
    what: str
    way_out: str = ""

    def __str__(self) -> str:
        state = "ok" if self.ok else "failed"
        return f"{state}: {self.step}: {self.what}" + (f"; {self.way_out}" * bool(self.way_out))

    def to_json(self) -> dict[str, object]:
        """One entry of ``steps`` of ``hwprof doctor --json``."""
        return {"step": self.step, "ok": self.ok, "what": self.what, "way_out": self.way_out}


@dataclass(frozen=True, slots=True)
class Checkup:
    """All findings; the last one is a failure where there is one."""

    target: str
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether every step is well."""
        return all(finding.ok for finding in self.findings)

    def to_json(self) -> dict[str, object]:
        """The object that ``hwprof doctor --json`` prints."""
        steps = [finding.to_json() for finding in self.findings]
        return {"target": self.target, "ok": self.ok, "steps": steps}


def examine(visit: Visit, tell: Callable[[Finding], None] = lambda _: None) -> Checkup:
    """Take the steps in their order up to the first that fails.

    Args:
        visit: the target; its line is closed on return.
        tell: called with each finding as it comes.
    """
    findings: list[Finding] = []
    with visit:
        for step in STEPS:
            findings.append(_take(step, visit))
            tell(findings[-1])
            if not findings[-1].ok:
                break
    return Checkup(visit.target, tuple(findings))


def _take(step: Step, visit: Visit) -> Finding:
    try:
        return Finding(step.name, ok=True, what=step.examine(visit))
    except HwprofError as error:
        what, separator, way_out = str(error).rpartition("; ")
        if not separator:  # the firmware's sentences say what, not what to do
            what, way_out = way_out, _RELOAD
        return Finding(step.name, ok=False, what=what, way_out=way_out)
