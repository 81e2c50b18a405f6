"""``hwprof schemes``: one network under every quantisation scheme of NXP's study."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from hwprof.cli import _options
from hwprof.cli._output import print_json, print_table
from hwprof.measurement import DEFAULT_TARGET

if TYPE_CHECKING:
    from hwprof.workflows.schemes import SchemeLatency


@click.command()
@click.argument("model", default="person-detector")
@_options.target
@_options.timing
@_options.workers
@_options.as_json
def schemes(model: str, *, target: str, timing: str, workers: int | None, as_json: bool) -> None:
    """Run MODEL under the eight quantisation schemes of NXP's study.

    MODEL is an ONNX file or a named architecture; the default is the study's network, whose
    published latencies stand beside ours. Each row has the kernels and the placement of its
    published one, the virtual RT1170 the study's 1 GHz.
    """
    from hwprof.workflows.schemes import PUBLISHED_SOURCE, STUDY_TARGET, scheme_latencies

    target = STUDY_TARGET if target == DEFAULT_TARGET else target
    rows = scheme_latencies(
        model, target=target, timing=timing, workers=workers or os.cpu_count() or 1
    )
    if as_json:
        print_json(
            {
                "model": model,
                "target": target,
                "published_source": PUBLISHED_SOURCE,
                "schemes": [asdict(row) for row in rows],
            }
        )
        return
    print_table(
        ("scheme", "kernels", "placement", f"{rows[0].kind} ms", "published ms", "error %"),
        [_row(row) for row in rows],
    )
    click.echo(f"\n{model} on {target}; published: {PUBLISHED_SOURCE}.")


def _row(row: SchemeLatency) -> tuple[object, ...]:
    shared = (row.scheme, row.kernels, row.placement, row.modelled_ms)
    if row.published_ms is None:
        return (*shared, "", "")
    return (*shared, row.published_ms, 100 * (row.modelled_ms / row.published_ms - 1))
