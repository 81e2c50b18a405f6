"""Rules of a board file (docs/BOARDS.md): what is there, of which type, and what makes no sense.

Each rule yields sentences, so that all faults of a file are told at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from hwprof.pool import POOL_BYTES

FORMAT = 1
MAX_FILE_BYTES = 1 << 18
MAX_ENTRIES = 64  # memories, and peripherals
MAX_MEMORIES_OFFERED = 8  # BOARD_MAX_MEMORIES of firmware_stub/include/board.h
MAX_MEMORY_BYTES = 1 << 28  # of one memory and of all together: the host holds them
PAGE_BYTES = 0x1000  # the emulator maps whole pages
CLOCK_RANGE_HZ = (1_000_000, 4_000_000_000)
NAME_CHARACTERS = 16  # of a board, in HELLO
MEMORY_NAME_CHARACTERS = 12
DEFAULT_ROOM_BYTES = 80 << 10
# Arm DDI 0403E table B3-1: addresses of peripherals, where no memory may be mapped.
PERIPHERAL_RANGES = ((0x4000_0000, 0x6000_0000), (0xE000_0000, 0xE010_0000))
ADDRESS_END = 1 << 32

KINDS = ("ram", "rom")
USES = ("activations", "weights", "scratch", "staged_weights")
PARTS = ("activations", "weights", "scratch", "code")
CACHES = ("icache", "dcache")
CORES = Path(__file__).resolve().parent.parent / "cores"

Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Field:
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
        elif self.kind is int and not self.low <= value <= self.high:
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
    _Field("name", str),
    _Field("base", int, high=ADDRESS_END - 1),
    _Field("source", str),
    _Field("harness", bool, optional=True),
)
_TOP = (
    _Field("name", str),
    _Field("title", str, optional=True),
    _Field("core", str),
    _Field("image", str, optional=True),
)
# Tables of the file; those that start with a question mark may lack.
_TABLES: dict[str, tuple[_Field, ...]] = {
    "clock": (_Field("core_hz", int, *CLOCK_RANGE_HZ), _Field("source", str)),
    "boot": (_Field("initial_stack", int),),
    "pool": (
        _Field("address", int),
        _Field("size_bytes", int, POOL_BYTES, POOL_BYTES),
        _Field("source", str),
    ),
    "firmware": (
        _Field("data", str),
        _Field("program", dict, optional=True),
        _Field("constants", dict, optional=True),
    ),
    "placement": tuple(_Field(part, str) for part in PARTS),
    "?fidelity": (
        _Field("rows", int, 1),
        _Field("median_error_percent", float),
        _Field("worst_error_percent", float),
        _Field("date", str),
    ),
    **{
        f"?{cache}": (
            _Field("size_bytes", int, 1 << 10, 1 << 20),
            _Field("ways", int, 1, 64),
            _Field("line_bytes", int, 4, 1024),
            _Field("source", str),
        )
        for cache in CACHES
    },
}
_ROOM = (
    _Field("memory", str, optional=True),
    _Field("size_bytes", int, 1, MAX_MEMORY_BYTES, optional=True),
)
_MEMORY = (
    *_AREA,
    _Field("size_bytes", int, 1, MAX_MEMORY_BYTES),
    _Field("kind", str),
    _Field("code", bool, optional=True),
    _Field("offers", list, optional=True),
    _Field("bus_follows_core", bool, optional=True),
    _Field("timing", dict, optional=True),
    *(
        _Field(name, int, 0, MAX_MEMORY_BYTES, optional=True)
        for name in ("offered_bytes", "reserved_bytes", "code_offset_bytes")
    ),
)
_PERIPHERAL = (*_AREA, _Field("size_bytes", int, 1), _Field("model", str, optional=True))


def faults_of(data: Data) -> list[str]:
    """Sentences about everything that is wrong with a board file's content; empty if nothing is.

    Rules about how figures go together are asked only once every field is there and of its type.
    """
    if data.get("format") != FORMAT:
        sentence = f"a board file has format = {FORMAT}; got {data.get('format')!r}"
        return [f"{sentence}; use the file that ships with this version."]
    return list(_structure(data)) or [fault for rule in _RULES for fault in rule(data)]


def _structure(data: Data) -> Iterator[str]:
    yield from _fields(_TOP, data, "a board file")
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
    yield from _entries(data, "memory", _MEMORY)
    yield from _entries(data, "peripheral", _PERIPHERAL)


def _fields(fields: tuple[_Field, ...], table: Data, where: str) -> Iterator[str]:
    for field in fields:
        yield from field.faults(table, where)


def _entries(data: Data, key: str, fields: tuple[_Field, ...]) -> Iterator[str]:
    entries = data.get(key)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        yield f"a board file has tables [[{key}]]; they are missing; add them (docs/BOARDS.md)."
        return
    if not 1 <= len(entries) <= MAX_ENTRIES:
        yield (
            f"a board file has 1 to {MAX_ENTRIES} tables [[{key}]]; got {len(entries)}; correct it."
        )
        return
    for entry in entries:
        yield from _fields(fields, entry, f"{key} {entry.get('name', '?')!r}")


# --- how figures go together ---------------------------------------------------------------------


def _names(data: Data) -> Iterator[str]:
    for what, name, limit in (
        ("board", data["name"], NAME_CHARACTERS),
        *(("memory", entry["name"], MEMORY_NAME_CHARACTERS) for entry in data["memory"]),
    ):
        if not (name.isascii() and name.replace("_", "a").isalnum() and len(name) <= limit):
            yield (
                f"the name of a {what} is 1 to {limit} letters, digits and underscores; got "
                f"{name!r}; shorten it."
            )
    names = [entry["name"] for entry in data["memory"]]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"a memory has a name of its own; {name!r} is there twice; rename one."


def _core(data: Data) -> Iterator[str]:
    known = sorted(path.stem for path in CORES.glob("*.toml"))
    if data["core"] not in known:
        yield f"a board's core is one of {', '.join(known)}; got {data['core']!r}; choose one."


def _kinds(data: Data) -> Iterator[str]:
    for entry in data["memory"]:
        if entry["kind"] not in KINDS:
            yield (
                f"the kind of a memory is ram or rom; got {entry['kind']!r} for {entry['name']}; "
                "choose one."
            )
        unknown = [use for use in entry.get("offers", ()) if use not in USES]
        if unknown:
            yield (
                f"a memory offers {', '.join(USES)}; {entry['name']} offers {unknown[0]!r}; "
                "choose of these."
            )
        if entry["kind"] == "rom" and set(entry.get("offers", ())) - {"staged_weights"}:
            yield (
                f"a rom offers staged_weights only, as no store reaches it; {entry['name']} offers "
                f"{', '.join(entry['offers'])}; correct it."
            )


def _sizes(data: Data) -> Iterator[str]:
    for entry in data["memory"]:
        name, base, size_bytes = entry["name"], entry["base"], entry["size_bytes"]
        if base % PAGE_BYTES or size_bytes % PAGE_BYTES:
            yield (
                f"a memory starts and ends on a page of {PAGE_BYTES:#x} bytes; {name} has "
                f"{size_bytes:#x} bytes at {base:#010x}; round it."
            )
        if any(base < end and start < base + size_bytes for start, end in PERIPHERAL_RANGES):
            yield (
                f"a memory lies outside {_ranges()}, where peripherals are; {name} has "
                f"{size_bytes:#x} bytes at {base:#010x}; correct it."
            )
        for field in ("offered_bytes", "reserved_bytes", "code_offset_bytes"):
            if entry.get(field, 0) > size_bytes:
                yield (
                    f"{field} of a memory is at most its size of {size_bytes:,}; {name} has "
                    f"{entry[field]:,}; correct it."
                )
    total = sum(entry["size_bytes"] for entry in data["memory"])
    if total > MAX_MEMORY_BYTES:
        yield (
            f"the memories of a board have at most {MAX_MEMORY_BYTES:,} bytes in all; got "
            f"{total:,}; leave out what programs do not use."
        )


def _ranges() -> str:
    return " and ".join(f"{start:#010x} to {end - 1:#010x}" for start, end in PERIPHERAL_RANGES)


def _overlaps(data: Data) -> Iterator[str]:
    for key in ("memory", "peripheral"):
        areas = sorted((e["base"], e["base"] + e["size_bytes"], e["name"]) for e in data[key])
        for (_, end, lower), (start, _, upper) in pairwise(areas):
            if start < end:
                yield (
                    f"no address belongs to two areas; {lower} ends at {end:#010x} and {upper} "
                    f"starts at {start:#010x}; correct one."
                )


def _caches(data: Data) -> Iterator[str]:
    for name in CACHES:
        cache = data.get(name)
        if cache is None:
            continue
        size_bytes, ways, line_bytes = cache["size_bytes"], cache["ways"], cache["line_bytes"]
        sets, rest = divmod(size_bytes, ways * line_bytes)
        if rest or sets & (sets - 1) or not sets or line_bytes & (line_bytes - 1):
            yield (
                f"a cache has a power of two of sets, each of ways x line_bytes; [{name}] has "
                f"{size_bytes:,} bytes in {ways} ways of {line_bytes}-byte lines; correct it."
            )


def _buses(data: Data) -> Iterator[str]:
    for entry in data["memory"]:
        bus_hz = entry.get("timing", {}).get("bus_hz")
        if entry.get("bus_follows_core") and not isinstance(bus_hz, int):
            yield (
                f"bus_follows_core is for a memory whose timing has a bus_hz; {entry['name']} has "
                f"{bus_hz!r}; write it."
            )


def _references(data: Data) -> Iterator[str]:
    memories = {entry["name"]: entry for entry in data["memory"]}
    firmware = data["firmware"]
    named = {"data of [firmware]": firmware["data"]}
    for part in ("program", "constants"):
        named[f"{part} of [firmware]"] = firmware.get(part, {}).get("memory", firmware["data"])
    for where, name in named.items():
        if name not in memories or memories[name]["kind"] != "ram":
            rams = [entry["name"] for entry in data["memory"] if entry["kind"] == "ram"]
            yield f"{where} is a ram, one of {', '.join(rams)}; got {name!r}; choose one."
    for part in PARTS:
        name = data["placement"][part]
        fitting = [entry["name"] for entry in data["memory"] if _serves(entry, part)]
        if name not in fitting:
            yield (
                f"{part} of [placement] is a memory that offers it, one of "
                f"{', '.join(fitting) or 'none'}; got {name!r}; choose one, or offer it there."
            )


def _serves(entry: Data, part: str) -> bool:
    if part == "code":
        return bool(entry.get("code", False))
    offers = entry.get("offers", ())
    return part in offers or (part == "weights" and "staged_weights" in offers)


def _offers(data: Data) -> Iterator[str]:
    offering = [entry["name"] for entry in data["memory"] if entry.get("offers")]
    if len(offering) > MAX_MEMORIES_OFFERED:
        yield (
            f"at most {MAX_MEMORIES_OFFERED} memories are offered to programs; got "
            f"{len(offering)}: {', '.join(offering)}; leave some out."
        )


def _pool(data: Data) -> Iterator[str]:
    start = data["pool"]["address"]
    end = start + data["pool"]["size_bytes"]
    for entry in data["memory"]:
        if entry["base"] <= start < entry["base"] + entry["size_bytes"]:
            if end == entry["base"] + entry["size_bytes"]:
                return
            yield (
                f"the pool of {POOL_BYTES:,} bytes lies at the end of its memory; from "
                f"{start:#010x} it ends at {end:#010x} and {entry['name']} at "
                f"{entry['base'] + entry['size_bytes']:#010x}; move it."
            )
            return
    yield (
        f"the pool of {POOL_BYTES:,} bytes lies at the end of a memory; none is at {start:#010x}; "
        "move it, or add a rom for it with harness = true."
    )


_RULES: tuple[Callable[[Data], Iterator[str]], ...] = (
    _names,
    _core,
    _kinds,
    _sizes,
    _overlaps,
    _caches,
    _buses,
    _references,
    _offers,
    _pool,
)
