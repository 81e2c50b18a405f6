"""A core's data file: what each class of instructions reads, produces and may pair with."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from hwprof.errors import ConfigurationError, UnknownNameError
from hwprof.firmware_stub.virtual.board_files import CORES

FORMAT = 1
ROLES = ("late", "shifted", "beside", "address", "index", "multiply", "accumulate", "store")
CHECKED_TABLES = ("issue", "fetch", "predicated", "loads", "stores", "branches")
KINDS = ("data", "load", "store", "load_multiple", "store_multiple", "branch", "none")
# Letters of a class's operand list: whether it is a result, and in which role it is read.
OPERAND_LETTERS: dict[str, tuple[bool, str | None]] = {
    "d": (True, None),
    "x": (True, "late"),
    "y": (True, "accumulate"),
    "l": (False, "late"),
    "e": (False, "shifted"),
    "b": (False, "beside"),
    "m": (False, "multiply"),
    "a": (False, "accumulate"),
    "s": (False, "store"),
    "-": (False, None),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class InstructionClass:
    """Instructions that the pipeline treats alike.

    Attributes:
        operands: a letter of ``OPERAND_LETTERS`` for each operand.
        produces: row of the latency table for its results.
        tags: what the table of forbidden pairs matches.
        may_be_early: slots from which the early ALU may execute it: ``older``, ``any`` or none.
        alone: issues without a partner.
        cycles: issue cycles it takes.
    """

    name: str
    kind: str = "data"
    operands: tuple[str, ...] = ()
    produces: str = "late"
    tags: frozenset[str] = frozenset()
    may_be_early: str = ""
    alone: bool = False
    cycles: int = 1
    reads_flags: bool = False
    sets_flags: bool = False
    narrow_store: bool = False


# An instruction the tables lack: it takes a slot to itself and is reported.
UNKNOWN = InstructionClass(name="unknown", kind="none", alone=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreModel:
    """Everything of ``cores/<name>.toml``.

    Attributes:
        classes: by mnemonic, condition and width suffixes left out; ``decode.py`` says which
            variants of a floating-point mnemonic have a key of their own.
        latency_cycles: by producer, then role.
        forbidden: (older tag, younger tag); ``any`` matches all.
        fetch_bytes: the aligned window that one instruction fetch brings.
        predicated_cycles: what a consumer of another condition waits longer, by role; the sum is
            at most ``predicated_latest_cycles``.
        store_to_load_cycles: from a store to a load of the same word.
        unaligned_load_cycles: what a load takes longer whose address is no multiple of its size.
    """

    name: str
    classes: dict[str, InstructionClass]
    latency_cycles: dict[str, dict[str, int]]
    forbidden: frozenset[tuple[str, str]]
    fetch_bytes: int
    predicated_cycles: dict[str, int]
    predicated_latest_cycles: int
    store_to_load_cycles: int
    unknown_bank_cycles: float
    unaligned_load_cycles: float
    narrow_store_cycles: float
    mispredicted_cycles: float
    mispredicted_early_flags_cycles: float
    early_flags_distance_cycles: int


def core_names() -> list[str]:
    """Names of the cores that ship with the package."""
    return sorted(path.stem for path in CORES.glob("*.toml"))


@cache
def load_core(name: str) -> CoreModel:
    """Read ``cores/<name>.toml``.

    Raises:
        UnknownNameError: there is no such core.
        ConfigurationError: the file breaks a rule of its format.
    """
    if name not in core_names():
        raise UnknownNameError("core", name, core_names())
    return parse_core(tomllib.loads(Path(CORES / f"{name}.toml").read_text(encoding="utf-8")))


def parse_core(data: dict[str, Any]) -> CoreModel:
    """Build a core model from a parsed core file.

    Raises:
        ConfigurationError: a number lacks its source or known error, or a name is not in the
            format.
    """
    if data.get("format") != FORMAT:
        raise ConfigurationError(
            f"a core file has format = {FORMAT}; got {data.get('format')!r}; "
            "use the file that ships with this version."
        )
    try:
        _check_sources(data)
        branches = data["branches"]
        return CoreModel(
            name=data["name"],
            classes=dict(_classes(data["class"])),
            latency_cycles={row["producer"]: {r: row[r] for r in ROLES} for row in data["latency"]},
            forbidden=frozenset((pair["older"], pair["younger"]) for pair in data["forbidden"]),
            fetch_bytes=data["fetch"]["window_bytes"],
            predicated_cycles={role: data["predicated"][role] for role in ROLES},
            predicated_latest_cycles=data["predicated"]["latest_cycles"],
            store_to_load_cycles=data["stores"]["to_load_cycles"],
            unknown_bank_cycles=data["loads"]["unknown_bank_cycles"],
            unaligned_load_cycles=data["loads"]["unaligned_cycles"],
            narrow_store_cycles=data["stores"]["narrow_cycles"],
            mispredicted_cycles=branches["mispredicted_cycles"],
            mispredicted_early_flags_cycles=branches["mispredicted_early_flags_cycles"],
            early_flags_distance_cycles=branches["early_flags_distance_cycles"],
        )
    except KeyError as error:
        raise ConfigurationError(
            f"a core file names every field of cores/cortex_m7.toml; {error} is missing; add it."
        ) from error


def _check_sources(data: dict[str, Any]) -> None:
    entries = [*data["latency"], *data["class"]]
    entries += [data[table] for table in CHECKED_TABLES]
    for entry in entries:
        if not entry["source"] or not entry["known_error"]:
            raise ConfigurationError(
                f"every number of a core file has a source and a known error; {entry} lacks one; "
                "write it."
            )


def _classes(entries: list[dict[str, Any]]) -> list[tuple[str, InstructionClass]]:
    return [(m, entry) for row in entries for entry in [_class(row)] for m in row["mnemonics"]]


def _class(row: dict[str, Any]) -> InstructionClass:
    operands, kind = tuple(row.get("operands", ())), row.get("kind", "data")
    unknown = [letter for letter in operands if letter not in OPERAND_LETTERS]
    if unknown or kind not in KINDS:
        raise ConfigurationError(
            f"an instruction class has a kind of {', '.join(KINDS)} and operands of "
            f"{' '.join(OPERAND_LETTERS)}; {row['name']} has {kind} and {operands}; correct it."
        )
    optional = ("may_be_early", "alone", "cycles", "reads_flags", "sets_flags", "narrow_store")
    return InstructionClass(
        name=row["name"],
        kind=kind,
        operands=operands,
        produces=row.get("produces", "late"),
        tags=frozenset(row.get("tags", ())),
        **{key: row[key] for key in optional if key in row},
    )
