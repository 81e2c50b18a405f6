"""Laws of the vocabulary that every room relies on: errors, placements, contexts, graphs."""

from __future__ import annotations

import dataclasses
import inspect
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwprof import errors
from hwprof.blocks import BlockConfig, GraphBuilder
from hwprof.errors import (
    BoardError,
    ConfigurationError,
    HwprofError,
    ModelError,
    UnknownNameError,
)
from hwprof.graph import Activation, Add, Concat, Conv2d, Graph, Node, Op, Pads, Reshape, Slice
from hwprof.measurement import BOARD_DEFAULT, Context, Measurement, Placement

MEMORIES = st.text(st.characters(categories=["Ll", "Nd"], include_characters="_-"), min_size=1)
PLACEMENTS = st.builds(
    Placement, activations=MEMORIES, weights=MEMORIES, scratch=MEMORIES, code=MEMORIES
)
EXTENTS = st.integers(1, 12)
SHAPES = st.tuples(EXTENTS, EXTENTS, EXTENTS)


# --- errors ----------------------------------------------------------------------------------


def _drawn_tree() -> dict[str, str]:
    """Parent of each class, as the module's docstring draws them by indentation."""
    drawn = errors.__doc__.partition("The tree::")[2].partition("A message says")[0]
    parents: dict[str, str] = {}
    path: list[tuple[int, str]] = []
    for line in drawn.splitlines():
        name = re.search(r"[A-Z]\w+Error", line)
        if name is None:
            continue
        while path and path[-1][0] >= name.start():
            path.pop()
        parents[name[0]] = path[-1][1] if path else "Exception"
        path.append((name.start(), name[0]))
    return parents


def _real_tree() -> dict[str, str]:
    classes = [c for _, c in inspect.getmembers(errors, inspect.isclass)]
    ours = [c for c in classes if c.__module__ == errors.__name__]
    return {c.__name__: c.__bases__[0].__name__ for c in ours}


def test_drawn_error_tree_is_the_real_one() -> None:
    """The tree at the top of the module names every class under its parent."""
    assert _drawn_tree() == _real_tree()


@pytest.mark.parametrize("name", sorted(set(_real_tree()) - {"HwprofError"}))
def test_error_belongs_to_the_tree(name: str) -> None:
    """Whoever catches HwprofError catches every error of ours."""
    assert issubclass(getattr(errors, name), HwprofError)


def test_unknown_name_suggests_the_nearest() -> None:
    """A mistyped name is answered with what was probably meant."""
    error = UnknownNameError("block type", "shuflev2", ["conv", "shufflev2", "spp"])

    assert str(error) == "unknown block type 'shuflev2'; did you mean shufflev2?"


def test_unknown_name_without_neighbour_lists_the_known() -> None:
    """A name that resembles nothing is answered with the list of what there is."""
    error = UnknownNameError("block type", "zzz", ["spp", "conv"])

    assert str(error) == "unknown block type 'zzz'; known: conv, spp."


def test_board_fault_prints_where_in_hexadecimal() -> None:
    """A fault's address and program counter are printed in hexadecimal, its cycle in decimal."""
    error = BoardError("the board faulted", address=0x2024_0000, pc=0x1A4, cycle=977)

    assert str(error) == "the board faulted (address 0x20240000, pc 0x1a4, cycle 977)"


# --- placement and context -------------------------------------------------------------------


@given(PLACEMENTS)
def test_placement_survives_its_text(placement: Placement) -> None:
    """Reading what a placement prints gives the placement."""
    assert Placement.parse(str(placement)) == placement


def test_placement_leaves_parts_not_named_to_the_board() -> None:
    """A placement names only what differs from the board's default."""
    placed = Placement.parse("weights=ocram").completed(Placement())

    assert placed == dataclasses.replace(Placement(), weights="ocram")


def test_empty_placement_is_the_boards_default() -> None:
    """No text leaves every part to the board."""
    assert Placement.parse("") == BOARD_DEFAULT
    assert BOARD_DEFAULT.completed(Placement()) == Placement()


@pytest.mark.parametrize(
    "text", ["weights", "weights=", "=ocram", "wieghts=ocram", "weights:ocram"]
)
def test_broken_placement_is_refused(text: str) -> None:
    """A placement that breaks the grammar is refused with the grammar and the text."""
    message = (
        "a placement is part=memory with part one of activations, code, scratch, weights; "
        f"got {text!r}."
    )

    with pytest.raises(ConfigurationError, match=f"^{re.escape(message)}$"):
        Placement.parse(text)


def test_a_placement_that_contradicts_itself_is_refused() -> None:
    """The later of two memories for one part does not win in silence."""
    with pytest.raises(ConfigurationError, match="each part once; got code=itcm and code=ocram"):
        Placement.parse("code=itcm,weights=flash,code=ocram")


@given(st.integers(1, 10**12), st.sampled_from([396_000_000, 798_000_000, 996_000_000]))
def test_microseconds_are_cycles_over_megahertz(cycles: int, clock_hz: int) -> None:
    """Latency in microseconds is cycles divided by the clock in MHz."""
    context = Context(board="rt1170", clock_hz=clock_hz)

    assert context.cycles_to_us(cycles) == pytest.approx(cycles / (clock_hz / 1e6))


@pytest.mark.parametrize(
    ("timing_model", "kind"), [("silicon", "measured"), ("pipeline-1", "modelled")]
)
def test_context_says_what_kind_its_numbers_are(timing_model: str, kind: str) -> None:
    """Only silicon measures; every other timing model is a model."""
    context = Context(board="rt1170", clock_hz=996_000_000, timing_model=timing_model)

    assert context.kind == kind


