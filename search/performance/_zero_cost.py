"""Zero-cost proxies: what a network says before it is trained.

What each computes is in ``search.training.zero_cost``, below PyTorch's border; these are its rows.
"""

from __future__ import annotations

from collections.abc import Sequence

from hwprof.search.performance._base import Evidence, Kind, Needs, Ready


class ZeroCost(Ready):
    """A number of the network that training starts from."""

    kind: Kind = "zero-cost"

    def __init__(self, name: str, needs: Needs, source: str, *, title: str = "") -> None:
        self.name, self.title, self.source, self.needs = name, title or name, source, needs

    def check(self, evidence: Evidence) -> None:
        super().check(evidence)
        if self.needs.labels and evidence.probe is not None and not evidence.probe.is_labelled:
            raise self.lacking(evidence, "pictures with labels")

    def _scores(self, evidence: Sequence[Evidence]) -> list[float]:
        from hwprof.search.training.zero_cost import PROXIES

        proxy = PROXIES[self.name]
        return [proxy(one.probe) for one in evidence if one.probe is not None]


_OF_LOSS = Needs(probe=True, minibatches=1, labels=True, gradients=True)
_OF_OUTPUT = Needs(probe=True, gradients=True)
_OF_PICTURES = Needs(probe=True, minibatches=1)
_OF_WEIGHTS = Needs(probe=True)

_ABDELFATTAH = (
    "Abdelfattah et al., Zero-Cost Proxies for Lightweight NAS (ICLR 2021, arXiv 2101.08134)"
)

ZERO_COST = (
    ZeroCost("grad_norm", _OF_LOSS, _ABDELFATTAH),
    ZeroCost(
        "snip",
        _OF_LOSS,
        "Lee et al., SNIP: Single-shot Network Pruning (ICLR 2019, arXiv 1810.02340)",
        title="SNIP",
    ),
    ZeroCost(
        "grasp",
        _OF_LOSS,
        "Wang et al., Picking Winning Tickets by Preserving Gradient Flow (arXiv 2002.07376)",
        title="GraSP",
    ),
    ZeroCost(
        "synflow",
        _OF_OUTPUT,
        "Tanaka et al., Pruning neural networks without any data (arXiv 2006.05467)",
        title="SynFlow",
    ),
    ZeroCost(
        "fisher",
        _OF_LOSS,
        "Turner et al., BlockSwap: Fisher-guided Block Substitution (arXiv 1906.04113)",
        title="Fisher",
    ),
    ZeroCost(
        "jacob_cov",
        Needs(probe=True, minibatches=1, gradients=True),
        "Mellor et al., Neural Architecture Search without Training (arXiv 2006.04647v1)",
    ),
    ZeroCost(
        "naswot",
        _OF_PICTURES,
        "Mellor et al., Neural Architecture Search without Training (ICML 2021, arXiv 2006.04647)",
        title="NASWOT",
    ),
    ZeroCost(
        "zen",
        _OF_WEIGHTS,
        "Lin et al., Zen-NAS: A Zero-Shot NAS (ICCV 2021, arXiv 2102.01063)",
        title="Zen",
    ),
    ZeroCost("l2_norm", _OF_WEIGHTS, _ABDELFATTAH),
    ZeroCost(
        "zico",
        Needs(probe=True, minibatches=2, labels=True, gradients=True),
        "Li et al., ZiCo: Zero-shot NAS via Inverse Coefficient of Variation (arXiv 2301.11300)",
        title="ZiCo",
    ),
)
