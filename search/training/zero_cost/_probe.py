"""What a zero-cost proxy is given: a network before its training, and what it would be shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from torch import Tensor

from hwprof.errors import ConfigurationError
from hwprof.graph import Conv2d, Graph, Softmax, Unary
from hwprof.search.training.loss import Targets, detection_loss
from hwprof.search.training.module import ConvolutionUnit, GraphModule

Loss: TypeAlias = Callable[[Tensor, Targets], Tensor]


@dataclass(frozen=True, slots=True, eq=False)
class Minibatch:
    """Inputs (n, c, h, w) of a network, and the objects on what they show."""

    inputs: Tensor
    targets: Targets


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """One network and its minibatches; both are made when asked.

    Attributes:
        network: makes the network anew, with the weights and in the mode that training starts in.
        minibatches: two of the same size; computed, or found, at each call.
        loss: of outputs and targets, a scalar.
        is_labelled: whether the targets say anything.
        seed: of what is drawn beside the minibatches.
    """

    network: Callable[[], GraphModule]
    minibatches: Callable[[], Sequence[Minibatch]]
    loss: Loss = detection_loss
    is_labelled: bool = True
    seed: int = 0

    @property
    def minibatch(self) -> Minibatch:
        """The first one."""
        return self.minibatches()[0]

    def lost(self, network: GraphModule, minibatch: Minibatch) -> Tensor:
        """The network's loss on a minibatch."""
        return self.loss(network(minibatch.inputs), minibatch.targets)


def trained_units(network: GraphModule) -> list[tuple[str, ConvolutionUnit]]:
    """Convolutions whose kernels training changes, by node name, in execution order.

    Raises:
        ConfigurationError: there are none, so there is nothing to look at.
    """
    units = [(name, one) for name, one in network.named_units() if one.conv.weight.requires_grad]
    if not units:
        raise ConfigurationError(
            "gradients and kernels are those of convolutions that training changes; "
            f"{network.graph.name!r} has none; take a strategy that needs less, such as FLOPs."
        )
    return units


def kernels(network: GraphModule) -> list[Tensor]:
    """Kernels that training changes, one for each layer.

    Raises:
        ConfigurationError: there are none.
    """
    return [unit.conv.weight for _, unit in trained_units(network)]


def products(weights: Sequence[Tensor], gradients: Sequence[Tensor]) -> float:
    """Sum of abs(w g) over all weights."""
    pairs = zip(weights, gradients, strict=True)
    return sum(float((w.detach() * g).abs().sum()) for w, g in pairs)


def linear(network: GraphModule) -> GraphModule:
    """The network without the functions behind its last convolutions, else as it was.

    A sigmoid saturates and a softmax over one class is a constant: neither has a gradient that
    tells of the network.
    """
    plain = GraphModule(_without_functions(network.graph))
    plain.load_state_dict(network.state_dict())
    for parameter, its in zip(plain.parameters(), network.parameters(), strict=True):
        parameter.requires_grad_(its.requires_grad)
    return plain.train(network.training)


def _without_functions(graph: Graph) -> Graph:
    behind = _behind_convolutions(graph)
    shortened: dict[str, str] = {}
    nodes = []
    for node in graph.nodes:
        inputs = tuple(shortened.get(name, name) for name in node.inputs)
        if node.name in behind and isinstance(node.op, (Unary, Softmax)):
            (shortened[node.name],) = inputs
        else:
            nodes.append(replace(node, inputs=inputs))
    outputs = tuple(shortened.get(name, name) for name in graph.outputs)
    return Graph(graph.name, graph.inputs, tuple(nodes), outputs)


def _behind_convolutions(graph: Graph) -> set[str]:
    """Nodes from which no convolution leads to an output."""
    wanted, behind = set(graph.outputs), set()
    for node in reversed(graph.nodes):
        if node.name in wanted and not isinstance(node.op, Conv2d):
            behind.add(node.name)
            wanted.update(node.inputs)
    return behind
