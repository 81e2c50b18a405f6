"""Proxies of what flows through a network.

Notation: n inputs of a minibatch; a tensor of activations is (n, c, h, w).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from hwprof.graph import Activation, Add, Conv2d
from hwprof.search.training.module import GraphModule
from hwprof.search.training.zero_cost._probe import Probe, linear, trained_units

_SHIFT = 1e-5  # of eigenvalues, as in the paper's code


def fisher(probe: Probe) -> float:
    """Sum over channels of half the mean over inputs of (sum over h, w of a dL/da)^2.

    a is what the next layer reads of a convolution, behind normalisation and activation: before
    them its scale has no part in the loss, and the sum of a dL/da over a minibatch is all but 0
    (Turner et al., arXiv 1906.04113).
    """
    network, minibatch = probe.network(), probe.minibatch
    tensors = network.tensors(minibatch.inputs)
    own = [tensors[name] for name, _ in trained_units(network)]
    lost = probe.loss(tensors[network.graph.outputs[0]], minibatch.targets)
    gradients = torch.autograd.grad(lost, own)
    pairs = zip(own, gradients, strict=True)
    sums = [(a.detach() * g).sum(dim=(2, 3)) for a, g in pairs]
    return sum(float((s.square().mean(dim=0) / 2).sum()) for s in sums)


def jacob_cov(probe: Probe) -> float:
    """-sum of log(e + k) + 1 / (e + k) over eigenvalues e of the correlation (n, n) of Jacobians.

    k is 1e-5. A Jacobian is the gradient of an input's summed outputs by that input. Batch
    normalisation holds the minibatch's statistics still: where it is the last layer, they would
    make the sum of all outputs a constant (Mellor et al., arXiv 2006.04647v1).
    """
    inputs = probe.minibatch.inputs.clone().requires_grad_()
    network = linear(probe.network())
    _hold_statistics(network, inputs.detach())
    (jacobians,) = torch.autograd.grad(network(inputs).sum(), inputs)
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = np.corrcoef(jacobians.flatten(1).double().numpy())
    if not np.isfinite(correlation).all():
        return float("nan")
    shifted = np.linalg.eigvalsh(correlation) + _SHIFT
    return float(-(np.log(shifted) + 1 / shifted).sum())


def naswot(probe: Probe) -> float:
    """Log-determinant of K, K_ij the number of ReLUs that inputs i and j switch alike.

    Mellor et al., arXiv 2006.04647: N_A less the Hamming distance of binary codes.
    """
    network = probe.network()
    with torch.no_grad():
        tensors = network.tensors(probe.minibatch.inputs)
    codes = [(tensors[name] > 0).flatten(1).double() for name in _switches(network)]
    alike = sum((code @ code.T + (1 - code) @ (1 - code.T) for code in codes), torch.zeros(1, 1))
    sign, log_determinant = torch.linalg.slogdet(alike)
    return float(log_determinant) if sign > 0 else -float("inf")


def _switches(network: GraphModule) -> list[str]:
    """Nodes that end in a ReLU."""
    return [
        node.name
        for node in network.graph.nodes
        if isinstance(node.op, (Conv2d, Add)) and node.op.activation is not Activation.NONE
    ]


@torch.no_grad()
def _hold_statistics(network: GraphModule, inputs: Tensor) -> None:
    """From now on normalise with the statistics of these inputs, where training would take such."""
    for _, unit in network.named_units():
        unit.norm.momentum = 1.0
    network(inputs)
    network.eval()
