"""Chains drawn by number are networks that can be built, and the same every time."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwprof.errors import ConfigurationError
from hwprof.networks import parse_architecture, random_chain


@given(st.integers(0, 2**31 - 1))
@settings(max_examples=30, deadline=None)
def test_builds(seed):
    """Every number is a chain with a classifier at its end, named so that it can be built again."""
    chain = random_chain(seed=seed)

    assert chain.graph().macs == chain.macs > 0
    assert chain.blocks[-1].config.block_type == "fc"
    assert parse_architecture(chain.name) == chain


def test_differ():
    """Different numbers draw different chains."""
    assert len({random_chain(seed=seed).blocks for seed in range(30)}) == 30


@pytest.mark.parametrize("seed", [-1, 2**31])
def test_refused(seed):
    """A number out of range is refused with the range."""
    with pytest.raises(ConfigurationError, match="0 to 2147483647; got"):
        random_chain(seed=seed)
