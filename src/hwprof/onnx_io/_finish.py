"""From a tidied draft to the Graph: names, blocks, final weights."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from hwprof.errors import ModelError
from hwprof.graph import FloatWeights, Graph, Node, QuantisedWeights, QuantParams
from hwprof.onnx_io import metadata as keys
from hwprof.onnx_io._draft import Array, Draft, DraftNode, DraftWeights
from hwprof.onnx_io._file import OnnxFile
from hwprof.onnx_io.seeded import is_seeded

_LONGEST_NAME = 200
_LONGEST_OWN_NAME = 1024  # docs/FORMATS.md, "Architecture in ONNX metadata"
_UNSAFE = re.compile(r"[^A-Za-z0-9_./:+-]")
_INT32 = np.iinfo(np.int32)


def to_graph(draft: Draft, file: OnnxFile) -> Graph:
    """The Graph that a draft describes.

    Raises:
        ModelError: the file's seed is no number, or an int32 bias overflows.
    """
    names = tensor_names(draft)
    by_prefix = keys.ARCHITECTURE in file.metadata or (
        file.metadata.get(keys.BLOCKS) == keys.BLOCKS_ARE_PREFIXES
    )
    graph = Graph(
        name=_printable(file.name),
        inputs={names[tensor]: shape for tensor, (_, shape) in draft.inputs.items()},
        nodes=tuple(
            Node(
                name=names[tensor],
                op=node.op,
                inputs=tuple(names[i] for i in node.inputs),
                block=keys.block_of(names[tensor]) if by_prefix else names[tensor],
            )
            for tensor, node in draft.nodes.items()
        ),
        outputs=tuple(names[tensor] for tensor in draft.outputs),
        weights={
            names[tensor]: _final(node, node.weights, draft.quantisation.get(node.inputs[0]))
            for tensor, node in draft.nodes.items()
            if isinstance(node.weights, DraftWeights)
        },
        quantisation={names[t]: p for t, p in draft.quantisation.items() if t in names},
        seed=_seed(file),
    )
    return _without_seeded_weights(graph) if keys.SEED in file.metadata else graph


def _seed(file: OnnxFile) -> int:
    text = file.metadata.get(keys.SEED, "0")
    if not re.fullmatch(r"-?[0-9]{1,20}", text):
        raise ModelError(f"metadata {keys.SEED} must be a whole number; got {text[:40]!r}.")
    return int(text)


def _without_seeded_weights(graph: Graph) -> Graph:
    """Seeded nodes have no entry, so that lowering takes their weights from the pool."""
    seeded = {
        node.name
        for node in graph.weighted_nodes
        if isinstance(weights := graph.weights[node.name], FloatWeights)
        and is_seeded(graph, node, weights)
    }
    kept = {name: weights for name, weights in graph.weights.items() if name not in seeded}
    return replace(graph, weights=kept)


def tensor_names(draft: Draft) -> dict[int, str]:
    """A safe and unique name for every tensor; those we gave ourselves stay as they are."""
    fixed = {t: _printable(node.name) for t, node in draft.nodes.items() if node.is_final}
    suggested = {t: _safe(name) for t, (name, _) in draft.inputs.items()}
    suggested |= {t: _safe(node.name) for t, node in draft.nodes.items() if t not in fixed}
    taken: set[str] = set()
    names = {tensor: _unique(name, taken) for tensor, name in fixed.items()}
    return names | {tensor: _unique(name, taken) for tensor, name in suggested.items()}


def _safe(name: str) -> str:
    return _UNSAFE.sub("_", name)[:_LONGEST_NAME] or "node"


def _printable(name: str) -> str:
    return "".join(filter(str.isprintable, name))[:_LONGEST_OWN_NAME]


def _unique(name: str, taken: set[str]) -> str:
    unique, count = name, 1
    while unique in taken:
        count += 1
        unique = f"{name}_{count}"
    taken.add(unique)
    return unique


def _final(
    node: DraftNode, weights: DraftWeights, params: QuantParams | None
) -> FloatWeights | QuantisedWeights:
    if weights.scales is None:
        return _float_weights(node, weights.kernel, weights.bias)
    if params is None:  # int8 weights in a network of floats
        column = weights.scales.reshape(-1, *(1,) * (weights.kernel.ndim - 1))
        return _float_weights(node, weights.kernel * column, weights.bias)
    scales = weights.scales.astype(np.float32)
    bias = np.rint(weights.bias / (scales.astype(np.float64) * np.float32(params.scale)))
    if not ((bias >= _INT32.min) & (bias <= _INT32.max)).all():
        raise ModelError(f"the int32 bias of {node.name!r} overflows; quantise the model again.")
    return QuantisedWeights(np.ascontiguousarray(weights.kernel), scales, bias.astype(np.int32))


def _float_weights(node: DraftNode, kernel: Array, bias: Array) -> FloatWeights:
    weights = FloatWeights(np.ascontiguousarray(kernel, np.float32), bias.astype(np.float32))
    if not (np.isfinite(weights.kernel).all() and np.isfinite(weights.bias).all()):
        raise ModelError(f"the weights of {node.name!r} overflow float32; export the model again.")
    return weights
