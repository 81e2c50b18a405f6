"""``hwprof targets``: the boards that can be measured, and how well they are known."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from hwprof.cli import _options
from hwprof.cli._output import print_json, print_table

if TYPE_CHECKING:
    from hwprof.firmware_stub.virtual.description import BoardDescription, Fidelity

SERIAL = (
    "serial:DEVICE or a pyserial URL: an RT1170 that runs hwprof's firmware; latencies are "
    "measured, not modelled."
)
OWN = "virtual:PATH/BOARD.toml: a board of your own (docs/BOARDS.md)."
CLOCK = "virtual:NAME?clock_hz=N: the same board at another core clock."
UNCHECKED = "not checked against silicon"


@click.command()
@click.argument("boards", nargs=-1)
@_options.as_json
def targets(boards: tuple[str, ...], *, as_json: bool) -> None:
    """List the virtual boards with clock, caches, memories, default placement and known error.

    BOARDS are names, or paths to board files of your own; without any, all that ship. A file that
    no model could be profiled on is refused.
    """
    from hwprof.firmware_stub.targets import check_virtual
    from hwprof.firmware_stub.virtual.board_files import board_names

    found = {name: check_virtual(name) for name in boards or board_names()}
    if as_json:
        print_json({"targets": [_report(*item) for item in found.items()], "serial": SERIAL})
        return
    print_table(
        ("target", "board", "core", "MHz", "I+D cache KiB", "known error"),
        [_row(*item) for item in found.items()],
    )
    for reference, board in found.items():
        click.echo(f"\nvirtual:{reference}, by default {board.placement}")
        print_table(("  memory", "KiB", "address", "for"), _memories(board))
    click.echo(f"\n{CLOCK}\n{OWN}\n{SERIAL}")


def _row(reference: str, board: BoardDescription) -> tuple[object, ...]:
    return (
        f"virtual:{reference}",
        board.title,
        board.core,
        board.clock_hz / 1e6,
        "+".join(str(size_bytes >> 10) for size_bytes in _caches(board).values()),
        _known_error(board.fidelity),
    )


def _caches(board: BoardDescription) -> dict[str, int]:
    caches = {"instruction": board.icache, "data": board.dcache}
    return {name: cache.size_bytes if cache else 0 for name, cache in caches.items()}


def _known_error(fidelity: Fidelity | None) -> str:
    if fidelity is None:
        return UNCHECKED
    return (
        f"median {fidelity.median_error_percent:.1f} %, worst {fidelity.worst_error_percent:.1f} % "
        f"of {fidelity.rows} published latencies ({fidelity.date})"
    )


def _memories(board: BoardDescription) -> list[tuple[object, ...]]:
    return [
        (
            f"  {area.name}",
            area.size_bytes >> 10,
            f"{area.base:#010x}",
            ", ".join((*area.offers, *(("code",) if area.holds_code else ()))) or "-",
        )
        for area in board.memories
        if not area.is_harness
    ]


def _report(reference: str, board: BoardDescription) -> dict[str, object]:
    """The documented JSON object of one board."""
    return {
        "target": f"virtual:{reference}",
        "name": board.name,
        "title": board.title,
        "core": board.core,
        "clock_hz": board.clock_hz,
        "cache_bytes": _caches(board),
        "memories": [
            {
                "name": area.name,
                "base": area.base,
                "size_bytes": area.size_bytes,
                "offers": list(area.offers),
                "code": area.holds_code,
            }
            for area in board.memories
            if not area.is_harness
        ],
        "placement": asdict(board.placement),
        "fidelity": asdict(board.fidelity) if board.fidelity else None,
    }
