"""Rules about how the figures of a board file go together (docs/BOARDS.md).

Each rule yields sentences, so that all faults of a file are told at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

from hwprof.firmware_stub.virtual.board_fields import (
    CACHES,
    FORMAT,
    MAX_MEMORY_BYTES,
    PARTS,
    Data,
    structure_faults,
)
from hwprof.pool import POOL_BYTES

ROOM = Path(__file__).resolve().parent.parent
MAX_MEMORIES_OFFERED = 8  # BOARD_MAX_MEMORIES of firmware_stub/include/board.h
PAGE_BYTES = 0x1000  # the emulator maps whole pages, and the bus routes them
NAME_CHARACTERS = 16  # of a board, in HELLO
MEMORY_NAME_CHARACTERS = 12
# Arm DDI 0403E table B3-1: peripheral region and private peripheral bus, which the emulator maps.
PERIPHERAL_RANGES = ((0x4000_0000, 0x6000_0000), (0xE000_0000, 0xE010_0000))
KINDS = ("ram", "rom")
MAX_TIGHTLY_COUPLED = 2  # Arm DDI 0489F: one for instructions, one for data
MODELS = ("dwt", "scs", "lpuart", "ocotp")  # of peripherals, as bus.py makes them
CHIPS = ("imxrt1170",)  # that bus.py has blocks of
USES = ("activations", "weights", "scratch", "staged_weights")


def faults_of(data: Data) -> list[str]:
    """Sentences about everything that is wrong with a board file's content; empty if nothing is.

    Rules about how figures go together are asked only once every field is there and of its type.
    """
    if data.get("format") != FORMAT:
        sentence = f"a board file has format = {FORMAT}; got {data.get('format')!r}"
        return [f"{sentence}; use the file that ships with this version."]
    return list(structure_faults(data)) or [fault for rule in _RULES for fault in rule(data)]


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


def _files(data: Data) -> Iterator[str]:
    known = sorted(path.stem for path in (ROOM / "cores").glob("*.toml"))
    if data["core"] not in known:
        yield f"the core of a board is one of {', '.join(known)}; got {data['core']!r}; choose one."


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


def _tightly_coupled(data: Data) -> Iterator[str]:
    names = [
        entry["name"]
        for entry in data["memory"]
        if entry["attribute"] == "tcm" and not entry.get("harness", False)
    ]
    if len(names) > MAX_TIGHTLY_COUPLED:
        yield (
            f"a Cortex-M7 has at most {MAX_TIGHTLY_COUPLED} tightly coupled memories; got "
            f"{', '.join(names)}; give one of them another attribute."
        )


def _models(data: Data) -> Iterator[str]:
    if data.get("chip", CHIPS[0]) not in CHIPS:
        yield (
            f"the chip of a board is one of {', '.join(CHIPS)}; got {data['chip']!r}; choose one, "
            "or leave it out."
        )
    for entry in data["peripheral"]:
        model = entry.get("model", MODELS[0])
        if model not in MODELS:
            yield (
                f"the model of a peripheral is one of {', '.join(MODELS)}; {entry['name']} has "
                f"{model!r}; choose one, or leave it out."
            )


def _pages(data: Data) -> Iterator[str]:
    for key in ("memory", "peripheral"):
        for entry in data[key]:
            base, size_bytes = entry["base"], entry["size_bytes"]
            if base % PAGE_BYTES or size_bytes % PAGE_BYTES:
                yield (
                    f"a {key} starts and ends on a page of {PAGE_BYTES:#x} bytes; {entry['name']} "
                    f"has {size_bytes:#x} bytes at {base:#010x}; round it."
                )


def _sizes(data: Data) -> Iterator[str]:
    for entry in data["memory"]:
        name, base, size_bytes = entry["name"], entry["base"], entry["size_bytes"]
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


def _windows(data: Data) -> Iterator[str]:
    for entry in data["peripheral"]:
        base, end = entry["base"], entry["base"] + entry["size_bytes"]
        if not any(low <= base and end <= high for low, high in PERIPHERAL_RANGES):
            yield (
                f"a peripheral lies inside {_ranges()}; {entry['name']} has "
                f"{entry['size_bytes']:#x} bytes at {base:#010x}; correct it."
            )


def _ranges() -> str:
    return " or ".join(f"{start:#010x} to {end - 1:#010x}" for start, end in PERIPHERAL_RANGES)


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
    _files,
    _kinds,
    _tightly_coupled,
    _models,
    _pages,
    _sizes,
    _windows,
    _overlaps,
    _caches,
    _buses,
    _references,
    _offers,
    _pool,
)
