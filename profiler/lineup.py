"""The boards of a campaign: which there are, opened, introduced and found to belong together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from hwprof.errors import ConfigurationError, LinkError
from hwprof.firmware_stub.targets import virtual_reference
from hwprof.measurement import Origin
from hwprof.profiler.bench import Setup
from hwprof.profiler.stations import Introduce, Job, Station, open_stations
from hwprof.profiler.tasks import Outcome


@dataclass(slots=True, eq=False)
class Post:
    """A station as its campaign sees it.

    Attributes:
        check_number: the check passed last, None before the first.
        unjudged: what was stored since, by the row's key.
        refused: its last task, if it did not do that; it is checked before it gets another.
        dropped: why it is dealt no more.
    """

    station: Station
    target: str
    origin: Origin
    check_number: int | None = None
    unjudged: dict[str, Outcome] = field(default_factory=dict)
    job: Job | None = None
    refused: Outcome | None = None
    dropped: LinkError | None = None


def boards(setup: Setup, workers: int) -> list[Setup]:
    """A setup for each board of a campaign: real ones once, virtual ones until workers are busy."""
    targets = [setup.target, *setup.also]
    lines = [target for target in targets if virtual_reference(target) is None]
    twice = sorted({line for line in lines if lines.count(line) > 1})
    if twice:
        raise ConfigurationError(
            f"a board has one line; {twice[0]} was named twice, leave one out."
        )
    if setup.record is not None and len(targets) > 1:
        raise ConfigurationError(
            f"one line can be recorded, and {' and '.join(targets)} are {len(targets)}; leave out "
            "--record, or record each board by itself."
        )
    virtual = [target for target in targets if target not in lines]
    count = max(len(virtual), workers - len(lines)) if virtual else 0
    copies = [virtual[number % len(virtual)] for number in range(count)]
    return [replace(setup, target=target, also=()) for target in (*lines, *copies)]


@contextmanager
def opened_posts(setups: Sequence[Setup]) -> Iterator[list[Post]]:
    """A post for each board, closed when the block is left; in the middle of a job if by an error.

    Raises:
        LinkError, ConfigurationError: a board cannot be opened, or does not belong to the others.
    """
    stations = open_stations(setups)
    finished = False
    try:
        for station in stations:
            station.ask(Introduce())
        origins = [_origin(station) for station in stations]
        _check_lines(origins)
        yield [
            Post(station, setup.target, origin)
            for station, setup, origin in zip(stations, setups, origins, strict=True)
        ]
        finished = True
    finally:
        for station in stations:
            station.close(at_once=not finished)


def _check_lines(origins: Sequence[Origin]) -> None:
    """One campaign is one context, and a board that has a serial number is there once."""
    first = origins[0]
    for number, origin in enumerate(origins):
        if origin.context != first.context or origin.firmware_sha256 != first.firmware_sha256:
            raise ConfigurationError(
                f"the boards of one campaign share their tasks, so context and firmware are the "
                f"same; {first.target} has {first.context} and {origin.target} {origin.context}; "
                "measure them one after the other."
            )
        same = [other for other in origins[:number] if _is_same_board(origin, other)]
        if same:
            raise ConfigurationError(
                f"{same[0].target} and {origin.target} lead to the same board, "
                f"{origin.board_identity}; leave one out."
            )


def _is_same_board(one: Origin, other: Origin) -> bool:
    return one.context.kind == "measured" and one.board_identity == other.board_identity


def _origin(station: Station) -> Origin:
    answer = station.answer()
    if not isinstance(answer, Origin):
        raise TypeError(f"a station introduced itself with a {type(answer).__name__}")
    return answer
