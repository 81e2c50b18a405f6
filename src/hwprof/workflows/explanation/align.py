"""Lines of a table beside the layers of a model."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from statistics import median
from types import MappingProxyType

from hwprof.errors import StoreError
from hwprof.graph import Conv2d, Graph, Node
from hwprof.workflows.explanation.table import LayerTable, Line

LEAST_SHARE = 0.8
"""Of the measured time that must find its layers."""

FEWEST_PAIRS = 3

# Names without case, digits and separators: TFLite's, ONNX's and hwprof's own, by kind.
_SYNONYMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "conv": ("conv", "convd", "convolution", "qlinearconv", "pwconv"),
        "depthwise": ("depthwiseconvd", "depthwiseconv", "dwconv", "depthwise"),
        "dense": ("fullyconnected", "gemm", "dense", "matmul", "fc"),
        "average": ("averagepoold", "averagepool", "avgpool", "mean", "globalaveragepool",
                    "reducemean"),
        "max_pool": ("maxpoold", "maxpool"),
        "softmax": ("softmax",),
        "add": ("add",),
        "sub": ("sub",),
        "mul": ("mul",),
        "concat": ("concatenation", "concat"),
        "pad": ("pad", "padv"),
        "slice": ("slice", "split", "splitv", "stridedslice", "gather"),
        "transpose": ("transpose",),
        "resize": ("resizenearestneighbor", "resizenearest", "resize", "upsample"),
        "table": ("logistic", "sigmoid", "tanh", "relu", "relun", "leakyrelu", "hardswish",
                  "lookup", "unary", "scalar", "clip"),
        "requantise": ("quantize", "requantize", "requantise", "quantizelinear"),
        "view": ("reshape", "squeeze", "expanddims", "flatten"),
    }
)  # fmt: skip
_KIND_OF = {name: kind for kind, names in _SYNONYMS.items() for name in names}
_TFLITE_NAME = re.compile(r"([A-Z][A-Z0-9_]*)_(\d+)(?:/.*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of the model: its name and the kind that synonyms lead to."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Pair:
    """One measured time and the layers that it is of.

    Attributes:
        measured: in the table's unit.
    """

    label: str
    layers: tuple[str, ...]
    measured: float


@dataclass(frozen=True, slots=True)
class Alignment:
    """Pairs, and what found no partner.

    Attributes:
        how: by name, by position, by order, or by kind.
        left_out: lines of the table without layers.
    """

    how: str
    pairs: tuple[Pair, ...]
    left_out: tuple[str, ...]


def layers_of(graph: Graph) -> tuple[Layer, ...]:
    """Layers of a model in the order of execution."""
    return tuple(Layer(node.name, _node_kind(graph, node)) for node in graph.nodes)


def _node_kind(graph: Graph, node: Node) -> str:
    if isinstance(node.op, Conv2d) and node.op.is_depthwise(graph.input_shapes(node)):
        return "depthwise"
    return kind_of(node.op.kind)


def kind_of(tag: str) -> str:
    """The kind that an operator's name means; the name itself where nobody knows it."""
    letters = "".join(letter for letter in tag.lower() if letter.isalpha())
    return _KIND_OF.get(letters, letters)


def align(table: LayerTable, layers: Sequence[Layer]) -> Alignment:
    """Pair the lines of a table with the layers of a model.

    Raises:
        StoreError: too little of the measured time is of layers of this model.
    """
    if table.is_total:
        ways = [_by_kind]
    elif any(line.name for line in table.lines):
        ways = [_by_name]
    else:
        ways = [_by_position, _by_order]
    best = max((way(_one_inference(table), layers) for way in ways), key=_aligned)
    share = _aligned(best) / sum(line.value for line in _one_inference(table))
    if share < LEAST_SHARE or len(best.pairs) < FEWEST_PAIRS:
        raise StoreError(
            f"a table is of the model that it is explained by: {FEWEST_PAIRS} lines and "
            f"{LEAST_SHARE:.0%} of its time or more; in {table.source} {len(best.pairs)} lines "
            f"with {share:.0%} are; without a layer are {', '.join(best.left_out[:5]) or 'none'}; "
            "pass the --model that was measured."
        )
    return best


def _aligned(alignment: Alignment) -> float:
    return sum(pair.measured for pair in alignment.pairs)


def _one_inference(table: LayerTable) -> tuple[Line, ...]:
    """A log of several inferences repeats its names; each line's median stands for all."""
    lines = table.lines
    if not table.in_order:
        return lines
    tags = [line.tag for line in lines]
    period = next(
        (p for p in range(2, len(tags) // 2 + 1) if len(tags) % p == 0 and tags[p:] == tags[:-p]),
        len(tags),
    )
    return tuple(
        Line("", tags[i], median(line.value for line in lines[i::period])) for i in range(period)
    )


def _by_name(lines: Sequence[Line], layers: Sequence[Layer]) -> Alignment:
    known = {layer.name for layer in layers}
    values: dict[str, list[float]] = defaultdict(list)
    for line in lines:
        values[line.name].append(line.value)
    pairs = [Pair(name, (name,), median(of)) for name, of in values.items() if name in known]
    return Alignment("name", tuple(pairs), tuple(name for name in values if name not in known))


def _by_position(lines: Sequence[Line], layers: Sequence[Layer]) -> Alignment:
    """Layers of a TFLite file are called after their operator and its position."""
    parts: dict[tuple[int, str], list[str]] = defaultdict(list)
    for layer in layers:
        match = _TFLITE_NAME.fullmatch(layer.name)
        if match:
            parts[int(match[2]), match[1]].append(layer.name)
    labelled = [(f"{line.tag}_{i}", (i, line.tag.upper()), line) for i, line in enumerate(lines)]
    return _paired("position", ((label, parts.get(key, ()), line) for label, key, line in labelled))


def _by_order(lines: Sequence[Line], layers: Sequence[Layer]) -> Alignment:
    """The longest common order of kinds."""
    ours = [layer.kind for layer in layers]
    theirs = [kind_of(line.tag) for line in lines]
    blocks = SequenceMatcher(None, theirs, ours, autojunk=False).get_matching_blocks()
    partner = {b.a + i: layers[b.b + i].name for b in blocks for i in range(b.size)}
    return _paired(
        "order",
        (
            (partner.get(i, f"{line.tag}_{i}"), (partner[i],) if i in partner else (), line)
            for i, line in enumerate(lines)
        ),
    )


def _by_kind(lines: Sequence[Line], layers: Sequence[Layer]) -> Alignment:
    by_kind: dict[str, list[str]] = defaultdict(list)
    for layer in layers:
        by_kind[layer.kind].append(layer.name)
    totals: dict[str, float] = defaultdict(float)
    for line in lines:
        totals[kind_of(line.tag)] += line.value
    lines = [Line("", kind, value) for kind, value in totals.items()]
    return _paired("kind", ((line.tag, by_kind.get(line.tag, ()), line) for line in lines))


def _paired(how: str, found: Iterable[tuple[str, Sequence[str], Line]]) -> Alignment:
    entries = list(found)
    pairs = tuple(Pair(label, tuple(names), line.value) for label, names, line in entries if names)
    return Alignment(how, pairs, tuple(label for label, names, _ in entries if not names))
