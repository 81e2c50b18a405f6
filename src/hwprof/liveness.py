"""Which tensors of a graph must be in memory at the same time, in bytes of int8."""

from __future__ import annotations

from math import prod

from hwprof.graph import Graph, Reshape


def live_bytes(graph: Graph) -> tuple[int, ...]:
    """Bytes of int8 activations that are alive while each node runs, in node order.

    A tensor lives from the node that writes it to the last one that reads it, graph inputs from
    the start and graph outputs to the end; a reshape shares its input's bytes. The largest value
    is what no memory plan can go below.
    """
    owner = {name: name for name in graph.inputs}
    for node in graph.nodes:
        alias = isinstance(node.op, Reshape)
        owner[node.name] = owner[node.inputs[0]] if alias else node.name
    birth = dict.fromkeys(graph.inputs, 0)
    birth |= {node.name: i for i, node in enumerate(graph.nodes) if owner[node.name] == node.name}
    death: dict[str, int] = {}
    for index, node in enumerate(graph.nodes):
        death |= dict.fromkeys((owner[name] for name in (*node.inputs, node.name)), index)
    death |= dict.fromkeys((owner[name] for name in graph.outputs), len(graph.nodes) - 1)
    return tuple(
        sum(
            prod(graph.shapes[name])
            for name, born in birth.items()
            if born <= index <= death.get(name, -1)
        )
        for index in range(len(graph.nodes))
    )
