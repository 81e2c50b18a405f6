"""Every error that hwprof raises on purpose.

The tree::

    HwprofError                  root; the command line prints its sentence and exits 2
    ├── ModelError               a model file or graph that cannot be used
    │   ├── UnsupportedOperatorError
    │   └── ModelDoesNotFitError
    ├── ConfigurationError       an option, parameter or context that breaks a rule
    │   └── UnknownNameError     a block, target, board or network nobody registered
    ├── StoreError               a measurement store or table that cannot be read or written
    ├── PausedError              a campaign that was asked to pause; the command line exits 75
    ├── ArtefactError            a fitted artefact that is missing, foreign or stale
    └── LinkError                the line to a board
        ├── ProtocolError        bytes that break docs/PROTOCOL.md
        ├── DriftError           a board that is no longer as it was
        └── BoardError           the board refused or faulted

A message says the rule, the value got and the way out, in one sentence.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_MOST_LISTED = 40  # names of a registry in one sentence; an ELF file has thousands


def _rebuild(kind: type[HwprofError], message: str, state: dict[str, object]) -> HwprofError:
    error = kind.__new__(kind, message)
    error.args = (message,)
    error.__dict__.update(state)
    return error


class HwprofError(Exception):
    """Root of the tree; anything below it is a user's problem with a way out."""

    def __reduce__(self) -> tuple[object, ...]:
        # Workers send errors home: rebuild from the finished sentence, not by calling __init__.
        return _rebuild, (type(self), str(self), self.__dict__)


class ModelError(HwprofError, ValueError):
    """A model that cannot be read or lowered."""


class UnsupportedOperatorError(ModelError):
    """Operators outside the supported set, all of them at once."""


class ModelDoesNotFitError(ModelError):
    """A program larger than a memory of the board; the message holds both sizes."""


class ConfigurationError(HwprofError, ValueError):
    """A parameter, option or context that breaks a rule."""


class UnknownNameError(ConfigurationError):
    """A name that no registry knows; the message suggests the nearest ones."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        known = sorted(known)
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
        listed = ", ".join(known[:_MOST_LISTED])
        if len(known) > _MOST_LISTED:
            listed += f" and {len(known) - _MOST_LISTED:,} more"
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {listed}."
        super().__init__(f"unknown {kind} {name!r}; {hint}")
        self.name = name


class StoreError(HwprofError):
    """A measurement store or table that cannot be used."""


class PausedError(HwprofError):
    """A campaign that was asked to pause: what it measured is stored, and it can go on."""


class ArtefactError(HwprofError):
    """A fitted artefact that is missing, foreign, or stamped for something else."""


class LinkError(HwprofError, ConnectionError):
    """The line to a board failed."""


class ProtocolError(LinkError):
    """Bytes on the line that break the protocol."""


class DriftError(LinkError):
    """A board whose reference measurement moved, or another board than the one opened."""


class BoardError(LinkError):
    """The board answered with an error, or its processor faulted.

    Attributes:
        code: error code of docs/PROTOCOL.md, or None for a processor fault.
        address, pc, cycle: set for a processor fault, in bytes and cycles.
    """

    def __init__(
        self,
        message: str,
        *,
        code: int | None = None,
        address: int | None = None,
        pc: int | None = None,
        cycle: int | None = None,
    ) -> None:
        where = [
            f"{label} {value:#x}"
            for label, value in (("address", address), ("pc", pc))
            if value is not None
        ]
        if cycle is not None:
            where.append(f"cycle {cycle}")
        super().__init__(f"{message} ({', '.join(where)})" if where else message)
        self.code = code
        self.address = address
        self.pc = pc
        self.cycle = cycle
