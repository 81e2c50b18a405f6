"""``hwprof predict``: latency without a board."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from hwprof.cli import _options
from hwprof.cli._output import print_json, print_table
from hwprof.measurement import Placement
from hwprof.workspace import Workspace

if TYPE_CHECKING:
    from hwprof.surrogates.predict import Method


@click.command()
@click.argument("model")
@_options.target
@_options.placement
@_options.scheme
@_options.kernels
@_options.timing
@_options.cache_state
@click.option(
    "--method",
    type=click.Choice(["surrogate", "lut", "macs"]),
    default="surrogate",
    show_default=True,
    help="Fitted models, a table of known blocks, or one coefficient for each MAC.",
)
@_options.workspace
@_options.as_json
def predict(
    model: str,
    *,
    target: str,
    placement: Placement,
    scheme: str,
    kernels: str,
    timing: str,
    cache_state: str,
    method: Method,
    workspace: Workspace,
    as_json: bool,
) -> None:
    """Predict the latency of MODEL block by block, with an interval.

    MODEL is an ONNX or int8 TFLite file, or a named architecture such as
    person-detector:k=5,g=1,c=96. Surrogates fitted in the workspace go before those that ship with
    hwprof.
    """
    from hwprof.surrogates.predict import predict_latency

    prediction = predict_latency(
        model,
        target=target,
        kernels=kernels,
        scheme=scheme,
        placement=placement,
        timing=timing,
        cache_state=cache_state,
        method=method,
        workspace=workspace,
    )
    if as_json:
        print_json({"model": model, **prediction.to_json()})
        return
    print_table(
        ("block", "type", "us", "source"),
        [
            (block.name, block.block_type, block.latency_us, block.source)
            for block in prediction.blocks
        ],
    )
    context = prediction.context
    click.echo(
        f"\n{model}: {prediction.latency_us / 1000:.2f} ms predicted, between "
        f"{prediction.low_us / 1000:.2f} and {prediction.high_us / 1000:.2f} ms at "
        f"{prediction.interval_level:.0%}; {prediction.covered_macs_percent:.1f} % of the MACs "
        f"covered\n{target} at {context.clock_hz / 1e6:g} MHz, {context.kernels} kernels, "
        f"{str(context.placement) or 'any placement'}, timing {context.timing_model}"
    )
