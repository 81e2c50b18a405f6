"""Proxies of the loss's gradient.

Notation: w_l is the kernel of layer l, g_l = dL/dw_l on one minibatch; sums over l are over all
layers that training changes.
"""

from __future__ import annotations

import torch
from torch import Tensor

from hwprof.search.training.zero_cost._probe import Minibatch, Probe, kernels, products


def grad_norm(probe: Probe) -> float:
    """Sum over l of |g_l|, the Euclidean norm (Abdelfattah et al., arXiv 2101.08134)."""
    _, gradients = _weights_and_gradients(probe, probe.minibatch)
    return float(torch.stack([gradient.norm() for gradient in gradients]).sum())


def snip(probe: Probe) -> float:
    """Sum of |w g| over all weights (Lee et al., arXiv 1810.02340)."""
    weights, gradients = _weights_and_gradients(probe, probe.minibatch)
    return products(weights, gradients)


def grasp(probe: Probe) -> float:
    """Sum of -w (H g) over all weights, H the Hessian of the loss.

    Wang et al., arXiv 2002.07376.
    """
    network = probe.network()
    weights = kernels(network)
    lost = probe.lost(network, probe.minibatch)
    gradients = torch.autograd.grad(lost, weights, create_graph=True)
    # The gradient of g . constant g is H g.
    product = torch.stack([(g * g.detach()).sum() for g in gradients]).sum()
    curved = torch.autograd.grad(product, weights)
    return -sum(float((w.detach() * h).sum()) for w, h in zip(weights, curved, strict=True))


def zico(probe: Probe) -> float:
    """Sum over l of log of the sum over w_l of mean |g| / std |g| between minibatches.

    The standard deviation is that of the population. Weights whose gradient is the same in all
    minibatches are left out, and so are layers of such weights (Li et al., arXiv 2301.11300).
    """
    magnitudes = [
        [g.abs().double() for g in _weights_and_gradients(probe, minibatch)[1]]
        for minibatch in probe.minibatches()
    ]
    layers = (torch.stack(layer) for layer in zip(*magnitudes, strict=True))
    return sum(_log_steadiness(layer) for layer in layers)


def _log_steadiness(magnitudes: Tensor) -> float:
    """Of |g| (minibatches, ...) of one layer."""
    mean, deviation = magnitudes.mean(dim=0), magnitudes.std(dim=0, unbiased=False)
    varied = deviation > 0
    if not varied.any():
        return 0.0
    return float((mean[varied] / deviation[varied]).sum().log())


def _weights_and_gradients(probe: Probe, minibatch: Minibatch) -> tuple[list[Tensor], list[Tensor]]:
    network = probe.network()
    weights = kernels(network)
    gradients = torch.autograd.grad(probe.lost(network, minibatch), weights)
    return weights, list(gradients)
