"""What every candidate begins with: the weights of the network that a search starts from."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import zip_longest

import torch
from torch import Tensor

from hwprof.architecture import Architecture
from hwprof.errors import ConfigurationError
from hwprof.graph import Graph
from hwprof.networks.person_detector import fastestdet, person_detector
from hwprof.search.training.checkpoints import is_fastestdet, load_fastestdet, read_state
from hwprof.search.training.inherit import inherit_backbone, inherit_head
from hwprof.search.training.module import GraphModule
from hwprof.search.training.parts import divide


class SeedNetwork:
    """The person detector at its seed, k=5, g=1, C=96, with weights.

    Weights know no input size: backbones of any size take them as they are, and heads of any k, g
    and C what they have room for (``inherit``).

    Args:
        state: of the network as a ``GraphModule``.
    """

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        self._module = fresh(person_detector(), seed=0)
        try:
            self._module.load_state_dict(dict(state))
        except RuntimeError as error:
            raise ConfigurationError(
                "weights are those of the seed network, FastestDet's or kept by a search of "
                f"hwprof's; these are others ({str(error).splitlines()[-1].strip()})."
            ) from error

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> SeedNetwork:
        """Weights of a file, FastestDet's own or ours.

        Raises:
            ConfigurationError: it is no file of weights, or of another network.
        """
        state = read_state(path)
        if not is_fastestdet(state):
            return cls(state)
        module = fresh(person_detector(), seed=0)
        load_fastestdet(module, state)
        return cls(module.state_dict())

    def backbone(self, backbone: Architecture) -> GraphModule:
        """A backbone of any input size with the seed's weights, as it is evaluated.

        Raises:
            ConfigurationError: its layers are not the seed's, so that it had to be trained.
        """
        module = fresh(backbone, seed=0)
        _check_layers(module.graph)
        inherit_backbone(module, self._module)
        return module.eval()

    def head(self, head: Architecture) -> GraphModule:
        """A head of any k, g and C, or edited, with the seed's weights that it has room for."""
        module = fresh(head, seed=0)
        inherit_head(module, self._module)
        return module

    def detector(self, detector: Architecture) -> GraphModule:
        """Backbone and head together, to be trained; either may be edited."""
        parts = divide(detector)
        backbone = fresh(parts.backbone, seed=0)
        inherit_backbone(backbone, self._module)
        return assembled(detector, backbone, self.head(parts.head))


def fresh(architecture: Architecture, *, seed: int) -> GraphModule:
    """An architecture's module with random weights that depend on the seed alone."""
    with _seeded(seed):
        return GraphModule(architecture.graph())


def assembled(detector: Architecture, *parts: GraphModule) -> GraphModule:
    """A whole detector with the weights of its parts, as it is evaluated."""
    module = fresh(detector, seed=0)
    for part in parts:
        for name, unit in part.named_units():
            module.unit(name).load_state_dict(unit.state_dict())
    return module.eval()


def part_of(module: GraphModule, part: Architecture) -> GraphModule:
    """A part of a network with its weights, as it is evaluated."""
    taken = fresh(part, seed=0)
    for name, unit in taken.named_units():
        unit.load_state_dict(module.unit(name).state_dict())
    return taken.eval()


def _check_layers(graph: Graph) -> None:
    """Whether a backbone has the operators that the seed's has at its input size."""
    ((height, width, depth),) = graph.inputs.values()
    own = divide(fastestdet(height=height, width=width)).backbone.graph()
    pairs = zip_longest(graph.nodes, own.nodes)
    odd = next((a or b for a, b in pairs if a is None or b is None or a.op != b.op), None)
    if odd is not None or (height, width, depth) not in own.inputs.values():
        raise ConfigurationError(
            f"a backbone that is not trained is the seed network's; {graph.name!r} has another "
            f"{'input' if odd is None else repr(odd.name)}; edit the head alone, or train all "
            "weights (hwprof search --train-backbone)."
        )


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
