"""Rows that nobody should use and nobody should lose: kept apart, with the reason.

They leave ``measurements`` altogether, so no reader, ours or a user's own query, has to know that
there is a quarantine in order to stay clear of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import sqlalchemy as sa

from hwprof.profiler.store_schema import (
    measurements,
    operators,
    quarantined,
    quarantined_operators,
)

if TYPE_CHECKING:
    import pandas as pd

    from hwprof.profiler.store import MeasurementStore

REPLACED = "measured again, over another port or by another image; the other row is kept"

_ROW = [column.name for column in measurements.c]
_LAYER = [column.name for column in operators.c if column.name != "key"]


def put_aside(
    connection: sa.Connection, keys: Sequence[str], *, check_number: int, reason: str
) -> None:
    """Move rows and their layers out of the measurements."""
    for key in keys:
        of_row, of_layers = measurements.c.key == key, operators.c.key == key
        found = connection.execute(
            quarantined.insert().from_select(
                ["check_number", "reason", *_ROW],
                sa.select(
                    sa.literal(check_number),
                    sa.literal(reason),
                    *(measurements.c[name] for name in _ROW),
                ).where(of_row),
            )
        )
        number = connection.scalar(sa.select(sa.func.max(quarantined.c.number)))
        if not found.rowcount:
            continue
        connection.execute(
            quarantined_operators.insert().from_select(
                ["number", *_LAYER],
                sa.select(sa.literal(number), *(operators.c[name] for name in _LAYER)).where(
                    of_layers
                ),
            )
        )
        connection.execute(operators.delete().where(of_layers))
        connection.execute(measurements.delete().where(of_row))


def release(store: MeasurementStore, check_number: int) -> tuple[int, int]:
    """Take back the rows that a check condemned.

    Returns:
        How many are measurements again, and how many stay because their task was measured anew.

    Raises:
        StoreError: the store cannot be written.
    """
    released = 0
    with store.writing() as connection:
        query = sa.select(quarantined.c.number, quarantined.c.key).where(
            quarantined.c.check_number == check_number
        )
        found = connection.execute(query).all()
        for number, key in found:
            there = sa.select(measurements.c.key).where(measurements.c.key == key)
            if connection.execute(there).first() is None:
                _take_back(connection, number, key)
                released += 1
    return released, len(found) - released


def _take_back(connection: sa.Connection, number: int, key: str) -> None:
    of_row = quarantined.c.number == number
    of_layers = quarantined_operators.c.number == number
    connection.execute(
        measurements.insert().from_select(
            _ROW, sa.select(*(quarantined.c[name] for name in _ROW)).where(of_row)
        )
    )
    layers = sa.select(sa.literal(key), *(quarantined_operators.c[name] for name in _LAYER))
    connection.execute(operators.insert().from_select(["key", *_LAYER], layers.where(of_layers)))
    connection.execute(quarantined_operators.delete().where(of_layers))
    connection.execute(quarantined.delete().where(of_row))


def quarantined_rows(store: MeasurementStore) -> pd.DataFrame:
    """Rows kept apart: check_number, reason, and the columns of ``measurements``."""
    import pandas as pd

    columns = [column for column in quarantined.c if column.name not in {"number", "key"}]
    with store.reading() as connection:
        if not sa.inspect(connection).has_table(quarantined.name):
            return pd.DataFrame(columns=[column.name for column in columns])
        return pd.read_sql(sa.select(*columns).order_by(quarantined.c.number), connection)
