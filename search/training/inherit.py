"""A head of any k, g and C, or one that was edited, begun from the seed head's weights.

Every head, the seed's too, starts by one rule: of the seed's channels those with the largest batch
normalisation factors stay, kernels keep their middle, and a grouped convolution keeps the weights
within its groups. What a head inherits is then a part of one trained network, as in weight-sharing
search (Cai et al., "Once for All", arXiv 1908.09791). A layer that the seed has not, or that is
larger than the seed's, keeps its random weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from hwprof.graph import Conv2d
from hwprof.search.training.module import ConvolutionUnit, GraphModule

_TRUNK = ("spp/in", "spp/out")  # their channels are added, so they are chosen together
_SHARED = "dethead/shared"
_JOINED = 3  # chains of the pyramid whose channels are joined before spp/out
_ALONE = "/conv2d"  # behind the name of a layer that an edit has made a block of its own


@dataclass(frozen=True, slots=True)
class _Kept:
    """Channels (c,) of the seed that a narrower head keeps, in their order."""

    trunk: Tensor
    shared: Tensor


@torch.no_grad()
def inherit_head(head: GraphModule, seed: GraphModule) -> None:
    """Give a head the part of the seed head's weights that it has room for.

    Args:
        head: of ``person_detector_head``, of a whole detector, or an edit of these; a backbone is
            left alone.
        seed: a detector or head with one group.
    """
    layers = {
        name: unit for name, unit in _layers(head).items() if name.startswith(("spp/", "dethead/"))
    }
    kept = _Kept(
        _largest(sum(_factors(seed.unit(name)) for name in _TRUNK), layers.get(_TRUNK[0])),  # type: ignore[arg-type]
        _largest(_factors(seed.unit(_SHARED)), layers.get(_SHARED)),
    )
    sources = _layers(seed)
    for name in layers.keys() & sources.keys():
        _copy(layers[name], sources[name], _inputs(name, kept, seed), _outputs(name, kept))


@torch.no_grad()
def inherit_backbone(backbone: GraphModule, seed: GraphModule) -> None:
    """Give a backbone the seed's weights, of an edited layer the part that it has room for.

    Which channels of a narrower layer matter to the next is not looked at: it starts anew.
    """
    layers, sources = _layers(backbone), _layers(seed)
    for name in layers.keys() & sources.keys():
        unit, source = layers[name], sources[name]
        if unit.conv.weight.shape == source.conv.weight.shape:
            unit.load_state_dict(source.state_dict())
        else:
            _copy(unit, source, None, None)


def _layers(module: GraphModule) -> dict[str, ConvolutionUnit]:
    """Convolutions by the seed's names for them."""
    return {name.removesuffix(_ALONE): unit for name, unit in module.named_units()}


def _factors(unit: ConvolutionUnit) -> Tensor:
    return unit.norm.weight.abs()


def _largest(importance: Tensor, unit: ConvolutionUnit | None) -> Tensor:
    """The channels that a layer keeps; all of them where it is wider, or not there."""
    count = len(importance) if unit is None else min(unit.op.out_channels, len(importance))
    return importance.topk(count).indices.sort().values


def _outputs(name: str, kept: _Kept) -> Tensor | None:
    """Channels of the seed's convolution that stay; None for all of them."""
    if name.endswith("_pw"):
        return None
    return kept.shared if name.startswith("dethead/") else kept.trunk


def _inputs(name: str, kept: _Kept, seed: GraphModule) -> Tensor | None:
    """Input channels that stay; None for all of them, and for depthwise convolutions."""
    if name == "spp/out":
        width = seed.unit(_TRUNK[0]).op.out_channels
        return torch.cat([kept.trunk + width * chain for chain in range(_JOINED)])
    if name == _SHARED:
        return kept.trunk
    return kept.shared if name.endswith("_pw") else None


def _copy(
    unit: ConvolutionUnit, source: ConvolutionUnit, inputs: Tensor | None, outputs: Tensor | None
) -> None:
    kernel = source.conv.weight
    norm = {k: v for k, v in source.norm.state_dict().items() if v.dim()}
    if outputs is not None:
        kernel = kernel[outputs]
        norm = {k: v[outputs] for k, v in norm.items()}
    if inputs is not None:
        kernel = kernel[:, inputs]
    if not _holds(kernel, unit):
        return
    unit.conv.weight.copy_(_within_groups(_middle(kernel, unit.op), unit.op))
    unit.norm.load_state_dict(norm, strict=False)


def _holds(kernel: Tensor, unit: ConvolutionUnit) -> bool:
    """Whether a kernel (out, in, h, w) has all that a layer needs."""
    rows, depth, height, width = unit.conv.weight.shape
    # A depthwise kernel has one input channel for each output, a dense one those of all groups.
    deep_enough = kernel.shape[1] == (depth if kernel.shape[1] == 1 else depth * unit.op.groups)
    return (
        deep_enough
        and kernel.shape[0] == rows
        and kernel.shape[2] >= height
        and kernel.shape[3] >= width
    )


def _middle(kernel: Tensor, op: Conv2d) -> Tensor:
    """The taps that a smaller kernel has, under the same centre."""
    top, left = (
        (whole - 1) // 2 - (part - 1) // 2
        for whole, part in zip(kernel.shape[2:], (op.kernel_h, op.kernel_w), strict=True)
    )
    return kernel[:, :, top : top + op.kernel_h, left : left + op.kernel_w]


def _within_groups(kernel: Tensor, op: Conv2d) -> Tensor:
    """Rows of weights (out, in, h, w) cut to the input channels of each output's group."""
    if op.groups == 1 or kernel.shape[1] == 1:
        return kernel
    parts = zip(kernel.chunk(op.groups), range(op.groups), strict=True)
    size = kernel.shape[1] // op.groups
    return torch.cat([part[:, group * size : (group + 1) * size] for part, group in parts])
