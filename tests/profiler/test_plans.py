"""Plans spread samples over MACs, bytes and alignment."""

from itertools import islice

import numpy as np
import pytest

from hwprof.blocks import get_block_type
from hwprof.profiler import plans
from hwprof.profiler.plans import Candidates, covering, stratified
from hwprof.profiler.sampling import sample

PLANS = pytest.mark.parametrize("method", ["covering", "stratified"])
TYPES = pytest.mark.parametrize("name", ["conv", "pwconv", "shufflev2", "mbconv"])
COUNT = 64


@pytest.fixture(scope="module")
def population():
    """Many random blocks of a type: what occurs at all."""
    known = {}

    def drawn(name):
        if name not in known:
            known[name] = sample(name, 1000, method="random", seed=99)
        return known[name]

    return drawn


def cells_met(configs, population):
    """Share of the cells of work in which blocks occur that hold one of ``configs``."""
    work = Candidates.of([*configs, *population]).work
    cells = [tuple(cell) for cell in np.minimum((work * 10).astype(int), 9)]
    occupied = set(cells[len(configs) :])
    return len(set(cells[: len(configs)]) & occupied) / len(occupied)


@PLANS
@TYPES
def test_a_plan_covers_more_of_macs_and_bytes_than_chance(name, method, population):
    """Over five seeds a plan meets at least 5 % more of the cells than random samples do."""
    met = {
        how: np.mean(
            [cells_met(sample(name, COUNT, method=how, seed=s), population(name)) for s in range(5)]
        )
        for how in (method, "random")
    }
    assert met[method] >= 1.05 * met["random"]


@PLANS
@pytest.mark.parametrize("seed", range(3))
def test_each_channel_remainder_gets_its_share(method, seed):
    """Of 64 layers at least 8 have each remainder of channels modulo 4; chance gives some 1."""
    configs = sample("pwconv", COUNT, method=method, seed=seed)
    remainders = np.bincount([config.inputs[0][2] % 4 for config in configs], minlength=4)
    assert remainders.min() >= 8


@PLANS
def test_odd_and_even_widths_get_a_share(method):
    """Neither parity of the width has less than a third of the samples."""
    odd = np.mean([config.inputs[0][1] % 2 for config in sample("conv", COUNT, method=method)])
    assert 1 / 3 <= odd <= 2 / 3


@PLANS
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_least_and_the_largest_extents_are_in(method, axis):
    """A plan holds the ends of height, width and channels that a hundred draws seldom reach."""
    extents = [config.inputs[0][axis] for config in sample("pwconv", COUNT, method=method)]
    axes = {name.name: name.values for name in get_block_type("pwconv").axes()}
    values = [int(value) for value in axes[("height", "width", "c_in")[axis]]]
    assert min(extents) <= values[0] + 1
    assert max(extents) >= 0.95 * values[-1]


@pytest.mark.parametrize("plan", [covering, stratified])
def test_every_candidate_is_chosen_once_before_a_plan_ends(plan):
    """A type of few blocks gives each of them, and then no more."""
    few = sample("fusion", 40, method="random")
    chosen = list(islice(plan(lambda count: few[:count], 0), 100))
    assert len(chosen) == len(few)
    assert set(chosen) == set(few)


@pytest.mark.parametrize("plan", [covering, stratified])
def test_a_plan_of_one_block_is_that_block(plan):
    """Nothing to spread over is no reason to fail."""
    (only,) = sample("fc", 1)
    assert list(plan(lambda _: [only], 0)) == [only]


def test_bytes_count_what_operators_read_and_write():
    """A 1x1 convolution moves its input, its output, its weights and its biases."""
    config = get_block_type("pwconv").config(
        {"height": 3, "width": 4, "c_in": 48, "c_out": 10, "groups": 1}
    )
    assert config is not None
    counted = plans._count(config)
    assert counted.moved_bytes == 3 * 4 * 48 + 3 * 4 * 10 + 48 * 10 + 10
    assert (counted.macs, counted.channels) == (3 * 4 * 48 * 10, (48, 10))
