"""The columns that a table of measurements may have (docs/FORMATS.md, "Measurement tables")."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """One known column.

    Attributes:
        unit: of its numbers; ``word`` for text, ``count`` for plain numbers.
        group: what it says: ``block`` or ``operator`` (what ran), ``time``, ``context`` (where and
            how) or ``row`` (what else the measurement store keeps).
    """

    name: str
    unit: str
    group: str


def _columns(group: str, unit: str, *names: str) -> Iterator[Column]:
    return (Column(name, unit, group) for name in names)


COLUMNS: tuple[Column, ...] = (
    *_columns("block", "word", "block_key", "block_type"),
    *_columns("operator", "word", "op", "padding", "activation"),
    *_columns("operator", "element", "input_h", "input_w", "input_c", "out_channels"),
    *_columns("operator", "element", "kernel", "kernel_h", "kernel_w"),
    *_columns("operator", "element", "stride", "stride_h", "stride_w"),
    *_columns("operator", "element", "pad_top", "pad_left", "pad_bottom", "pad_right"),
    *_columns("operator", "count", "groups"),
    *_columns("time", "cycle", "cycles"),
    *_columns("time", "us", "latency_us"),
    *_columns("time", "ms", "latency_ms"),
    *_columns("context", "word", "target", "board", "kernels", "scheme"),
    *_columns("context", "Hz", "clock_hz"),
    *_columns("context", "word", "activations_memory", "weights_memory"),
    *_columns("context", "word", "scratch_memory", "code_memory"),
    *_columns("context", "word", "cache_state", "timing_model", "kind"),
    *_columns("context", "word", "board_identity", "firmware_sha256", "code_sha256"),
    *_columns("row", "cycle", "spread_cycles"),
    *_columns("row", "count", "repeats", "instructions", "macs", "saturated_share"),
    *_columns("row", "byte", "peak_ram_bytes", "flash_bytes"),
    *_columns("row", "word", "program_sha256", "error"),
)

KNOWN = frozenset(column.name for column in COLUMNS)
TIMES = tuple(column.name for column in COLUMNS if column.group == "time")
