"""Where a row's number came from: by its columns, or by what is said of the whole table."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field

from hwprof.measurement import (
    BOARD_DEFAULT,
    CACHE_STATES,
    DEFAULT_KERNELS,
    DEFAULT_SCHEME,
    SILICON,
    TIMING_MODES,
    Context,
    Origin,
    Placement,
)
from hwprof.workflows.tables._table import Row

_WORD = re.compile(r"[\w.+/-]{1,64}", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{64}|")
_CLOCKS_HZ = (100_000, 10_000_000_000)


@dataclass(frozen=True, slots=True)
class TableDefaults:
    """What holds for every row of a table whose columns do not say it; empty is not said.

    Attributes:
        target: name of the board that predictions are asked for by.
        clock_hz: core clock, 0 where columns say it.
        placement: memory of each part.
        cache_state: ``cold``, ``warm``, or empty for nobody knows.
        timing_model: of modelled numbers, the model's name and version.
    """

    target: str = ""
    clock_hz: int = 0
    kernels: str = ""
    scheme: str = ""
    placement: Placement = field(default=BOARD_DEFAULT)
    cache_state: str = ""
    timing_model: str = ""


def row_origin(row: Row, defaults: TableDefaults) -> Origin:
    """Origin of a row.

    Raises:
        StoreError: a column breaks a rule, or says something else than the option.
    """
    target = _said(row, "target", defaults.target)
    board = row.get("board") or (target if ":" not in target else "")
    if not board:
        raise row.fault(
            "a row names the board that it was measured on",
            f"target {target!r} and no board" if target else "no target and no board",
            "pass --target NAME or add a column board",
        )
    return Origin(
        target=target or board,
        board_identity=row.get("board_identity") or "imported",
        firmware_sha256=_hash(row, "firmware_sha256"),
        context=_context(row, _word(row, "board", board), defaults),
        code_sha256=_hash(row, "code_sha256"),
    )


def _context(row: Row, board: str, defaults: TableDefaults) -> Context:
    memories = {
        part: _word(row, f"{part}_memory", _said(row, f"{part}_memory", memory))
        for part, memory in asdict(defaults.placement).items()
    }
    return Context(
        board=board,
        clock_hz=_clock(row, defaults),
        kernels=_word(row, "kernels", _said(row, "kernels", defaults.kernels) or DEFAULT_KERNELS),
        scheme=_word(row, "scheme", _said(row, "scheme", defaults.scheme) or DEFAULT_SCHEME),
        placement=Placement(**memories),
        cache_state=_cache_state(row, defaults),
        timing_model=_timing_model(row, defaults),
    )


def _said(row: Row, column: str, option: str) -> str:
    """The column's word; one that contradicts the option is another table's row."""
    text = row.get(column)
    if text and option and text != option:
        raise row.fault(
            f"a table that is imported as {column} {option} has rows of no other",
            f"{column} {text[:40]!r}",
            "split the table, or leave out the option",
        )
    return text or option


def _word(row: Row, column: str, text: str) -> str:
    if text and not _WORD.fullmatch(text):
        raise row.fault(
            f"column {column} holds a word of letters, digits and _ . + / -, at most 64",
            f"{column} {text[:40]!r}",
        )
    return text


def _hash(row: Row, column: str) -> str:
    text = row.get(column)
    if not _HASH.fullmatch(text):
        raise row.fault(
            f"column {column} holds 64 hexadecimal digits or nothing", f"{column} {text[:40]!r}"
        )
    return text


def _clock(row: Row, defaults: TableDefaults) -> int:
    least, most = _CLOCKS_HZ
    text = _said(row, "clock_hz", str(defaults.clock_hz or ""))
    clock_hz = row.whole("clock_hz", defaults.clock_hz) if text else 0
    if not least <= clock_hz <= most:
        raise row.fault(
            f"a row has a core clock between {least:,} and {most:,} Hz, which turns cycles into "
            "time and back",
            f"clock_hz {text}" if text else "none",
            "pass --clock-hz or add a column clock_hz",
        )
    return clock_hz


def _cache_state(row: Row, defaults: TableDefaults) -> str:
    state = _said(row, "cache_state", defaults.cache_state) or "none"
    if state not in {*CACHE_STATES, "none"}:
        raise row.fault(
            f"column cache_state holds {', '.join(CACHE_STATES)} or none", f"{state[:40]!r}"
        )
    return state


def _timing_model(row: Row, defaults: TableDefaults) -> str:
    kind = row.get("kind")
    model = _word(row, "timing_model", _said(row, "timing_model", defaults.timing_model))
    if not model and kind != "modelled":
        model = SILICON
    fitting = {"", "measured"} if model == SILICON else {"", "modelled"}
    if not model or kind not in fitting:
        raise row.fault(
            "a row is measured, with timing_model silicon or none, or modelled, with timing_model "
            "the model's name",
            f"kind {kind[:40]!r} and timing_model {model!r}",
        )
    if model.partition("-")[0] in TIMING_MODES and not row.get("code_sha256"):
        raise row.fault(
            "timing models exact-N and pipeline-N are those of hwprof's virtual boards, whose rows "
            "have a code_sha256, as 'hwprof export' writes them",
            f"timing_model {model} and none",
            "give the model a name of its own",
        )
    return model
