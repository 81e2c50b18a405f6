"""Options that several commands share, each defined once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, TextIO

import click

from hwprof.errors import ConfigurationError
from hwprof.measurement import (
    BOARD_DEFAULT,
    CACHE_STATES,
    DEFAULT_CACHE_STATE,
    DEFAULT_KERNELS,
    DEFAULT_SCHEME,
    DEFAULT_TARGET,
    DEFAULT_TIMING,
    TIMING_MODES,
    Placement,
)
from hwprof.workspace import ENVIRONMENT_VARIABLE, Workspace


class PlacementType(click.ParamType[Placement]):
    """``activations=ocram,weights=flash``."""

    name = "placement"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Placement:
        del param, ctx
        return value if isinstance(value, Placement) else Placement.parse(str(value))


class _WorkspaceType(click.ParamType[Workspace]):
    name = "folder"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Workspace:
        del param, ctx
        return value if isinstance(value, Workspace) else Workspace.resolve(str(value))


workspace = click.option(
    "--workspace",
    type=_WorkspaceType(),
    envvar=ENVIRONMENT_VARIABLE,
    default=Workspace.resolve,
    show_default=f"${ENVIRONMENT_VARIABLE} or ./hwprof-work",
    help="Folder that keeps samples, measurements and artefacts.",
)
_TARGET_HELP = (
    "Board: virtual:NAME (hwprof targets lists them), virtual:BOARD.toml, either with "
    "?clock_hz=N, serial:DEVICE, a pyserial URL, or replay:FILE."
)
target = click.option("--target", default=DEFAULT_TARGET, show_default=True, help=_TARGET_HELP)
targets = click.option(
    "--target",
    multiple=True,
    default=(DEFAULT_TARGET,),
    show_default=True,
    help=f"{_TARGET_HELP} May be repeated: boards of a kind share what is to measure.",
)
placement = click.option(
    "--placement",
    type=PlacementType(),
    default=BOARD_DEFAULT,
    show_default="the board's own",
    help="Memory of each part, as activations=ocram,weights=flash,scratch=dtcm,code=itcm.",
)
kernels = click.option(
    "--kernels",
    default=DEFAULT_KERNELS,
    show_default=True,
    help="Kernel library of the firmware: simd or reference.",
)
scheme = click.option(
    "--scheme",
    default=DEFAULT_SCHEME,
    show_default=True,
    help="Quantisation scheme: tflite, or Glow's asymmetric, symmetric, symmetric-uint8 or "
    "power-of-two, each /per-tensor or /per-channel.",
)
timing = click.option(
    "--timing",
    type=click.Choice(TIMING_MODES),
    default=None,
    callback=lambda _context, _parameter, value: value or "",
    show_default=DEFAULT_TIMING,
    help="What a virtual board's cycles count: caches and memories too, or the core alone.",
)
cache_state = click.option(
    "--cache-state",
    type=click.Choice(CACHE_STATES),
    default=DEFAULT_CACHE_STATE,
    show_default=True,
    help="How a run begins: with empty caches, or behind one that is not measured.",
)
_BENCH = (placement, kernels, scheme, timing, cache_state)


def bench_setup(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say how programs are lowered and run, as ``setup``."""
    return target(_with_setup(command))


def campaign_setup(command: Callable[..., None]) -> Callable[..., None]:
    """The same; several targets share the work."""
    return targets(_with_setup(command))


def _with_setup(command: Callable[..., None]) -> Callable[..., None]:
    @wraps(command)
    def run(
        *arguments: object,
        target: str | tuple[str, ...],
        placement: Placement,
        kernels: str,
        scheme: str,
        timing: str,
        cache_state: str,
        **options: object,
    ) -> None:
        from hwprof.profiler.bench import Setup

        first, *also = (target,) if isinstance(target, str) else target
        setup = Setup(
            first,
            placement,
            kernels,
            scheme,
            timing=timing,
            cache_state=cache_state,
            also=tuple(also),
        )
        command(*arguments, setup=setup, **options)

    decorated: Callable[..., None] = run
    for option in reversed(_BENCH):
        decorated = option(decorated)
    return decorated


seed = click.option("--seed", default=0, show_default=True, help="Where chance begins.")
workers = click.option(
    "--workers",
    type=click.IntRange(1, 256),
    default=None,
    help="Processes, each with its own virtual board [default: one a core].",
)
record = click.option(
    "--record",
    type=click.Path(path_type=Path, dir_okay=False),
    help="New file for every byte on the line; --target replay:FILE answers from it.",
)


def worker_count(asked: int | None, record: Path | None) -> int:
    """How many processes measure: as many as asked for, one a core, or the one that is recorded.

    Raises:
        UsageError: several were asked for, and one line is recorded.
    """
    if record is not None and asked is not None and asked > 1:
        raise click.UsageError(
            f"one line can be recorded, and --workers {asked} opens as many; leave it out."
        )
    return asked or (1 if record is not None else os.cpu_count() or 1)


as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@contextmanager
def writable(path: Path) -> Iterator[TextIO]:
    """An output file that the user named; what stops it from being written is one sentence."""
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            yield file
    except OSError as error:
        raise ConfigurationError(
            f"cannot write {path}: {error.strerror}; choose another place or make room."
        ) from error
