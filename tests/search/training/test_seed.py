"""What a detector begins with is the seed network's, as far as it has the same layers."""

from __future__ import annotations

import pytest
import torch

from hwprof.architecture import Architecture
from hwprof.edits import Channels, EarlierStride, Edit, Groups, Kernel
from hwprof.errors import ConfigurationError
from hwprof.networks import person_detector
from hwprof.search.spaces import Choice, EditAxis, EditedNetwork
from hwprof.search.training.parts import divide
from hwprof.search.training.seed import SeedNetwork, fresh

DETECTOR = person_detector(k=5, g=1, c=96, width=224, aspect=0.5625)


@pytest.fixture(scope="module")
def seed_module():
    """The seed network with weights that no other begins with, statistics too."""
    module = fresh(person_detector(), seed=3)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for _, unit in module.named_units():
            for tensor in (unit.norm.weight, unit.norm.running_var):
                tensor.copy_(0.5 + torch.rand(tensor.shape, generator=generator))
    return module


@pytest.fixture(scope="module")
def seed(seed_module):
    """As a search begins with it."""
    return SeedNetwork(seed_module.state_dict())


def edited(*edits: Edit) -> Architecture:
    """The detector with some edits, as a space in a file makes it."""
    axes = [EditAxis(str(n), (Choice("no"), Choice("yes", (e,)))) for n, e in enumerate(edits)]
    return EditedNetwork("edited", DETECTOR, axes).architecture((1,) * len(edits))


def inherited(module, seed_module):
    """Layers whose weights are all among those of the seed's layer of that name."""
    return {
        name.removesuffix("/conv2d")
        for name, unit in module.named_units()
        if torch.isin(
            unit.conv.weight, seed_module.unit(name.removesuffix("/conv2d")).conv.weight
        ).all()
    }


def test_a_head_of_another_width_has_the_seeds_channels(seed, seed_module):
    """Pyramid and shared layer are narrowed apart, whatever blocks the edit leaves."""
    for edit in (Channels(("spp/in", "spp/out"), (48,)), Channels(("dethead/shared",), (72,))):
        head = seed.head(divide(edited(edit)).head)
        assert len(inherited(head, seed_module)) == len(head.units)
        assert head.eval()(torch.rand(1, 336, 8, 14)).isfinite().all()


def test_a_layer_whose_groups_are_others_has_the_weights_within_them(seed, seed_module):
    """As in a head whose three wide layers are all grouped."""
    head = seed.head(divide(edited(Groups(("spp/in",), (4,)))).head)
    weight = head.unit("spp/in/conv2d").conv.weight
    whole = seed_module.unit("spp/in").conv.weight
    for group in range(4):
        rows, columns = slice(24 * group, 24 * group + 24), slice(84 * group, 84 * group + 84)
        assert torch.equal(weight[rows], whole[rows, columns])


def test_what_the_seed_has_not_starts_anew(seed, seed_module):
    """Layers that read or write a wider tensor; all others inherit."""
    head = seed.head(divide(edited(Channels(("dethead/shared",), (120,)))).head)
    layers = {name.removesuffix("/conv2d") for name, _ in head.named_units()}
    anew = layers - inherited(head, seed_module)
    assert anew == {name for name in layers if name.startswith("dethead/")}
    assert head.eval()(torch.rand(1, 336, 8, 14)).isfinite().all()


def test_an_oblong_kernel_keeps_the_middle_of_both_sides(seed, seed_module):
    """Three rows and one column of five by five."""
    head = seed.head(divide(edited(Kernel(("dethead/obj_dw",), (3, 1)))).head)
    whole = seed_module.unit("dethead/obj_dw").conv.weight
    assert torch.equal(head.unit("dethead/obj_dw/conv2d").conv.weight, whole[:, :, 1:4, 2:3])


@pytest.mark.parametrize(
    "edit",
    [
        Kernel(("stem/conv",), (2, 2)),
        Channels(("stage2.1/main_pw1",), (12,)),
        Groups(("stage4.1/main_pw2",), (2,)),
    ],
    ids=["kernel", "channels", "groups"],
)
def test_a_backbone_that_is_not_trained_is_the_seeds(seed, seed_module, edit):
    """An edited one is refused; trained along it begins with what is left of the seed's."""
    detector = edited(edit)
    with pytest.raises(ConfigurationError, match=rf"another '{edit.nodes[0]}.*--train-backbone"):
        seed.backbone(divide(detector).backbone)
    module = seed.detector(detector)
    block, _, _ = edit.nodes[0].partition("/")
    layers = {name.removesuffix("/conv2d") for name, _ in module.named_units()}
    anew = layers - inherited(module, seed_module)
    assert all(name.startswith(f"{block}/") for name in anew)
    assert module(torch.rand(1, 3, 126, 224)).isfinite().all()


def test_a_backbone_of_another_stride_is_not_the_seeds(seed):
    """All its weights would fit, and its features would be others."""
    detector = edited(EarlierStride(("stage3.0/main_pw1", "stage3.0/main_dw"), ()))
    with pytest.raises(ConfigurationError, match="a backbone that is not trained"):
        seed.backbone(divide(detector).backbone)
