"""``hwprof firmware``: the images that ship, and loading one onto a board."""

from __future__ import annotations

import click

from hwprof.cli import _options
from hwprof.cli._output import print_json, print_table
from hwprof.measurement import DEFAULT_KERNELS


@click.group()
def firmware() -> None:
    """List the firmware images that ship, and load one onto a board."""


@firmware.command("list")
@_options.as_json
def list_(*, as_json: bool) -> None:
    """List the images with what they are made of and their hashes."""
    from dataclasses import asdict

    from hwprof.firmware_stub.manifest import images

    if as_json:
        print_json({"images": [{"name": image.name, **asdict(image)} for image in images()]})
        return
    print_table(
        ("image", "kernels", "firmware", "code bytes", "RAM file, SHA-256", "flash file, SHA-256"),
        [
            (
                image.name,
                image.kernels,
                image.firmware_id,
                image.code_bytes,
                f"{image.file} {image.sha256[:16]}",
                f"{image.flash_file} {image.flash_sha256[:16]}",
            )
            for image in images()
        ],
    )


@firmware.command()
@click.option(
    "--image",
    "name",
    metavar="IMAGE",
    default=f"rt1170-{DEFAULT_KERNELS}",
    show_default=True,
    help="An image of 'hwprof firmware list'.",
)
@click.option("--probe", "probe_id", metavar="ID", default="", help="Part of the probe's id.")
@click.option("--flash", is_flag=True, help="Write the flash, pool included, instead of RAM.")
def load(name: str, *, probe_id: str, flash: bool) -> None:
    """Load an image onto a MIMXRT1170-EVK through its debug probe, and start it.

    Without --flash it lies in RAM and is gone after a reset; the flash is not touched.
    """
    from hwprof.firmware_stub.manifest import image_named
    from hwprof.profiler import probe

    plan = probe.plan_load(image_named(name), flash=flash)
    used = probe.load(plan, probe_id)
    where = "flash" if flash else "RAM"
    click.echo(f"{plan.image} runs from {where}: {plan.size_bytes:,} bytes written by probe {used}")
    click.echo("next: hwprof doctor --target serial:PORT, the probe's virtual COM port")
