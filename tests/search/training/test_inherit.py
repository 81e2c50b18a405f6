"""A head of any k, g and C begins as a part of the seed's."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from hwprof.networks import person_detector_head
from hwprof.search.training.inherit import inherit_head
from hwprof.search.training.module import GraphModule

GRID = {"height": 4, "width": 6}


def _head(seed=None, **point: int):
    module = GraphModule(person_detector_head(**GRID, **point).graph())
    if seed is not None:
        generator = torch.Generator().manual_seed(seed)
        for norm in module.modules():
            if isinstance(norm, nn.BatchNorm2d):
                for tensor in (norm.weight.data, norm.running_var):
                    tensor.copy_(0.5 + torch.rand(tensor.shape, generator=generator))
                for tensor in (norm.bias.data, norm.running_mean):
                    tensor.copy_(0.1 * torch.randn(tensor.shape, generator=generator))
    return module.eval()


@pytest.fixture(scope="module")
def seed_head():
    """The seed's head with statistics that differ from channel to channel."""
    return _head(seed=0)


def _features(pictures=2):
    return torch.randn((pictures, 336, 4, 6), generator=torch.Generator().manual_seed(1))


def test_the_seeds_own_head_computes_the_same(seed_head):
    """At k=5, g=1, C=96 everything is inherited, to the last bit."""
    head = _head()

    inherit_head(head, seed_head)

    with torch.no_grad():
        assert torch.equal(head(_features()), seed_head(_features()))


@pytest.mark.parametrize(("k", "g", "c"), [(2, 1, 96), (3, 2, 96), (4, 8, 40), (5, 4, 24)])
def test_every_head_gets_finite_parts(seed_head, k, g, c):
    """Whatever k, g and C, all weights are some of the seed's and the output is numbers."""
    head = _head(k=k, g=g, c=c)

    inherit_head(head, seed_head)

    for name, unit in head.named_units():
        assert torch.isin(unit.conv.weight, seed_head.unit(name).conv.weight).all(), name
        assert torch.isin(unit.norm.running_var, seed_head.unit(name).norm.running_var).all()
    assert head(_features()).isfinite().all()


def test_channels_of_unimportance_are_not_missed(seed_head):
    """A head of half the channels computes the seed's output, where the other half says nothing."""
    seed = _head(seed=3)
    silent = torch.arange(0, 96, 2)
    with torch.no_grad():
        for name, unit in seed.named_units():
            if not name.endswith("_pw"):
                unit.norm.weight[silent] = 0
                unit.norm.bias[silent] = 0
                unit.norm.running_mean[silent] = 0
    head = _head(c=48)

    inherit_head(head, seed)

    with torch.no_grad():
        torch.testing.assert_close(head(_features()), seed(_features()))


def test_smaller_kernels_keep_the_middle(seed_head):
    """A 3x3 kernel has the nine taps around the 5x5 kernel's centre, 2x2 those from it on."""
    wide = seed_head.unit("spp/chain1_dw1").conv.weight
    for k, taps in ((3, slice(1, 4)), (2, slice(2, 4)), (4, slice(1, 5))):
        head = _head(k=k)

        inherit_head(head, seed_head)

        assert torch.equal(head.unit("spp/chain1_dw1").conv.weight, wide[:, :, taps, taps])


def test_groups_keep_the_weights_within_them(seed_head):
    """The second group of outputs keeps its weights to the second group of inputs."""
    head = _head(g=2)

    inherit_head(head, seed_head)

    dense, grouped = (h.unit("spp/in").conv.weight for h in (seed_head, head))
    assert torch.equal(grouped[:48], dense[:48, :168])
    assert torch.equal(grouped[48:], dense[48:, 168:])
