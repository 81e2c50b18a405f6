"""Modelled cycles of operators: what changes around the kernels changes none of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from hwprof.measurement import Placement
from hwprof.profiler.device import Device
from hwprof.profiler.links import open_link
from hwprof.testing.kernels import random_program

# Cycles of each record of random_program(5) by kernels, memory and caches, as the images of
# f187e1b ran them, the last before the firmware started the chip itself. New kernels, and nothing
# else, write new numbers.
GOLDEN = json.loads(Path(__file__).with_name("operator_cycles.json").read_text())
WEIGHTS = {"ocram": "flash", "sdram": "sdram"}


@pytest.mark.parametrize("kernels", ["simd", "reference"])
@pytest.mark.parametrize("memory", ["ocram", "sdram"])
def test_operator_cycles_are_those_of_earlier_images(kernels: str, memory: str):
    """One record of each kind, with empty caches and with what the run before left in them."""
    placement = Placement(activations=memory, weights=WEIGHTS[memory], scratch="dtcm", code="itcm")
    with open_link("virtual:rt1170", kernels=kernels) as link:
        device = Device(link)
        device.load(replace(random_program(5).program, placement=placement))
        cold = device.run(cold=True)
        device.run(cold=False)
        warm = device.run(cold=False)

    expected = GOLDEN[f"{kernels}/{memory}"]
    assert list(cold.cycles[0]) == expected["cold"]
    assert list(warm.cycles[0]) == expected["warm"]
