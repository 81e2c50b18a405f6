"""What happens to a draft after the last ONNX node: folding, fusing, dropping.

A merged pair keeps the later node's tensor number, so whoever reads it need not be told.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from hwprof.graph import (
    Activation,
    Add,
    AveragePool,
    Conv2d,
    FullyConnected,
    Mul,
    Pad,
    Pads,
    Unary,
    UnaryFunction,
)
from hwprof.onnx_io._draft import AffineWeights, Draft, DraftNode, DraftWeights

_ACTIVATIONS = {UnaryFunction.RELU: Activation.RELU, UnaryFunction.RELU6: Activation.RELU6}


def tidy(draft: Draft) -> None:
    """Run every pass, in the order in which each sees what the one before it left."""
    drop_unused(draft)
    fold_affines(draft)
    affines_to_convolutions(draft)
    fuse_activations(draft)
    fold_pads(draft)


def drop_unused(draft: Draft) -> None:
    """Drop nodes that no output depends on."""
    needed = set(draft.outputs)
    for tensor in reversed(list(draft.nodes)):
        if tensor in needed:
            needed.update(draft.nodes[tensor].inputs)
        else:
            del draft.nodes[tensor]


def _mergeable(draft: Draft) -> set[int]:
    """Tensors that one node reads, once, and nobody outside wants."""
    reads = Counter(tensor for node in draft.nodes.values() for tensor in node.inputs)
    reads.update(draft.outputs)
    return {t for t, node in draft.nodes.items() if reads[t] == 1 and not node.is_final} - set(
        draft.outputs
    )


def _merge(draft: Draft, tensor: int, merged: DraftNode) -> None:
    """Replace a node and the one it reads by ``merged``."""
    node = draft.nodes[tensor]
    name = node.name if node.is_final else merged.name
    draft.quantisation.pop(node.inputs[0], None)
    del draft.nodes[node.inputs[0]]
    draft.nodes[tensor] = replace(merged, name=name, is_final=node.is_final)


def fold_affines(draft: Draft) -> None:
    """Fold scale and shift of channels into the weights, or the scale and shift, before them."""
    mergeable = _mergeable(draft)
    for tensor, node in list(draft.nodes.items()):
        before = draft.nodes.get(node.inputs[0])
        if (
            not isinstance(node.weights, AffineWeights)
            or node.inputs[0] not in mergeable
            or not before
        ):
            continue
        weights = _scaled(before, node.weights)
        if weights is not None:
            _merge(draft, tensor, replace(before, weights=weights))


def _scaled(before: DraftNode, affine: AffineWeights) -> DraftWeights | AffineWeights | None:
    """Weights of a node whose output is scaled and shifted; None where they cannot be."""
    if isinstance(before.weights, AffineWeights):
        scale = before.weights.scale * affine.scale
        return AffineWeights(scale, before.weights.shift * affine.scale + affine.shift)
    if not isinstance(before.weights, DraftWeights):
        return None
    if getattr(before.op, "activation", Activation.NONE) is not Activation.NONE:
        return None
    kernel, scales = before.weights.kernel, before.weights.scales
    if scales is None:
        column = affine.scale.reshape(-1, *(1,) * (kernel.ndim - 1))
        kernel = (kernel * column).astype(np.float32)
    elif (affine.scale > 0).all():
        scales = scales * affine.scale
    else:
        return None
    return DraftWeights(kernel, before.weights.bias * affine.scale + affine.shift, scales)


def affines_to_convolutions(draft: Draft) -> None:
    """What could not be folded runs as a 1x1 convolution of each channel on its own."""
    for tensor, node in draft.nodes.items():
        if isinstance(node.weights, AffineWeights):
            channels = node.shape[2]
            op = Conv2d(kernel_h=1, kernel_w=1, out_channels=channels, groups=channels)
            kernel = node.weights.scale.astype(np.float32).reshape(channels, 1, 1, 1)
            weights = DraftWeights(kernel, node.weights.shift)
            draft.nodes[tensor] = replace(node, op=op, weights=weights)


def fuse_activations(draft: Draft) -> None:
    """Fuse ReLU and ReLU6 into the operator that clamps its output anyway."""
    mergeable = _mergeable(draft)
    for tensor, node in list(draft.nodes.items()):
        before = draft.nodes.get(node.inputs[0])
        if not isinstance(node.op, Unary) or node.inputs[0] not in mergeable or before is None:
            continue
        activation = _ACTIVATIONS.get(node.op.function)
        if activation is None or not isinstance(before.op, Conv2d | FullyConnected | Add | Mul):
            continue
        if before.op.activation is Activation.NONE:
            _merge(draft, tensor, replace(before, op=replace(before.op, activation=activation)))


def fold_pads(draft: Draft) -> None:
    """Let a convolution, or an average that counts padding, add the zeros itself."""
    mergeable = _mergeable(draft)
    for tensor, node in list(draft.nodes.items()):
        before = draft.nodes.get(node.inputs[0])
        if before is None or node.inputs[0] not in mergeable or not isinstance(before.op, Pad):
            continue
        op = _padded(node.op, before.op.pads)
        if op is not None:
            _merge(draft, tensor, replace(node, op=op, inputs=before.inputs))


def _padded(op: object, pads: Pads) -> Conv2d | AveragePool | None:
    if isinstance(op, Conv2d):
        return replace(op, pads=_sum(op.pads, pads))
    if isinstance(op, AveragePool) and (op.count_include_pad or op.pads == Pads()):
        return replace(op, pads=_sum(op.pads, pads), count_include_pad=True)
    return None


def _sum(left: Pads, right: Pads) -> Pads:
    return Pads(
        left.top + right.top,
        left.left + right.left,
        left.bottom + right.bottom,
        left.right + right.right,
    )
