"""Constants of a program: what they hold, and where they go when a board has no room for them.

A board keeps biases, factors and tables in fast memory that it sets aside for them. A network with
more output channels than that has room for keeps the largest of them with its weights instead, as
a deployment would.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from hwprof.pool import pool_slice
from hwprof.profiler.program import (
    ALIGNMENT_BYTES,
    Buffer,
    Constant,
    DataConstant,
    FillConstant,
    PoolConstant,
    Program,
    Record,
    Region,
    wire_fields,
)

_WORD_BYTES = 4


def materialised(constant: Constant) -> bytes:
    """What PREPARE leaves in a constant's buffer."""
    words = constant.buffer.size_bytes // _WORD_BYTES
    match constant:
        case DataConstant(data=data):
            return data
        case FillConstant(value=value):
            return np.full(words, value, "<i4").tobytes()
        case PoolConstant(pool_offset_bytes=offset, left_shift=shift):
            return (pool_slice(offset, words).astype("<i4") << shift).tobytes()


def spill(program: Program, *, constants_room_bytes: int, program_room_bytes: int) -> Program:
    """The program with its largest constants beside its weights, as many as have no room.

    Args:
        constants_room_bytes: what the board sets aside for materialised constants.
        program_room_bytes: what it sets aside for the program, which carries some of them.
    """
    largest_last = sorted(program.constants, key=lambda constant: constant.buffer.size_bytes)
    moved: list[Constant] = []
    spilled = program
    while largest_last and (
        spilled.constants_bytes > constants_room_bytes or len(spilled.data) > program_room_bytes
    ):
        # A sixteenth at a time: each step encodes the program again.
        count = -(-len(largest_last) // 16)
        moved += largest_last[-count:]
        del largest_last[-count:]
        spilled = _without(program, moved)
    return spilled


def _without(program: Program, moved: list[Constant]) -> Program:
    """The program with these constants in its weights image."""
    places: dict[Buffer, Buffer] = {}
    image = bytearray(program.weights_image)
    for constant in moved:
        image.extend(bytes(-len(image) % ALIGNMENT_BYTES))
        where = replace(constant.buffer, region=Region.WEIGHTS, offset_bytes=len(image))
        places[constant.buffer] = where
        image.extend(materialised(constant))
    kept = [constant for constant in program.constants if constant.buffer not in places]
    end_bytes = 0
    for constant in kept:
        places[constant.buffer] = replace(constant.buffer, offset_bytes=end_bytes)
        end_bytes += -(-constant.buffer.size_bytes // ALIGNMENT_BYTES) * ALIGNMENT_BYTES
    return replace(
        program,
        records=tuple(_moved(record, places) for record in program.records),
        constants=tuple(replace(entry, buffer=places[entry.buffer]) for entry in kept),
        weights_image=bytes(image),
        constants_bytes=end_bytes,
    )


def _moved(record: Record, places: Mapping[Buffer, Buffer]) -> Record:
    values = {name: getattr(record, name) for name in wire_fields(type(record))}
    changes: dict[str, Any] = {
        name: places[value] for name, value in values.items() if value in places
    }
    return replace(record, **changes) if changes else record
