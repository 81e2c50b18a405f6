"""A table answers exactly, between its blocks with an error, and elsewhere by the surrogate."""

from __future__ import annotations

import numpy as np
import pytest

from hwprof.architecture import block_graph
from hwprof.blocks import SpatialPyramid
from hwprof.luts import CYCLES_METRIC, LookupTable
from hwprof.surrogates.interpolated import known_blocks
from hwprof.surrogates.pricing import LutPricer, Source, SurrogatePricer

CHANNELS = (24, 32, 48, 64, 96)
GRIDS = ((8, 10), (8, 16), (12, 20), (16, 16), (20, 12), (20, 20))


def spp(channels, grid, kernel=3):
    """A spatial pyramid of the person detector."""
    return SpatialPyramid().of((*grid, 336), c_out=channels, kernel=kernel, groups=1)


@pytest.fixture(name="known", scope="module")
def known_fixture():
    """Thirty pyramids of one kernel."""
    return [spp(channels, grid) for channels in CHANNELS for grid in GRIDS]


@pytest.fixture(name="pricer", scope="module")
def pricer_fixture(fitted, board, known):
    """A table of them, and one entry whose key builds nothing."""
    values = {config.key: float(board.cycles(block_graph(config))) for config in known}
    table = LookupTable(
        board.context, CYCLES_METRIC, "cycle", {**values, "spp(c_out=0)[1x1x1]": 5.0}
    )
    return LutPricer(fitted.artefact, [table])


def test_sources(pricer, known, board):
    """Known, between and outside each say what they are."""
    between, outside, other = spp(56, (12, 16)), spp(100, (12, 16)), spp(56, (12, 16), kernel=5)

    prices = pricer.price([known[3], between, outside, other])

    assert prices.source.tolist() == [
        Source.LUT,
        Source.INTERPOLATED,
        Source.SURROGATE,
        Source.SURROGATE,
    ]
    assert prices.low_cycles[0] == prices.cycles[0] == prices.high_cycles[0]
    assert (prices.low_cycles[1:] < prices.cycles[1:]).all()
    assert prices.cycles[1] == pytest.approx(board.cycles(block_graph(between)), rel=0.02)


def test_stated_error(fitted, board):
    """Blocks drawn as those of the table lie in their interval at about the stated level."""
    rng = np.random.default_rng(0)
    drawn = [
        spp(int(rng.integers(24, 97)), (int(rng.integers(8, 21)), int(rng.integers(8, 21))))
        for _ in range(180)
    ]
    cycles = {config.key: float(board.cycles(block_graph(config))) for config in drawn}
    values = {config.key: cycles[config.key] for config in drawn[:120]}
    table = LookupTable(board.context, CYCLES_METRIC, "cycle", values)
    asked = [config for config in drawn[120:] if config.key not in values]

    prices = LutPricer(fitted.artefact, [table]).price(asked)

    between = prices.source == Source.INTERPOLATED
    actual = np.array([cycles[config.key] for config in asked])
    inside = (prices.low_cycles <= actual) & (actual <= prices.high_cycles)
    assert between.sum() > 30
    assert inside[between].mean() >= 0.8


def test_few(fitted, board, known):
    """With too few blocks to say how far off a blend is, the surrogate answers."""
    values = {config.key: float(board.cycles(block_graph(config))) for config in known[:8]}
    pricer = LutPricer(
        fitted.artefact, [LookupTable(board.context, CYCLES_METRIC, "cycle", values)]
    )
    asked = [spp(28, (10, 12))]

    prices = pricer.price(asked)

    assert prices.source.tolist() == [Source.SURROGATE]
    assert prices.cycles == SurrogatePricer(fitted.artefact).price(asked).cycles


def test_bounded():
    """Of a table of many blocks some, spread over it, are blended."""
    values = {spp(24, (h, w)).key: 1.0 for h in range(2, 102) for w in range(2, 102)}

    known = known_blocks(values, "spp")

    assert 1024 < len(known) <= 2048
    assert len({config.inputs[0][0] for config, _ in known}) > 90
