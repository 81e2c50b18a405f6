"""A head of any k, g and C begun from the seed head's weights.

Every head, the seed's too, starts by one rule: of the seed's channels those with the largest batch
normalisation factors stay, kernels keep their middle, and a grouped convolution keeps the weights
within its groups. What a head inherits is then a part of one trained network, as in weight-sharing
search (Cai et al., "Once for All", arXiv 1908.09791).
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


@dataclass(frozen=True, slots=True)
class _Kept:
    """Channels (c,) of the seed that a narrower head keeps, in their order."""

    trunk: Tensor
    shared: Tensor


@torch.no_grad()
def inherit_head(head: GraphModule, seed: GraphModule) -> None:
    """Give a head the part of the seed head's weights that it has room for.

    Args:
        head: of ``person_detector_head``, or of a whole detector: its backbone is left alone.
        seed: a detector or head with at least as many channels, one group, kernel 5.
    """
    width = head.unit(_SHARED).op.out_channels
    kept = _Kept(
        _largest(sum(_factors(seed.unit(name)) for name in _TRUNK), width),  # type: ignore[arg-type]
        _largest(_factors(seed.unit(_SHARED)), width),
    )
    for name, unit in head.named_units():
        if name.startswith(("spp/", "dethead/")):
            _copy(unit, seed.unit(name), _inputs(name, kept, seed), _outputs(name, kept))


def _factors(unit: ConvolutionUnit) -> Tensor:
    return unit.norm.weight.abs()


def _largest(importance: Tensor, count: int) -> Tensor:
    return importance.topk(count).indices.sort().values


def _outputs(name: str, kept: _Kept) -> Tensor | None:
    """Channels of the seed's convolution that stay; None for all of them."""
    if name.endswith("_pw"):
        return None
    return kept.shared if name.startswith("dethead/") else kept.trunk


def _inputs(name: str, kept: _Kept, seed: GraphModule) -> Tensor | None:
    """Input channels that stay; None for all of them, and for depthwise convolutions."""
    if name == "spp/out":
        width = seed.unit(_SHARED).op.out_channels
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
    unit.conv.weight.copy_(_within_groups(_middle(kernel, unit.op), unit.op))
    unit.norm.load_state_dict(norm, strict=False)


def _middle(kernel: Tensor, op: Conv2d) -> Tensor:
    """The taps that a smaller kernel has, under the same centre."""
    at = (kernel.shape[2] - 1) // 2 - (op.kernel_h - 1) // 2
    return kernel[:, :, at : at + op.kernel_h, at : at + op.kernel_w]


def _within_groups(kernel: Tensor, op: Conv2d) -> Tensor:
    """Rows of weights (out, in, h, w) cut to the input channels of each output's group."""
    if op.groups == 1 or kernel.shape[1] == 1:
        return kernel
    parts = zip(kernel.chunk(op.groups), range(op.groups), strict=True)
    size = kernel.shape[1] // op.groups
    return torch.cat([part[:, group * size : (group + 1) * size] for part, group in parts])
