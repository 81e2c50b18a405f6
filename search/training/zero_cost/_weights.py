"""Proxies that look at no picture."""

from __future__ import annotations

import math
import sys

import torch
from torch import Tensor

from hwprof.search.training.module import GraphModule
from hwprof.search.training.zero_cost._probe import Probe, kernels, linear, products

_STEP = 0.01  # of the perturbation, in standard deviations of the input
_INPUTS = 16
_REPEATS = 4


def l2_norm(probe: Probe) -> float:
    """Sum over layers of the Euclidean norm of their kernel (Abdelfattah et al.)."""
    return float(sum(kernel.detach().norm() for kernel in kernels(probe.network())))


def synflow(probe: Probe) -> float:
    """Log of the sum of |w dR/dw|, R the summed outputs of the network with weights |w|.

    The input is ones, there is no batch normalisation and no function behind the last
    convolutions; float64, for R grows with every layer (Tanaka et al., arXiv 2006.05467; without
    normalisation as Abdelfattah et al. do). A network that nothing flows through scores -708, the
    logarithm of the smallest normal float64: it ranks below all others.
    """
    network = linear(probe.network()).double()
    _make_positive(network)
    weights = kernels(network)
    ones = torch.ones(_input_shape(network, 1), dtype=torch.float64)
    gradients = torch.autograd.grad(network(ones).sum(), weights)
    return math.log(max(products(weights, gradients), sys.float_info.min))


@torch.no_grad()
def zen(probe: Probe) -> float:
    """Log E |f(x) - f(x + 0.01 e)| + sum over layers of log sqrt(mean over channels of variance).

    x and e are normal, f the network without the functions behind its last convolutions and with
    normal weights; the variances are those that batch normalisation divides by. Mean over four
    draws of weights and inputs (Lin et al., arXiv 2102.01063, algorithm 1, but sums stay in the
    network: all candidates have the same).
    """
    generator = torch.Generator().manual_seed(probe.seed)
    network = linear(probe.network())
    scores = [_expressivity(network, generator) for _ in range(_REPEATS)]
    return sum(scores) / _REPEATS


def _expressivity(network: GraphModule, generator: torch.Generator) -> float:
    for _, unit in network.named_units():
        unit.conv.weight.normal_(generator=generator)
        unit.norm.reset_parameters()
        unit.norm.momentum = 1.0
    shape = _input_shape(network, _INPUTS)
    x = torch.randn(shape, generator=generator)
    moved = x + _STEP * torch.randn(shape, generator=generator)
    network.train()
    changed = network(moved) - network(x)
    scales = [_log_scale(unit.norm.running_var) for _, unit in network.named_units()]
    return float(changed.flatten(1).norm(dim=1).mean().log()) + sum(scales)


def _log_scale(variance: Tensor | None) -> float:
    if variance is None:
        raise AssertionError("batch normalisation keeps running statistics here")
    return float(variance.mean().sqrt().log())


@torch.no_grad()
def _make_positive(network: GraphModule) -> None:
    """Take absolute weights, and have batch normalisation change nothing."""
    network.eval()
    for _, unit in network.named_units():
        unit.conv.weight.abs_()
        unit.norm.reset_parameters()
        unit.norm.eps = 0.0


def _input_shape(network: GraphModule, count: int) -> tuple[int, int, int, int]:
    ((height, width, channels),) = network.graph.inputs.values()
    return count, channels, height, width
