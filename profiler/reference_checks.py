"""Whether a board is still the board it was, and what becomes of its rows when it is not.

Every row of a campaign names the check that its board had passed last. The next check of that
board vouches for it, or takes it into quarantine; rows that a killed campaign left without one
wait for the check that the next campaign on that board begins with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from hwprof.errors import ConfigurationError
from hwprof.measurement import Context, Measurement, Origin
from hwprof.profiler.quarantine import put_aside
from hwprof.profiler.reference_block import Reading
from hwprof.profiler.store import MeasurementStore, measurement_key, put
from hwprof.profiler.store_schema import (
    campaign_rows,
    context_columns,
    measurements,
    reference_checks,
)

if TYPE_CHECKING:
    import pandas as pd

_check = reference_checks.c


@dataclass(frozen=True, slots=True)
class CheckPlan:
    """How often a board is checked, beside its campaign's beginning and end.

    Attributes:
        rows: measured between two checks, at most.
        board_s: seconds that the board computes between two checks, about; its own time and not
            the host's, so that a recorded campaign asks the same when it is replayed.
        tolerance: relative difference from the board's first check, beyond which it has drifted.
            Repeats on one board lie closer: hwprof doctor allows as much between two of them.

    Raises:
        ConfigurationError: a number is not above 0.
    """

    rows: int = 50
    board_s: float = 600.0
    tolerance: float = 0.02

    def __post_init__(self) -> None:
        if not (self.rows >= 1 and self.board_s > 0 and self.tolerance > 0):
            raise ConfigurationError(
                f"checks come every 1 or more rows and some seconds, with a tolerance above 0; "
                f"got {self}."
            )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found.

    Attributes:
        number: of the check, for the rows to come.
        fault: why the board is not to be used; empty where it is.
        condemned: keys of the rows that went into quarantine.
    """

    number: int
    fault: str = ""
    condemned: tuple[str, ...] = ()


class CheckBook:
    """The checks of one campaign, in its store; what they vouch for is written through it.

    Raises:
        StoreError: the store cannot be read or written.
    """

    def __init__(self, store: MeasurementStore, tolerance: float) -> None:
        self._store = store
        self._tolerance = tolerance
        with store.writing() as connection:
            self._before = connection.scalar(sa.select(sa.func.max(_check.number))) or 0

    def add(self, row: Measurement, check_number: int, wall_s: float) -> str:
        """Store a row measured behind a check, in place of one with the same key.

        Returns:
            The row's key; by then it is on the disk.
        """
        with self._store.writing() as connection:
            key = put(connection, row)
            values = {"key": key, "check_number": check_number, "wall_s": wall_s}
            connection.execute(campaign_rows.insert(), values)
        return key

    def judge(self, origin: Origin, reading: Reading, last: int | None) -> Verdict:
        """Hold a reading against the board's first one, and decide on the rows since ``last``.

        Args:
            last: number of the check before, of this campaign; without one the rows are those
                that earlier campaigns left on this board, in this context, without a verdict.
        """
        key = measurement_key(origin, reading.program_sha256)
        with self._store.writing() as connection:
            expected = _first_cycles(connection, key) or reading.cycles
            fault = reading.fault or self._drift(reading, expected)
            number = _enter(
                connection,
                {
                    "key": key,
                    "target": origin.target,
                    "board_identity": origin.board_identity,
                    "at": datetime.now(UTC).isoformat(timespec="seconds"),
                    "cycles": reading.cycles,
                    "spread_cycles": reading.spread_cycles,
                    "expected_cycles": expected,
                    "tolerance": self._tolerance,
                    "fault": fault,
                },
            )
            open_checks = [last] if last is not None else self._left_open(connection, key)
            condemned = _rows_behind(connection, open_checks) if fault else []
            put_aside(connection, condemned, check_number=number, reason=fault)
            judged = reference_checks.update().where(_check.number.in_(open_checks))
            connection.execute(judged.values(judged_by=number))
        return Verdict(number, fault, tuple(condemned))

    def _drift(self, reading: Reading, expected: int) -> str:
        apart = reading.cycles / expected - 1
        if abs(apart) <= self._tolerance:
            return ""
        return (
            f"the reference block took {reading.cycles:,} cycles, {apart:+.1%} of the "
            f"{expected:,} at first, {self._tolerance:.1%} are allowed"
        )

    def _left_open(self, connection: sa.Connection, key: str) -> list[int]:
        query = sa.select(_check.number).where(
            _check.key == key, _check.judged_by.is_(None), _check.number <= self._before
        )
        return list(connection.scalars(query))


def _first_cycles(connection: sa.Connection, key: str) -> int | None:
    query = sa.select(_check.cycles).where(_check.key == key, _check.fault == "")
    return connection.scalar(query.order_by(_check.number).limit(1))


def _enter(connection: sa.Connection, values: dict[str, object]) -> int:
    connection.execute(reference_checks.insert(), values)
    return int(connection.scalar(sa.select(sa.func.max(_check.number))) or 0)


def _rows_behind(connection: sa.Connection, checks: Sequence[int]) -> list[str]:
    query = sa.select(campaign_rows.c.key).where(campaign_rows.c.check_number.in_(checks))
    return list(connection.scalars(query))


def check_rows(store: MeasurementStore) -> pd.DataFrame:
    """All checks in their order: number, target, identity, time (UTC), cycles, expected, fault."""
    import pandas as pd

    with store.reading() as connection:
        if not sa.inspect(connection).has_table(reference_checks.name):
            return pd.DataFrame(columns=[column.name for column in _check])
        return pd.read_sql(sa.select(reference_checks).order_by(_check.number), connection)


def wall_times(store: MeasurementStore, context: Context) -> pd.DataFrame:
    """What rows of campaigns took on the host in one context: block_type, macs, wall_s."""
    import pandas as pd

    columns = (measurements.c.block_type, measurements.c.macs, campaign_rows.c.wall_s)
    query = (
        sa.select(*columns)
        .join_from(campaign_rows, measurements, campaign_rows.c.key == measurements.c.key)
        .where(*(measurements.c[name] == value for name, value in context_columns(context).items()))
    )
    with store.reading() as connection:
        if not sa.inspect(connection).has_table(campaign_rows.name):
            return pd.DataFrame(columns=[column.name for column in columns])
        return pd.read_sql(query, connection)