@pytest.mark.parametrize("value", [Placement, Context, Measurement, BlockConfig, Node, Graph])
def test_what_travels_is_frozen_and_slotted(value: type) -> None:
    """Values that cross rooms cannot be changed, nor given new attributes."""
    assert dataclasses.is_dataclass(value)
    assert value.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert "__slots__" in vars(value)


# --- block configurations --------------------------------------------------------------------


@given(
    st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), st.integers(0, 99)),
    st.lists(SHAPES, max_size=3),
)
def test_block_key_does_not_depend_on_order(
    params: dict[str, int], inputs: list[tuple[int, int, int]]
) -> None:
    """Two configurations with equal parameters have one key, in whatever order they were given."""
    reserved = {"block_type": "x", "inputs": "x"}
    params = {name: value for name, value in params.items() if name not in reserved}
    backwards = dict(reversed(params.items()))

    forward, backward = (BlockConfig.of("conv", inputs, **p) for p in (params, backwards))

    assert forward == backward
    assert forward.key == backward.key
    assert forward.values == params


# --- graph -----------------------------------------------------------------------------------


def _graph(*nodes: Node, outputs: tuple[str, ...] = ()) -> Graph:
    return Graph("g", {"x": (4, 6, 8)}, nodes, outputs or (nodes[-1].name,))


def _pointwise(name: str, source: str, channels: int = 8) -> Node:
    return Node(name, Conv2d(kernel_h=1, kernel_w=1, out_channels=channels), (source,), "b")


def test_names_are_unique() -> None:
    """Two tensors of one name are refused."""
    with pytest.raises(ModelError, match=r"^two tensors are called 'a'; give each its own name\.$"):
        _graph(_pointwise("a", "x"), _pointwise("a", "x"))


def test_nodes_stand_in_execution_order() -> None:
    """A node that reads what no earlier node wrote is refused."""
    with pytest.raises(ModelError, match=r"^node 'a' reads 'b' before anything wrote it\.$"):
        _graph(_pointwise("a", "b"), _pointwise("b", "x"))


def test_outputs_exist() -> None:
    """An output that no node writes is refused."""
    with pytest.raises(ModelError, match=r"^graph output 'z' is written by no node\.$"):
        _graph(_pointwise("a", "x"), outputs=("z",))


def test_shape_errors_name_their_node() -> None:
    """An operator that does not fit its input is refused with the node's name."""
    wide = Conv2d(kernel_h=9, kernel_w=9, out_channels=1)

    with pytest.raises(ModelError, match=r"^node 'a': a window of 9 does not fit"):
        _graph(Node("a", wide, ("x",), "b"))


@pytest.mark.parametrize(
    ("op", "inputs", "message"),
    [
        (Add(), ("x", "n"), "add needs two tensors of one shape"),
        (Concat(axis=2), ("x", "s"), "concat inputs may differ on axis 2 only"),
        (Conv2d(kernel_h=1, kernel_w=1, out_channels=8, groups=3), ("x",), "groups must divide"),
        (Slice(start=(0, 0, 4), size=(4, 6, 5)), ("x",), "leaves"),
        (Reshape(shape=(1, 1, 7)), ("x",), "changes the element count"),
    ],
    ids=lambda value: getattr(value, "kind", None),
)
def test_operator_refuses_shapes_it_cannot_take(
    op: Op, inputs: tuple[str, ...], message: str
) -> None:
    """Each operator refuses inputs that break its rule."""
    given_shapes = {"x": (4, 6, 8), "n": (4, 6, 7), "s": (3, 6, 8)}

    with pytest.raises(ModelError, match=message):
        Graph("g", given_shapes, (Node("a", op, inputs, "b"),), ("a",))


@given(kernel=st.integers(1, 9), size=st.integers(9, 40), channels=EXTENTS)
def test_same_padding_keeps_the_size(kernel: int, size: int, channels: int) -> None:
    """At stride 1 the padding called same keeps height and width, for even kernels too."""
    op = Conv2d(kernel_h=kernel, kernel_w=kernel, out_channels=channels, pads=Pads.same(kernel))

    assert op.output_shape([(size, size + 1, 3)]) == (size, size + 1, channels)


@given(shape=SHAPES, groups=st.integers(1, 6), factor=st.integers(1, 6))
def test_groups_divide_macs(shape: tuple[int, int, int], groups: int, factor: int) -> None:
    """A convolution in g groups does a g-th of the multiply-accumulates."""
    h, w, c = shape
    inputs = [(h, w, c * groups)]
    dense, grouped = (
        Conv2d(kernel_h=1, kernel_w=1, out_channels=factor * groups, groups=g) for g in (1, groups)
    )

    assert dense.macs(inputs) == groups * grouped.macs(inputs)


@given(shapes=st.lists(EXTENTS, min_size=1, max_size=5))
def test_graph_adds_up_its_nodes(shapes: list[int]) -> None:
    """Multiply-accumulates and parameters of a graph are the sums over its nodes."""
    builder = GraphBuilder()
    tensor = builder.input("x", (2, 3, 4))
    channels = [4, *shapes]
    for index, out in enumerate(shapes):
        op = Conv2d(kernel_h=1, kernel_w=1, out_channels=out, activation=Activation.RELU)
        tensor = builder.add("b", f"n{index}", op, tensor)

    graph = builder.finish("g", [tensor])

    pairs = list(zip(channels, shapes, strict=False))
    assert graph.macs == sum(6 * c_in * c_out for c_in, c_out in pairs)
    assert graph.parameters == sum(c_in * c_out + c_out for c_in, c_out in pairs)
    assert graph.shapes[tensor] == (2, 3, shapes[-1])
