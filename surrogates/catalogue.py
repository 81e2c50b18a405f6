"""Which artefact answers a question: found by context among the user's and the shipped ones."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hwprof.errors import ArtefactError, ConfigurationError, UnknownNameError
from hwprof.firmware_stub.targets import (
    default_placement,
    is_name,
    names_board,
    virtual_reference,
)
from hwprof.luts import shipped_folder
from hwprof.measurement import (
    BOARD_DEFAULT,
    DEFAULT_CACHE_STATE,
    DEFAULT_KERNELS,
    DEFAULT_SCHEME,
    DEFAULT_TARGET,
    DEFAULT_TIMING,
    SCHEME_NAMES,
    TIMING_MODES,
    Context,
    Placement,
)
from hwprof.surrogates.artefact import HEAD_FILE, read_context
from hwprof.surrogates.rows import describe
from hwprof.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Question:
    """The part of a context that a user names.

    Attributes:
        target: link string, or the name of a board whose measurements were imported. The board is
            what follows ``virtual:``, or the name; behind another line it is any measured one.
        placement: None for the board's default one, or the only one there is; empty parts are the
            board's.
        timing: mode of the virtual board's timing model; measured numbers have none.
        cache_state: how runs began; pipeline timing has none.
    """

    target: str = DEFAULT_TARGET
    kernels: str = DEFAULT_KERNELS
    scheme: str = DEFAULT_SCHEME
    placement: Placement | None = None
    timing: str = DEFAULT_TIMING
    cache_state: str = DEFAULT_CACHE_STATE

    def fits(self, context: Context) -> bool:
        """Whether an artefact of that context answers, placement apart."""
        reference = virtual_reference(self.target)
        if is_name(self.target):
            same_board = context.board == self.target and not _is_ours(context)
        elif reference is None:
            same_board = context.kind == "measured"
        else:
            same_board = context.kind == "modelled" and names_board(
                reference, context.board, context.clock_hz
            )
            same_board &= context.timing_model.startswith(f"{self.timing}-")
        same_caches = context.cache_state in {"none", self.cache_state}
        same_code = (context.kernels, context.scheme) == (self.kernels, self.scheme)
        return same_board and same_caches and same_code

    def __str__(self) -> str:
        place = f", placement {self.placement}" if _names_part(self.placement) else ""
        return (
            f"target {self.target}, kernels {self.kernels}, scheme {self.scheme}{place}, timing "
            f"{self.timing}, caches {self.cache_state}"
        )


def _is_ours(context: Context) -> bool:
    """Whether a context's numbers are of a virtual board of hwprof's."""
    return context.timing_model.partition("-")[0] in TIMING_MODES


@dataclass(frozen=True, slots=True)
class Entry:
    """One artefact on disk; ``changed_ns`` is when its head was last written."""

    folder: Path
    changed_ns: int


def artefact_roots(workspace: Workspace | None = None) -> tuple[Path, ...]:
    """Where artefacts are looked for: fitted in the workspace, then shipped."""
    return (workspace or Workspace.resolve()).artefacts, shipped_folder()


def list_entries(roots: Sequence[Path]) -> tuple[Entry, ...]:
    """Artefacts below the roots, in their order."""
    heads = [root / name / HEAD_FILE for root in roots for name in _subfolders(root)]
    return tuple(Entry(head.parent, head.stat().st_mtime_ns) for head in heads if head.is_file())


def _subfolders(root: Path) -> list[str]:
    try:
        return sorted(os.listdir(root))  # noqa: PTH208 - on every prediction; iterdir costs twice
    except OSError:
        return []


def installed_code(question: Question, context: Context) -> str | None:
    """Stamp of the installed kernels and machine description; None for numbers from silicon.

    The question's target says where the board's data file is.

    Raises:
        ArtefactError: the context is of a virtual board that is not installed.
    """
    from hwprof.firmware_stub.stamp import code_sha256

    reference = virtual_reference(question.target)
    if context.kind == "measured" or reference is None:
        return None
    try:
        return code_sha256(reference, context.kernels)
    except UnknownNameError as error:
        raise ArtefactError(
            f"a surrogate answers for an installed virtual board only: {error}"
        ) from error


def choose_entries(question: Question, entries: Sequence[Entry]) -> list[Entry]:
    """The artefacts that answer, all of one context, in the order given.

    Raises:
        ArtefactError: none was fitted for it; the message holds the commands that do.
        UnknownNameError: nobody knows its scheme; the message names the nearest.
        ConfigurationError: several were, in contexts that the question does not tell apart.
    """
    contexts = {entry: read_context(entry.folder) for entry in entries}
    matching = {entry: context for entry, context in contexts.items() if question.fits(context)}
    placed = _placed(question, matching)
    if not placed:
        schemes = {*SCHEME_NAMES, *(context.scheme for context in contexts.values())}
        if question.scheme not in schemes:
            raise UnknownNameError("quantisation scheme", question.scheme, schemes)
        raise ArtefactError(_missing(question, contexts.values()))
    answers = dict.fromkeys(placed.values())
    if len(answers) > 1:
        names = "; ".join(describe(context) for context in answers)
        raise ConfigurationError(
            f"surrogates of {len(answers)} contexts answer for {question}: {names}; name the "
            "placement, or keep one of them in the workspace."
        )
    return list(placed)


def _placed(question: Question, matching: Mapping[Entry, Context]) -> Mapping[Entry, Context]:
    wanted = (question.placement or BOARD_DEFAULT).completed(_default(question))
    placed = {entry: context for entry, context in matching.items() if context.placement == wanted}
    any_placement = question.placement is None or wanted == BOARD_DEFAULT
    return placed or (matching if any_placement else {})


def _names_part(placement: Placement | None) -> bool:
    return placement not in {None, BOARD_DEFAULT}


def _default(question: Question) -> Placement:
    try:
        return default_placement(question.target)
    except UnknownNameError:  # what was fitted for such a board is refused by its stamp
        return Placement()


def _missing(question: Question, known: Iterable[Context]) -> str:
    named = _names_part(question.placement)
    options = f" --placement {question.placement}" if named else ""
    options += f" --kernels {question.kernels}" if question.kernels != DEFAULT_KERNELS else ""
    options += f" --scheme {question.scheme}" if question.scheme != DEFAULT_SCHEME else ""
    options += f" --timing {question.timing}" if question.timing != DEFAULT_TIMING else ""
    warm = question.cache_state != DEFAULT_CACHE_STATE
    options += f" --cache-state {question.cache_state}" if warm else ""
    fitted = [describe(context) for context in known]
    have = f"fitted: {'; '.join(fitted)}" if fitted else "none is fitted"
    first = "hwprof import TABLE.csv" if is_name(question.target) else "hwprof sample"
    return (
        f"no surrogate for {question} ({have}); run '{first}', then 'hwprof fit --target "
        f"{question.target}{options}'."
    )
