"""``hwprof frame``: a network's latency as part of a whole frame."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from hwprof.cli import _options
from hwprof.cli._output import print_json, print_table
from hwprof.workflows.camera import PIXEL_BYTES, Camera

if TYPE_CHECKING:
    from hwprof.profiler.bench import Setup
    from hwprof.workflows.frame_budget import FrameBudget


@click.command()
@click.argument("model", default="person-detector")
@click.option(
    "--camera", "size", default="640x480", show_default=True, help="WIDTHxHEIGHT of its pictures."
)
@click.option(
    "--camera-format",
    type=click.Choice(list(PIXEL_BYTES)),
    default="bgr888",
    show_default=True,
    help="Bytes of a pixel.",
)
@click.option(
    "--camera-memory", default="", help="Where pictures arrive [default: the board's largest RAM]."
)
@click.option(
    "--boxes",
    type=click.IntRange(1),
    default=None,
    show_default="86 of 320 cells",
    help="Candidates above the score threshold on a typical picture.",
)
@click.option("--fused", "is_fused", is_flag=True, help="Quantise pixels as they are stretched.")
@click.option(
    "--network-ms",
    type=click.FloatRange(0, min_open=True),
    default=None,
    help="The network's latency as measured on a board, instead of profiling it.",
)
@_options.bench_setup
@_options.as_json
def frame(
    model: str,
    *,
    setup: Setup,
    size: str,
    camera_format: str,
    camera_memory: str,
    boxes: int | None,
    is_fused: bool,
    network_ms: float | None,
    as_json: bool,
) -> None:
    """Say what a frame of the detector MODEL takes, from the camera's picture to the boxes.

    MODEL is an ONNX or int8 TFLite file, or a named architecture; the default is the seed of the
    person-detection space. The network is profiled as 'hwprof profile' does; resize, quantisation,
    decoding and non-maximum suppression are C that runs on the same virtual board. All is
    modelled, but for a network whose measured latency is given.
    """
    from hwprof.workflows.profiled_frame import FrameOptions, profiled_frame

    budget = profiled_frame(
        model,
        setup,
        FrameOptions(
            Camera.parse(size, camera_format, camera_memory),
            boxes=boxes,
            is_fused=is_fused,
            network_us=None if network_ms is None else 1000 * network_ms,
        ),
    )
    if as_json:
        print_json(frame_report(model, setup.target, budget))
        return
    _print(model, setup.target, budget)


def frame_report(model: str, target: str, budget: FrameBudget) -> dict[str, object]:
    """The JSON object of docs/FRAME.md."""
    return {
        "model": model,
        "target": target,
        **asdict(budget),
        "kind": budget.kind,
        "total_us": budget.total_us,
        "worst_total_us": budget.worst_total_us,
        "frames_per_second": budget.frames_per_second,
        "worst_frames_per_second": budget.worst_frames_per_second,
    }


def _print(model: str, target: str, budget: FrameBudget) -> None:
    print_table(
        ("part", "ms", "% of frame", "worst ms", "kind", "what"),
        [
            (
                part.name,
                part.latency_us / 1000,
                100.0 * part.latency_us / budget.total_us,
                part.worst_us / 1000,
                part.kind,
                part.what,
            )
            for part in budget.parts
        ],
    )
    click.echo(
        f"\n{model}: {budget.total_us / 1000:.2f} ms a frame, {budget.kind}, "
        f"{budget.frames_per_second:.2f} frames per second; "
        f"{budget.worst_total_us / 1000:.2f} ms and {budget.worst_frames_per_second:.2f} with all "
        f"{budget.most_boxes:,} cells candidates\n"
        f"{target} at {budget.clock_hz / 1e6:g} MHz, timing {budget.timing_model}; parts beside "
        "the network begin with cold caches and write what the host does, bit for bit"
    )
    for warning in budget.warnings:
        click.echo(f"warning: {warning}")
