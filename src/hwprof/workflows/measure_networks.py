"""Whole networks drawn at random and measured: what corrects, and what judges, sums of blocks.

A family is a way to draw a network by its name; networks of one family share their blocks and
their shapes, so an error on a family that was left out is the error on networks unlike any seen.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from hwprof.networks.person_detector import CHANNELS, GROUPS, KERNELS, legal_sizes
from hwprof.profiler.bench import Setup
from hwprof.profiler.campaign import CampaignReport, NetworkTask
from hwprof.workflows.measure_samples import measure_tasks
from hwprof.workspace import Workspace

Draw = Callable[[random.Random], str]


@dataclass(frozen=True, slots=True)
class DrawnNetwork:
    """A network by the text that builds it, and the family it was drawn from."""

    family: str
    name: str


def _detector(rng: random.Random) -> str:
    """Any point of the person-detection space, evenly over groups, then channels and inputs."""
    groups, size = rng.choice(GROUPS), rng.choice(legal_sizes())
    channels = rng.choice([count for count in CHANNELS if count % groups == 0])
    return f"person-detector:k={rng.choice(KERNELS)},g={groups},c={channels},{size}"


def _small_detector(rng: random.Random) -> str:
    """FastestDet on inputs below those of the space, and of any number of classes."""
    sides = [rng.choice(range(96, 225, 32)) for _ in range(2)]
    channels = rng.choice(CHANNELS[::8])
    return (
        f"fastestdet:height={sides[0]},width={sides[1]},k={rng.choice(KERNELS)},"
        f"g={rng.choice(GROUPS)},c={channels},classes={rng.choice((1, 2, 20, 80))}"
    )


def _mobilenet_v1(rng: random.Random) -> str:
    alpha, size = rng.choice((0.1, 0.2, 0.25, 0.3, 0.4, 0.5)), rng.choice(range(48, 161, 8))
    return f"mobilenet-v1:alpha={alpha},size={size},classes={rng.choice((2, 10, 100, 1000))}"


def _mobilenet_v2(rng: random.Random) -> str:
    alpha, size = rng.choice((0.1, 0.2, 0.25, 0.35, 0.5)), rng.choice(range(48, 129, 8))
    return f"mobilenet-v2:alpha={alpha},size={size},classes={rng.choice((2, 10, 100))}"


def _mcunet(rng: random.Random) -> str:
    alpha, size = rng.choice((0.2, 0.3, 0.4, 0.5)), rng.choice(range(48, 129, 16))
    point = rng.randrange(1_000_000)
    return f"mcunet-chain:point={point},alpha={alpha},size={size},classes={rng.choice((2, 10))}"


def _resnet(rng: random.Random) -> str:
    depth, bottleneck = rng.choice(((8, 0), (14, 0), (20, 0), (11, 1), (20, 1)))
    width = rng.choice(range(4, 9)) if bottleneck else rng.choice(range(6, 21, 2))
    return (
        f"resnet:depth={depth},width={width},bottleneck={bottleneck},"
        f"size={rng.choice(range(16, 41, 4))},classes={rng.choice((2, 10, 100))}"
    )


def _chain(rng: random.Random) -> str:
    return f"random-chain:seed={rng.randrange(2**31)}"


FAMILIES: Mapping[str, Draw] = MappingProxyType(
    {
        "detector": _detector,
        "small-detector": _small_detector,
        "mobilenet-v1": _mobilenet_v1,
        "mobilenet-v2": _mobilenet_v2,
        "mcunet": _mcunet,
        "resnet": _resnet,
        "chain": _chain,
    }
)
"""Draws by family; a new family of networks is one entry more."""


def draw_networks(
    count: int, *, seed: int, families: Iterable[str] = tuple(FAMILIES)
) -> tuple[DrawnNetwork, ...]:
    """Distinct networks, the families in turn; the first n of more are the n of fewer."""
    names = tuple(families)
    rngs = {name: random.Random(f"{seed}/{name}") for name in names}
    drawn: dict[DrawnNetwork, None] = {}
    turn = 0
    while len(drawn) < count:
        family = names[turn % len(names)]
        drawn[DrawnNetwork(family, FAMILIES[family](rngs[family]))] = None
        turn += 1
    return tuple(drawn)


def measure_networks(
    workspace: Workspace, setup: Setup, networks: Iterable[str], *, workers: int
) -> CampaignReport:
    """Measure networks that have no row yet into the workspace's store, with a progress bar."""
    workspace.make()
    return measure_tasks(network_tasks(networks), workspace, setup, workers=workers, unit="network")


def network_tasks(networks: Iterable[str]) -> list[NetworkTask]:
    """A task for each network."""
    return [NetworkTask(name) for name in networks]
