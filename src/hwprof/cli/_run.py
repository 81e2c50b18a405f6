"""``hwprof run``: a function of any Cortex-M7 binary on a virtual board."""

from __future__ import annotations

from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hwprof.cli import _options
from hwprof.cli._output import print_json, print_table
from hwprof.errors import ConfigurationError
from hwprof.measurement import DEFAULT_TARGET, DEFAULT_TIMING

if TYPE_CHECKING:
    from hwprof.firmware_stub.virtual.calls import CallResult
    from hwprof.workflows.run_binary import RunReport


class _DumpType(click.ParamType[tuple[int, Path]]):
    name = "number=file"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, Path]:
        del param, ctx
        number, _, path = str(value).partition("=")
        if not (number.isdecimal() and path):
            raise ConfigurationError(
                f"a dump is ARGUMENT=FILE, the argument by its number from 1; got {value!r}; "
                "write 2=output.bin."
            )
        return int(number), Path(path)


@click.command()
@click.argument("image", type=click.Path(path_type=Path))
@click.option("--call", "function", required=True, help="The function: a symbol or an address.")
@click.option(
    "--arg",
    "arguments",
    multiple=True,
    help="An argument: N, i64:N, f:X, d:X, &SYMBOL[+N], or "
    "buffer:MEMORY:BYTES[=zeros|noise[:SEED]|file:PATH]; repeat it in the function's order.",
)
@click.option("--init", multiple=True, help="Call this first, without arguments or counting.")
@click.option(
    "--target",
    default=DEFAULT_TARGET,
    show_default=True,
    help="Virtual board: virtual:NAME or virtual:BOARD.toml, either with ?clock_hz=N.",
)
@_options.timing
@click.option("--stack", default="", help="MEMORY:BYTES of the stack [default: 16384 of DTCM].")
@click.option(
    "--with",
    "libraries",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Link an object file or an archive with IMAGE, if that is one itself.",
)
@click.option(
    "--place",
    "placement",
    multiple=True,
    help="Where a part of object files goes: code|rodata|data|bss=MEMORY|ADDRESS.",
)
@click.option(
    "--map",
    "memories",
    multiple=True,
    help="Add a ram, NAME=BASE:BYTES[:LIKE]; it waits as the memory LIKE does, or not at all.",
)
@click.option(
    "--dump",
    "dumps",
    type=_DumpType(),
    multiple=True,
    help="Write the buffer of an argument to a file afterwards, as 2=output.bin.",
)
@click.option(
    "--warmup",
    type=click.IntRange(0, 1_000_000),
    default=0,
    show_default=True,
    help="Calls in front of those that count; without any, each starts with empty caches.",
)
@click.option(
    "--repeat", "repeats", type=click.IntRange(1, 1_000_000), default=1, help="Calls that count."
)
@click.option(
    "--max-cycles",
    type=click.IntRange(1),
    default=10**11,
    show_default=True,
    help="Give up a call after so many modelled cycles.",
)
@click.option(
    "--max-seconds", type=click.FloatRange(0), help="Give up a call after so long on this computer."
)
@_options.as_json
def run(image: Path, *, timing: str, as_json: bool, **options: Any) -> None:
    """Call a function of IMAGE, an ELF file for a Cortex-M7, and say what it costs.

    An executable is loaded at its own addresses, an object file linked into the board's memories.
    Start-up code runs only if --init names it, but initialised data and zeros are where it would
    leave them. Cycles are modelled.
    """
    from hwprof.workflows.run_binary import RunRequest, run_binary

    report = run_binary(RunRequest(image=image, timing=timing or DEFAULT_TIMING, **options))
    if as_json:
        print_json(run_report(report))
        return
    _print(report)


def run_report(report: RunReport) -> dict[str, object]:
    """The JSON object of docs/RUN.md."""
    last = report.last
    return {
        "image": str(report.request.image),
        "image_sha256": report.image_sha256,
        "function": last.function,
        "arguments": list(report.request.arguments),
        "target": report.request.target,
        "board": report.board,
        "clock_hz": report.clock_hz,
        "kind": "modelled",
        "timing_model": report.timing_model,
        "start": report.start,
        "r0": last.r0,
        "r1": last.r1,
        "s0": last.s0 if isfinite(last.s0) else None,
        "d0": last.d0 if isfinite(last.d0) else None,
        "cycles": last.cycles,
        "latency_us": report.latency_us,
        "instructions": last.instructions,
        "instructions_per_cycle": last.instructions_per_cycle,
        "cycles_of_each_call": [result.cycles for result in report.results],
        "stack_bytes": last.stack_bytes,
        "functions": [asdict(cost) for cost in last.functions],
        "regions": [asdict(region) for region in last.regions],
        "buffers": [
            {"argument": number, **asdict(buffer.place)} for number, buffer in report.buffers
        ],
        "warnings": list(report.warnings),
    }


def _print(report: RunReport) -> None:
    last = report.last
    arguments = ", ".join(report.request.arguments)
    click.echo(f"{last.function}({arguments}) of {report.request.image.name}\n{_returned(last)}\n")
    print_table(
        ("function", "cycles", "% of cycles", "instructions"),
        [
            (cost.name, cost.cycles, 100.0 * cost.cycles / max(last.cycles, 1), cost.instructions)
            for cost in last.functions
        ],
    )
    busy = [region for region in last.regions if any(list(asdict(region).values())[1:])]
    if busy:
        click.echo()
        print_table(
            ("memory", "read misses", "write misses", "write-backs", "fetch misses", "cycles lost"),
            [
                (
                    region.name,
                    region.read_misses,
                    region.write_misses,
                    region.write_backs,
                    region.fetch_misses,
                    region.stall_cycles,
                )
                for region in busy
            ],
        )
    click.echo(
        f"\n{last.cycles:,} cycles, {report.latency_us:,.2f} us modelled on "
        f"{report.request.target} at {report.clock_hz / 1e6:g} MHz, {report.start} start, timing "
        f"{report.timing_model}\n{last.instructions:,} instructions, "
        f"{last.instructions_per_cycle:.2f} in a cycle; {last.stack_bytes:,} bytes of stack used"
    )
    if len(report.results) > 1:
        cycles = sorted(result.cycles for result in report.results)
        click.echo(
            f"{len(cycles)} calls of {cycles[0]:,} to {cycles[-1]:,} cycles, median "
            f"{cycles[len(cycles) // 2]:,}; the last is shown"
        )
    for warning in report.warnings:
        click.echo(f"warning: {warning}")


def _returned(result: CallResult) -> str:
    return (
        f"r0 {result.r0:#010x} ({result.r0}), r1 {result.r1:#010x}, s0 {result.s0:g}, "
        f"d0 {result.d0:g}"
    )
