"""``hwprof run`` on the command line."""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path

import pytest
from click.testing import CliRunner

from hwprof.cli import main
from hwprof.firmware_stub.manifest import image_of
from hwprof.measurement import DEFAULT_KERNELS
from tests.virtual.elf_kit import Elf

FIRMWARE = str(image_of(DEFAULT_KERNELS).path)
COPY = ("--call", "memcpy", "--arg", "buffer:ocram:640", "--arg", "buffer:sdram:640=noise")
FIELDS = {
    "image", "image_sha256", "function", "arguments", "target", "board", "clock_hz", "kind",
    "timing_model", "start", "r0", "r1", "s0", "d0", "cycles", "latency_us", "instructions",
    "instructions_per_cycle", "cycles_of_each_call", "stack_bytes", "functions", "regions",
    "buffers", "warnings",
}  # fmt: skip
DOCUMENT = Path(__file__).parents[2] / "docs" / "RUN.md"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Calls ``hwprof run`` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(main, ["run", *arguments])


def test_a_table_by_function_and_one_by_memory(run):
    """Result, cycles by function, misses by memory, and what the numbers are."""
    result = run(FIRMWARE, *COPY, "--arg", "640", "--repeat", "2")

    assert result.exit_code == 0, result.output
    assert re.search(r"^memcpy +[\d,]+ +100\.00 +[\d,]+$", result.output, re.MULTILINE)
    assert re.search(r"^sdram +20 ", result.output, re.MULTILINE)
    assert "us modelled on virtual:rt1170 at 996 MHz, cold start, timing exact-" in result.output
    assert "2 calls of " in result.output


def test_json_has_the_fields_that_are_documented(run):
    """One object, its fields those of docs/RUN.md."""
    result = run(FIRMWARE, *COPY, "--arg", "640", "--json")
    found = json.loads(result.output)

    assert set(found) == FIELDS
    documented = DOCUMENT.read_text("utf-8").partition("## JSON")[2]
    assert set(re.findall(r"^\| `(\w+)`", documented, re.MULTILINE)) == FIELDS
    assert (found["function"], found["kind"], found["start"]) == ("memcpy", "modelled", "cold")
    assert found["buffers"][1]["memory"] == "sdram"
    assert found["r0"] == found["buffers"][0]["address"]


def test_what_is_no_number_is_null(run):
    """JSON has no NaN."""
    path = Path("nan.elf")
    # mvn r0, #0; vmov s0, r0; bx lr
    code = struct.unpack("<5H", bytes.fromhex("6ff0000000ee100a7047"))
    path.write_bytes(Elf().with_code(0x1000, *code).write())

    found = json.loads(run("nan.elf", "--call", "f", "--json").output)

    assert found["s0"] is None
    assert found["r0"] == 0xFFFF_FFFF


def test_a_dump_is_written(run):
    """The buffer of the argument that was named."""
    result = run(FIRMWARE, "--call", "memset", "--arg", "buffer:dtcm:5", "--arg", "0x61",
                 "--arg", "4", "--dump", "1=out.bin", "--stack", "ocram:8192")  # fmt: skip

    assert result.exit_code == 0, result.output
    assert Path("out.bin").read_bytes() == b"aaaa\0"


def test_warnings_are_printed(run):
    """A register that nobody modelled is named."""
    # ldr r0, [r0]; bx lr
    Path("load.elf").write_bytes(Elf().with_code(0x1000, 0x6800, 0x4770).write())

    result = run("load.elf", "--call", "f", "--arg", "0x43210000")

    assert "warning: register at 0x43210000 is not modelled; 1 reads gave 0." in result.output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["none.elf", "--call", "f"], "none.elf' cannot be opened (No such file"),
        ([__file__, "--call", "f"], "is no ELF file"),
        ([FIRMWARE, "--call", "memcopy"], "unknown function 'memcopy'; did you mean memcpy"),
        ([FIRMWARE, "--call", "memcpy", "--arg", "five"], "an argument is N, i64:N"),
        ([FIRMWARE, "--call", "memcpy", "--dump", "x"], "a dump is ARGUMENT=FILE"),
        ([FIRMWARE, "--call", "memcpy", "--place", "x"], "a part of a program is placed as"),
        ([FIRMWARE, "--call", "memcpy", "--with", FIRMWARE], "an executable is linked already"),
        ([FIRMWARE, "--call", "memcpy", "--map", "x"], "a memory is added as NAME=BASE"),
        ([FIRMWARE, "--call", "memcpy", "--arg", "buffer:dtcm:0x50000"], "must fit a free part"),
        ([FIRMWARE, "--call", "memset", *["--arg", "0x10000000"] * 3], "a store in no memory"),
        ([FIRMWARE, "--call", "memset", *["--arg", "0x20008000"] * 3, "--max-cycles", "99"],
         "did not return within 99 cycles"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_mistake_is_one_sentence(run, arguments, sentence):
    """Exit code 2, no traceback."""
    result = run(*arguments)

    assert result.exit_code == 2, result.output
    assert sentence in result.output
    assert "Traceback" not in result.output
