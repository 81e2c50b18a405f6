"""Fields of a board file (docs/BOARDS.md): what must be there, of which type, in which range."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hwprof.pool import POOL_BYTES

FORMAT = 1
MAX_MEMORIES = 16  # MAX_AREAS of evaluate.py and MAX_REGIONS of memory_model.py
MAX_PERIPHERALS = 64
MAX_MEMORY_BYTES = 1 << 28  # of one memory and of all together: the host holds them
MAX_PERIPHERAL_BYTES = 1 << 20
CLOCK_RANGE_HZ = (1_000_000, 4_000_000_000)
ADDRESS_END = 1 << 32

PARTS = ("activations", "weights", "scratch", "code")
CACHES = ("icache", "dcache")

Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a table: its type, its range where it is a number, and whether it may lack."""

    name: str
    kind: type
    low: int = 0
    high: int = ADDRESS_END
    optional: bool = False

    def faults(self, table: Data, where: str) -> Iterator[str]:
        if self.name not in table:
            if not self.optional:
                yield f"{where} names {self.name}; it is missing; add it (docs/BOARDS.md)."
            return
        value: Any = table[self.name]
        if not _is_of(value, self.kind):
            words = _TYPE_WORDS[self.kind]
            yield f"{self.name} of {where} is {words}; got {value!r}; correct it."
        elif self.kind is str and not value.strip():
            yield f"{self.name} of {where} is not empty; write it."
        elif self.kind in (int, float) and not self.low <= value <= self.high:
            yield (
                f"{self.name} of {where} lies between {self.low:,} and {self.high:,}; got "
                f"{value:,}; correct it."
            )


def _is_of(value: object, kind: type) -> bool:
    """Whether a value has a type; true is no number here."""
    return isinstance(value, kind) and isinstance(value, bool) == (kind is bool)


_TYPE_WORDS = {
    str: "a text",
    int: "a whole number",
    float: "a number with a decimal point",
    bool: "true or false",
    list: "a list",
    dict: "a table",
}
_AREA = (
    Field("name", str),
    Field("base", int, high=ADDRESS_END - 1),
    Field("source", str),
    Field("harness", bool, optional=True),
)
_TOP = (
    Field("name", str),
    Field("title", str, optional=True),
    Field("core", str),
    Field("chip", str, optional=True),
    Field("image", str, optional=True),
)
# Tables of the file; those that start with a question mark may lack.
_TABLES: dict[str, tuple[Field, ...]] = {
    "clock": (Field("core_hz", int, *CLOCK_RANGE_HZ), Field("source", str)),
    "boot": (Field("initial_stack", int), Field("source", str, optional=True)),
    "pool": (
        Field("address", int),
        Field("size_bytes", int, POOL_BYTES, POOL_BYTES),
        Field("source", str),
    ),
    "firmware": (
        Field("data", str),
        Field("program", dict, optional=True),
        Field("constants", dict, optional=True),
    ),
    "placement": tuple(Field(part, str) for part in PARTS),
    "?fidelity": (
        Field("rows", int, 1),
        Field("median_error_percent", float),
        Field("worst_error_percent", float),
        Field("date", str),
    ),
    **{
        f"?{cache}": (
            Field("size_bytes", int, 1 << 10, 1 << 20),
            Field("ways", int, 1, 64),
            Field("line_bytes", int, 4, 1024),
            Field("replacement", str),
            Field("source", str),
            Field("known_error", str),
        )
        for cache in CACHES
    },
}
_ROOM = (
    Field("memory", str, optional=True),
    Field("size_bytes", int, 1, MAX_MEMORY_BYTES, optional=True),
)
_MEMORY = (
    *_AREA,
    Field("size_bytes", int, 1, MAX_MEMORY_BYTES),
    Field("kind", str),
    Field("code", bool, optional=True),
    Field("offers", list, optional=True),
    Field("attribute", str),
    Field("write_policy", str, optional=True),
    Field("bus_follows_core", bool, optional=True),
    Field("timing", dict, optional=True),
    *(
        Field(name, int, 0, MAX_MEMORY_BYTES, optional=True)
        for name in ("offered_bytes", "reserved_bytes", "code_offset_bytes")
    ),
)
_PERIPHERAL = (
    *_AREA,
    Field("size_bytes", int, 1, MAX_PERIPHERAL_BYTES),
    Field("model", str, optional=True),
)


def structure_faults(data: Data) -> Iterator[str]:
    """Sentences about fields that lack, are misspelt, or are of another type or range."""
    tables = [key.lstrip("?") for key in _TABLES]
    yield from _fields(_TOP, data, "a board file", ("format", "memory", "peripheral", *tables))
    for key, fields in _TABLES.items():
        name = key.lstrip("?")
        if name not in data and key != name:
            continue
        table = data.get(name)
        if isinstance(table, dict):
            yield from _fields(fields, table, f"[{name}]")
        else:
            yield f"a board file has a table [{name}]; it is missing; add it (docs/BOARDS.md)."
    firmware = data.get("firmware")
    for part in ("program", "constants"):
        room = firmware.get(part) if isinstance(firmware, dict) else None
        if isinstance(room, dict):
            yield from _fields(_ROOM, room, f"{part} of [firmware]")
    yield from _entries(data, "memory", _MEMORY, MAX_MEMORIES)
    yield from _entries(data, "peripheral", _PERIPHERAL, MAX_PERIPHERALS)


def _fields(
    fields: tuple[Field, ...], table: Data, where: str, further: tuple[str, ...] = ()
) -> Iterator[str]:
    """Faults of a table's fields; ``further`` are fields that are looked at elsewhere."""
    known = [*(field.name for field in fields), *further]
    for name in table:
        if name not in known:
            yield f"{where} has {', '.join(known)}; got {name!r}; correct its name, or remove it."
    for field in fields:
        yield from field.faults(table, where)


def _entries(data: Data, key: str, fields: tuple[Field, ...], most: int) -> Iterator[str]:
    entries = data.get(key)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        yield f"a board file has tables [[{key}]]; they are missing; add them (docs/BOARDS.md)."
        return
    if not 1 <= len(entries) <= most:
        yield f"a board file has 1 to {most} tables [[{key}]]; got {len(entries)}; correct it."
        return
    for entry in entries:
        where = f"{key} {entry.get('name', '?')!r}"
        yield from _fields(fields, entry, where)
        yield from _texts("offers", entry, where)


def _texts(name: str, table: Data, where: str) -> Iterator[str]:
    """A list that is there holds texts; that it is a list is its field's business."""
    values = table.get(name)
    if isinstance(values, list) and not all(isinstance(value, str) for value in values):
        yield f"{name} of {where} is a list of texts; got {values!r}; correct it."
