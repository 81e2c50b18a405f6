"""What happens to a draft after the last ONNX node: folding, fusing, dropping.

A merged pair keeps the later node's tensor number, so whoever reads it need not be told. Where a
QDQ file stores the tensor between two nodes in 8 bits, they are merged only if nothing is lost by
that: what the file rounds and saturates is rounded and saturated here.
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
    Mean,
    Mul,
    Pad,
    Pads,
    Shape,
    Sub,
    Unary,
    UnaryFunction,
)
from hwprof.onnx_io._draft import AffineWeights, Draft, DraftNode, DraftWeights

INT8_MAX = 127
_CLAMPING = Conv2d | FullyConnected | Add | Sub | Mul  # operators that can fuse an activation
_ACTIVATIONS = {UnaryFunction.RELU: Activation.RELU, UnaryFunction.RELU6: Activation.RELU6}


def tidy(draft: Draft) -> None:
    """Run every pass, in the order in which each sees what the one before it left."""
    drop_unused(draft)
    fold_affines(draft)
    lower_affines(draft)
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


def _is_stored(draft: Draft, tensor: int) -> bool:
    """Whether the file says in which 8-bit levels a tensor is kept."""
    return tensor in draft.quantisation


def _same_levels(draft: Draft, before: int, after: int) -> bool:
    """Whether a tensor is kept in the levels of the one made from it, or in none."""
    return draft.quantisation.get(before) in (None, draft.quantisation.get(after))


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
            or _is_stored(draft, node.inputs[0])
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


def lower_affines(draft: Draft) -> None:
    """What could not be folded: one scale for all is a function, else a depthwise convolution."""
    for tensor, node in draft.nodes.items():
        if isinstance(node.weights, AffineWeights):
            as_function = draft.quantisation or node.is_final
            op = _as_function(node.weights) if as_function else None
            draft.nodes[tensor] = (
                replace(node, op=op, weights=None)
                if op is not None
                else _as_convolution(node, node.weights, quantised=bool(draft.quantisation))
            )


def _as_function(affine: AffineWeights) -> Unary | None:
    slope, offset = float(affine.scale[0]), float(affine.shift[0])
    if (affine.scale != slope).any() or (affine.shift != offset).any():
        return None
    return Unary(function=UnaryFunction.AFFINE, parameters=(slope, offset))


def _as_convolution(node: DraftNode, affine: AffineWeights, *, quantised: bool) -> DraftNode:
    """A 1x1 convolution of each channel on its own."""
    channels = node.shape[2]
    op = Conv2d(kernel_h=1, kernel_w=1, out_channels=channels, groups=channels)
    as_float = DraftWeights(affine.scale.astype(np.float32), affine.shift)
    weights = _exact(affine) if quantised else as_float
    kernel = weights.kernel.reshape(channels, 1, 1, 1)
    return replace(node, op=op, weights=replace(weights, kernel=kernel))


def _exact(affine: AffineWeights) -> DraftWeights:
    """One weight of 127 steps for each channel loses nothing, and leaves the bias fine steps."""
    size = np.where(affine.scale == 0, np.abs(affine.shift), np.abs(affine.scale))
    scales = np.where(size > 0, size, 1.0) / INT8_MAX
    return DraftWeights((INT8_MAX * np.sign(affine.scale)).astype(np.int8), affine.shift, scales)


def fuse_activations(draft: Draft) -> None:
    """Fuse ReLU and ReLU6 into the operator that clamps its output anyway."""
    mergeable = _mergeable(draft)
    for tensor, node in list(draft.nodes.items()):
        before = draft.nodes.get(node.inputs[0])
        if not isinstance(node.op, Unary) or node.inputs[0] not in mergeable or before is None:
            continue
        activation = _ACTIVATIONS.get(node.op.function)
        if activation is None or not isinstance(before.op, _CLAMPING):
            continue
        if before.op.activation is Activation.NONE and _same_levels(draft, node.inputs[0], tensor):
            _merge(draft, tensor, replace(before, op=replace(before.op, activation=activation)))


def fold_pads(draft: Draft) -> None:
    """Let a convolution, or an average that counts padding, add the zeros itself."""
    mergeable = _mergeable(draft)
    for tensor, node in list(draft.nodes.items()):
        before = draft.nodes.get(node.inputs[0])
        if before is None or node.inputs[0] not in mergeable or not isinstance(before.op, Pad):
            continue
        op = _padded(node.op, before.op.pads)
        if op is not None and _same_levels(draft, node.inputs[0], before.inputs[0]):
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


def rescale_averages(draft: Draft) -> None:
    """Averages that change the scale as one sum and one rounding, where the pooling rounds twice.

    Over a whole map that is a mean, over windows a convolution of ones; where padding is left out
    of the mean, or the output's steps are the larger ones, rounding twice stays.
    """
    for tensor, node in draft.nodes.items():
        if isinstance(node.op, AveragePool):
            before, after = (draft.quantisation.get(t) for t in (node.inputs[0], tensor))
            if before and after and before != after:
                finer = before.scale > after.scale
                draft.nodes[tensor] = _rescaling(node, draft.shape(node.inputs[0]), finer=finer)


def _rescaling(node: DraftNode, shape: Shape, *, finer: bool) -> DraftNode:
    op = node.op
    if not isinstance(op, AveragePool):
        return node
    if (op.kernel_h, op.kernel_w) == shape[:2] and op.pads == Pads():
        return replace(node, op=Mean())
    if not finer or not (op.count_include_pad or op.pads == Pads()):
        return node
    channels, window = shape[2], op.kernel_h * op.kernel_w
    kernel = np.ones((channels, op.kernel_h, op.kernel_w, 1), np.int8)
    weights = DraftWeights(kernel, np.zeros(channels), np.full(channels, 1 / window))
    ones = Conv2d(
        kernel_h=op.kernel_h,
        kernel_w=op.kernel_w,
        stride_h=op.stride_h,
        stride_w=op.stride_w,
        pads=op.pads,
        out_channels=channels,
        groups=channels,
    )
    return replace(node, op=ones, weights=weights)
