"""``hwprof quarantine``: rows that a campaign does not vouch for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from hwprof.cli import _options
from hwprof.cli._output import print_json, print_table
from hwprof.errors import ConfigurationError
from hwprof.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = ("block_type", "block_key", "target", "board_identity", "cycles", "repeats")


@click.command()
@click.option(
    "--release",
    "check",
    type=click.IntRange(min=0),
    metavar="CHECK",
    help="Take back the rows that this check put aside.",
)
@_options.workspace
@_options.as_json
def quarantine(check: int | None, workspace: Workspace, *, as_json: bool) -> None:
    """Show the rows that no fit, table or export uses, because their board had drifted.

    A campaign measures a reference block at its beginning and end and every so often; where that
    moved, the rows since the last good check are put aside, with the reason. 'hwprof profile'
    measures them again once the board is itself again.
    """
    from hwprof.profiler.quarantine import quarantined_rows, release
    from hwprof.profiler.store import MeasurementStore

    with MeasurementStore(workspace.store) as store:
        rows = quarantined_rows(store)
        if check is None:
            _show(rows, as_json=as_json)
            return
        if check not in set(rows["check_number"]):
            known = ", ".join(map(str, sorted(set(rows["check_number"])))) or "none"
            raise ConfigurationError(
                f"no row was put aside by check {check}; checks that have some: {known}."
            )
        released, measured_again = release(store, check)
    if as_json:
        print_json({"released": released, "measured_again": measured_again})
    else:
        click.echo(
            f"{released} rows released; {measured_again} stay, their tasks were measured again"
        )


def _show(rows: pd.DataFrame, *, as_json: bool) -> None:
    found = _by_check(rows)
    if as_json:
        print_json({"quarantined": found})
        return
    if not found:
        click.echo("nothing is in quarantine")
    for item in found:
        click.echo(f"check {item['check']}: {len(item['rows'])} rows, {item['reason']}")
        print_table(
            ("  block", "target", "cycles"),
            [(f"  {row['block_key']}", row["target"], row["cycles"]) for row in item["rows"]],
        )


def _by_check(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """The documented JSON objects, one for each check and reason."""
    return [
        {"check": number, "reason": reason, "rows": group[list(_SHOWN)].to_dict("records")}
        for (number, reason), group in rows.groupby(["check_number", "reason"])
    ]
