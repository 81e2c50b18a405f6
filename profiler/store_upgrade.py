"""Older measurement stores brought to the schema of today, without loss, in one transaction."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from hwprof.profiler.quarantine import REPLACED, put_aside
from hwprof.profiler.store_schema import (
    CAMPAIGN_TABLES,
    SCHEMA_VERSION,
    measurements,
    operators,
    row_key,
    schema,
)


def upgrade(connection: sa.Connection) -> None:
    """Take every step from the version of a store to the one of today.

    The version is read again inside the transaction: somebody else may have upgraded since.
    """
    version = connection.scalar(sa.select(schema.c.version)) or SCHEMA_VERSION
    for before in range(int(version), SCHEMA_VERSION):
        _STEPS[before](connection)
    connection.execute(schema.update().values(version=SCHEMA_VERSION))


def _add_code_hash(connection: sa.Connection) -> None:
    """Schema 1 did not say which kernels and machine files a modelled row rests on."""
    connection.execute(
        sa.text("ALTER TABLE measurements ADD COLUMN code_sha256 VARCHAR(64) NOT NULL DEFAULT ''")
    )


def _add_campaigns(connection: sa.Connection) -> None:
    """Schema 2 kept no reference checks, and keyed by a real board's port and a modelled image."""
    for table in CAMPAIGN_TABLES:
        table.create(connection)
    rows = connection.execute(sa.select(measurements)).mappings().all()
    taken = {row["key"] for row in rows}
    for row in rows:
        key = row_key(dict(row))
        if key == row["key"]:
            continue
        if key in taken:  # measured twice
            put_aside(connection, [row["key"]], check_number=0, reason=REPLACED)
            continue
        taken.add(key)
        for table in (measurements, operators):
            connection.execute(table.update().where(table.c.key == row["key"]).values(key=key))


_STEPS: dict[int, Callable[[sa.Connection], None]] = {1: _add_code_hash, 2: _add_campaigns}
UPGRADABLE = tuple(_STEPS)
READABLE_SINCE = 2  # the oldest schema that has every column a reader asks for
