"""Writes firmware_stub/include/hwp_program.h from the record classes of hwprof.profiler.program.

``--check`` compares instead of writing and exits 1 when the committed header is stale.
"""

from __future__ import annotations

import argparse
import inspect
import sys
from dataclasses import fields
from pathlib import Path

from hwprof.profiler import program
from hwprof.profiler.program import RECORD_TYPES, Record, Region, wire_fields

HEADER = Path(__file__).resolve().parents[1] / "firmware_stub" / "include" / "hwp_program.h"

PREAMBLE = """\
/*
 * The int8 program a board runs, word by word: docs/FORMATS.md, "Program".
 * Generated from profiler/program.py by scripts/generate_program_header.py; do not edit.
 */
#ifndef HWP_PROGRAM_H
#define HWP_PROGRAM_H

#include <stdint.h>

/* Region in bits 31..28, byte offset in bits 27..0. */
typedef uint32_t hwp_address_t;

#define HWP_ADDRESS_REGION(address) ((address) >> 28)
#define HWP_ADDRESS_OFFSET_BYTES(address) ((address) & 0x0FFFFFFFu)
"""

TABLES = """
struct hwp_header {
    uint32_t magic;
    uint32_t version;
    uint32_t total_bytes;
    uint32_t activations_bytes;
    uint32_t weights_bytes;
    uint32_t scratch_bytes;
    uint32_t constants_bytes;
    uint32_t input_count;
    uint32_t output_count;
    uint32_t constant_count;
    uint32_t record_count;
    uint32_t reserved;
};
_Static_assert(sizeof(struct hwp_header) == 48, "hwp_header is 12 words on the wire");

struct hwp_input {
    hwp_address_t address;
    uint32_t size_bytes;
    uint32_t pool_offset_bytes;
};
_Static_assert(sizeof(struct hwp_input) == 12, "hwp_input is 3 words on the wire");

struct hwp_output {
    hwp_address_t address;
    uint32_t size_bytes;
};
_Static_assert(sizeof(struct hwp_output) == 8, "hwp_output is 2 words on the wire");

/* Followed by the data, or one fill word, or pool_offset_bytes and left_shift. */
struct hwp_constant {
    uint32_t kind;
    hwp_address_t address;
    uint32_t size_bytes;
};
_Static_assert(sizeof(struct hwp_constant) == 12, "hwp_constant is 3 words on the wire");

/* Followed by word_count words: one of the structs below. */
struct hwp_record {
    uint32_t opcode;
    uint32_t word_count;
};
_Static_assert(sizeof(struct hwp_record) == 8, "hwp_record is 2 words on the wire");
"""


def render() -> str:
    """The header's text."""
    parts = [
        PREAMBLE,
        _numbers(),
        TABLES,
        *map(_struct, RECORD_TYPES),
        _record_list(),
        "\n#endif\n",
    ]
    return "".join(parts)


def _numbers() -> str:
    lines = [
        f"#define HWP_PROGRAM_MAGIC {program.PROGRAM_MAGIC:#010x}u",
        f"#define HWP_PROGRAM_VERSION {program.PROGRAM_VERSION}u",
        f"#define HWP_POOL_BYTES {program.POOL_BYTES}u",
        "",
        *_enum("hwp_region", "HWP_REGION_", _regions()),
        "",
        *_enum("hwp_constant_kind", "HWP_CONSTANT_", _constant_kinds()),
        "",
        *_enum("hwp_requantisation", "HWP_REQUANTISE_", _requantisations()),
        "",
        *_enum("hwp_opcode", "HWP_OPCODE_", {t.c_name.upper(): t.opcode for t in RECORD_TYPES}),
    ]
    return "\n" + "\n".join(lines) + "\n"


def _regions() -> dict[str, int]:
    return {**{region.name: int(region) for region in Region}, "COUNT": len(Region)}


def _constant_kinds() -> dict[str, int]:
    return {
        kind.__name__.removesuffix("Constant").upper(): kind.kind
        for kind in (program.DataConstant, program.FillConstant, program.PoolConstant)
    }


def _requantisations() -> dict[str, int]:
    return {f"BY_{kind.name}": int(kind) for kind in program.Requantisation}


def _enum(name: str, prefix: str, members: dict[str, int]) -> list[str]:
    body = [f"    {prefix}{member} = {value}," for member, value in members.items()]
    return [f"enum {name} {{", *body, "};"]


def _struct(record: type[Record]) -> str:
    annotations = {field.name: field.type for field in fields(record)}
    lines = [
        f"    {'hwp_address_t' if annotations[name] == 'Buffer' else 'int32_t'} {name};"
        for name in wire_fields(record)
    ]
    name = f"hwp_{record.c_name}"
    return "\n".join(
        [
            "",
            _comment(record),
            f"struct {name} {{",
            *lines,
            "};",
            f"_Static_assert(sizeof(struct {name}) == {4 * len(lines)},",
            f'               "{name} is {len(lines)} words on the wire");',
            "",
        ]
    )


def _comment(record: type[Record]) -> str:
    lines = (inspect.getdoc(record) or "").replace("``", "`").splitlines()
    if len(lines) == 1:
        return f"/* {lines[0]} */"
    return "\n".join(["/*", *(f" * {line}".rstrip() for line in lines), " */"])


def _record_list() -> str:
    rows = [f"    X({record.c_name}, {record.c_name.upper()})" for record in RECORD_TYPES]
    body = " \\\n".join(rows)
    comment = "/* X(struct and function suffix, opcode suffix) for every record. */"
    return f"\n{comment}\n#define HWP_RECORDS(X) \\\n{body}\n"


def main(arguments: list[str] | None = None) -> int:
    """Write the header, or with ``--check`` say whether it is stale."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    check = parser.parse_args(arguments).check
    text = render()
    if not check:
        HEADER.write_text(text)
        return 0
    if HEADER.read_text() == text:
        return 0
    sys.stderr.write(f"{HEADER} is stale; run scripts/generate_program_header.py.\n")
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
