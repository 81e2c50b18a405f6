"""``hwprof schemes``: one network under every quantisation scheme of NXP's study."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hwprof.cli import _options
from hwprof.cli._output import print_json, print_table
from hwprof.errors import ConfigurationError
from hwprof.measurement import DEFAULT_TARGET

if TYPE_CHECKING:
    from hwprof.search.training.bootstrap import Difference, Interval
    from hwprof.workflows.scheme_study import AccuracyStudy, SchemeAccuracy, Suggestion
    from hwprof.workflows.schemes import SchemeLatency


@dataclass(frozen=True, slots=True)
class _Precision:
    """What ``--data`` adds to the latencies."""

    study: AccuracyStudy
    suggestion: Suggestion

    def to_json(self) -> dict[str, object]:
        return {
            **asdict(self.study),
            "schemes": [
                asdict(one) | {"change_is_resolvable": one.change.is_resolvable}
                for one in self.study.schemes
            ],
            "suggested_scheme": asdict(self.suggestion),
        }


@click.command()
@click.argument("model", default="person-detector")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="COCO or PASCAL VOC folder: average precision of persons on its validation pictures too.",
)
@click.option(
    "--weights",
    type=click.Path(path_type=Path),
    help="Of MODEL, for --data: FastestDet's published file, or a state that hwprof trained.",
)
@click.option(
    "--tolerance",
    type=click.FloatRange(0, 100),
    default=1.0,
    show_default=True,
    help="Points of AP50 that are no reason for a slower scheme.",
)
@click.option(
    "--prove",
    type=click.IntRange(0, 10_000),
    default=1,
    show_default=True,
    help="Pictures of --data that a virtual board computes too, every byte compared.",
)
@_options.target
@_options.timing
@_options.workers
@_options.as_json
def schemes(
    model: str,
    *,
    data: Path | None,
    weights: Path | None,
    tolerance: float,
    prove: int,
    target: str,
    timing: str,
    workers: int | None,
    as_json: bool,
) -> None:
    """Run MODEL under the eight quantisation schemes of NXP's study, and under our default.

    MODEL is an ONNX file or a named architecture; the default is the study's network, whose
    published latencies stand beside ours. Each row has the kernels and the placement of its
    published one, the virtual RT1170 the study's 1 GHz.

    With --data and --weights a detector's average precision stands beside: in float, and as a
    board computes it under each scheme, with intervals from a bootstrap over the pictures; then a
    --scheme to search with is suggested.
    """
    from hwprof.workflows.schemes import PUBLISHED_SOURCE, STUDY_TARGET, scheme_latencies

    if (data is None) != (weights is None):
        raise ConfigurationError(
            "precision needs pictures and a trained network; got one of --data and --weights; "
            "give both, or neither for latencies alone."
        )
    target = STUDY_TARGET if target == DEFAULT_TARGET else target
    study = _study(model, data, weights, prove) if data and weights else None
    rows = scheme_latencies(
        model, target=target, timing=timing, workers=workers or os.cpu_count() or 1
    )
    precision = _suggested(study, rows, tolerance) if study else None
    if as_json:
        print_json(
            {
                "model": model,
                "target": target,
                "published_source": PUBLISHED_SOURCE,
                "schemes": [asdict(row) for row in rows],
            }
            | ({"precision": precision.to_json()} if precision else {})
        )
        return
    if precision is None:
        _print_latencies(rows)
    else:
        _print_precision(precision, rows)
    click.echo(f"\n{model} on {target}; published: {PUBLISHED_SOURCE}.")


def _study(model: str, data: Path, weights: Path, prove: int) -> AccuracyStudy:
    from hwprof.search.training.requirement import require_training
    from hwprof.workflows.schemes import ROWS

    require_training()
    from hwprof.workflows.scheme_study import StudyRequest, scheme_accuracies

    return scheme_accuracies(
        StudyRequest(model, data, weights, prove),
        ROWS,
        told=lambda name: click.echo(f"precision: {name}", err=True),
    )


def _suggested(study: AccuracyStudy, rows: Sequence[SchemeLatency], tolerance: float) -> _Precision:
    from hwprof.workflows.scheme_study import suggest

    latencies_ms = {row.scheme: row.modelled_ms for row in rows}
    return _Precision(study, suggest(study, latencies_ms, tolerance=tolerance / 100))


def _print_latencies(rows: Sequence[SchemeLatency]) -> None:
    print_table(
        ("scheme", "kernels", "placement", f"{rows[0].kind} ms", "published ms", "error %"),
        [_row(row) for row in rows],
    )


def _row(row: SchemeLatency) -> tuple[object, ...]:
    shared = (row.scheme, row.kernels, row.placement, row.modelled_ms)
    if row.published_ms is None:
        return (*shared, "", "")
    return (*shared, row.published_ms, 100 * (row.modelled_ms / row.published_ms - 1))


def _print_precision(precision: _Precision, rows: Sequence[SchemeLatency]) -> None:
    from hwprof.search.training.bootstrap import REPLICATES
    from hwprof.workflows.schemes import PUBLISHED_FLOAT_AP50_PERCENT

    study = precision.study
    is_studied = any(row.published_ap50_percent is not None for row in rows)
    of_float = PUBLISHED_FLOAT_AP50_PERCENT if is_studied else ""
    pairs = zip(study.schemes, rows, strict=True)
    print_table(
        (
            "scheme",
            "AP50 %",
            "interval",
            "less float",
            "interval",
            f"{rows[0].kind} ms",
            "published ms",
            "published AP50 %",
        ),
        [
            ("float", 100 * study.ap50_float.value, _range(study.ap50_float), *[""] * 4, of_float),
            *(_precision_row(one, row) for one, row in pairs),
        ],
    )
    click.echo(
        f"\nAP50 of {study.network} on {study.pictures} pictures of --data, ranges seen on "
        f"{study.calibration_pictures} training pictures; intervals hold "
        f"{study.ap50_float.level:.0%} of {REPLICATES:,} draws of the pictures. The published AP50 "
        "is another training on other pictures and no claim of ours."
    )
    proofs = [one.proof for one in study.schemes if one.proof is not None]
    if proofs:
        click.echo(
            f"A virtual board computed {sum(proof.output_bytes for proof in proofs):,} bytes for "
            f"{proofs[0].pictures} of the pictures under each scheme; "
            f"{sum(proof.different_bytes for proof in proofs):,} differ from those that precision "
            "is computed of."
        )
    unresolved = [one.scheme for one in study.schemes if not one.change.is_resolvable]
    if unresolved:
        click.echo(
            f"Not resolvable from float with {study.pictures} pictures: {', '.join(unresolved)}."
        )
    suggestion = precision.suggestion
    click.echo(f"Search with --scheme {suggestion.scheme}: {suggestion.reason}.")


def _precision_row(one: SchemeAccuracy, row: SchemeLatency) -> tuple[object, ...]:
    return (
        one.scheme,
        100 * one.ap50.value,
        _range(one.ap50),
        100 * one.change.value,
        _range(one.change),
        row.modelled_ms,
        "" if row.published_ms is None else row.published_ms,
        "" if row.published_ap50_percent is None else row.published_ap50_percent,
    )


def _range(interval: Interval | Difference) -> str:
    return f"{100 * interval.low:.1f} to {100 * interval.high:.1f}"
