"""Zero-cost proxies: numbers of a network as training finds it, higher is better.

    pictures --DetectorProbes--> Probe(network, minibatches, loss) --PROXIES[name]--> float

All see the same: the network that training changes, with the weights and in the mode in which it
starts, and the minibatches that it would be shown first. Where the backbone is frozen that is the
head, and what it is shown are the backbone's features; the backbone is the same for all heads and
would only add its own size to their scores. Kernels of convolutions count, batch normalisation's
factors do not, as in Abdelfattah et al.'s code (github.com/SamsungLabs/zero-cost-nas). Batch
normalisation uses the minibatch's statistics, as in training; where a proxy does otherwise its
function says so. A proxy gives one number for one seed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from hwprof.search.training.zero_cost._activations import fisher, jacob_cov, naswot
from hwprof.search.training.zero_cost._detectors import DetectorProbes
from hwprof.search.training.zero_cost._gradients import grad_norm, grasp, snip, zico
from hwprof.search.training.zero_cost._probe import Minibatch, Probe
from hwprof.search.training.zero_cost._weights import l2_norm, synflow, zen

PROXIES: Mapping[str, Callable[[Probe], float]] = MappingProxyType(
    {
        proxy.__name__: proxy
        for proxy in (
            grad_norm,
            snip,
            grasp,
            synflow,
            fisher,
            jacob_cov,
            naswot,
            zen,
            l2_norm,
            zico,
        )
    }
)

PROXIES_VERSION = 1
"""Raise it when a proxy's score, or what proxies are shown, changes: kept scores are then old."""

__all__ = ["PROXIES", "PROXIES_VERSION", "DetectorProbes", "Minibatch", "Probe"]
