"""What a block type is: its parameters, how it builds a graph, and where it is sampled.

A block type lives in one file of this folder and is registered by listing it in
``hwprof.blocks.BLOCK_TYPES``; nothing else in the code base asks which block it has in hand.
"""

from __future__ import annotations

import abc
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from hwprof.errors import ModelError
from hwprof.graph import Graph, Node, Op, Shape

Value = int | str


@dataclass(frozen=True, slots=True)
class BlockConfig:
    """One configuration of a block type; hashable, and printed as its key.

    Attributes:
        params: sorted (name, value) pairs.
        inputs: shape (h, w, c) of each input tensor.
        kind: the block type itself where no name stands for it, because a user made it.
    """

    block_type: str
    params: tuple[tuple[str, Value], ...]
    inputs: tuple[Shape, ...]
    kind: BlockType | None = field(default=None, repr=False)
    # Predicting ten thousand networks looks up each block many times: hash once.
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash((self.block_type, self.params, self.inputs)))

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[type[BlockConfig], tuple[object, ...]]:
        # Hashes of text differ between processes, so a pickle must not carry one.
        return BlockConfig, (self.block_type, self.params, self.inputs, self.kind)

    @classmethod
    def of(cls, block_type: str, inputs: Sequence[Shape], **params: Value) -> BlockConfig:
        """A configuration with its parameters in canonical order."""
        return cls(block_type, tuple(sorted(params.items())), tuple(inputs))

    @property
    def key(self) -> str:
        """Identity in stores and tables: ``shufflev2(c_out=48,stride=1)[32x40x48]``."""
        params = ",".join(f"{name}={value}" for name, value in self.params)
        shapes = ",".join("x".join(map(str, shape)) for shape in self.inputs)
        return f"{self.block_type}({params})[{shapes}]"

    @property
    def values(self) -> dict[str, Value]:
        """Parameters as a dictionary."""
        return dict(self.params)

    def integer(self, name: str, minimum: int = 1) -> int:
        """A parameter that is a whole number.

        Raises:
            ModelError: it is missing, no integer, or below ``minimum``.
        """
        value = self.values.get(name)
        if not isinstance(value, int) or value < minimum:
            raise ModelError(
                f"block type {self.block_type!r} needs an integer {name} of at least {minimum}; "
                f"got {value!r}."
            )
        return value

    def text(self, name: str) -> str:
        """A parameter that is a word.

        Raises:
            ModelError: it is missing or no text.
        """
        value = self.values.get(name)
        if not isinstance(value, str):
            raise ModelError(
                f"block type {self.block_type!r} needs a word as {name}; got {value!r}."
            )
        return value


class GraphBuilder:
    """Collects the nodes of one or more blocks; tensor names are prefixed by the block's name."""

    def __init__(self) -> None:
        self._inputs: dict[str, Shape] = {}
        self._nodes: list[Node] = []
        self._shapes: dict[str, Shape] = {}
        self._names: deque[str] = deque()

    def input(self, name: str, shape: Shape) -> str:
        """Declare a graph input and return its tensor name."""
        self._inputs[name] = self._shapes[name] = shape
        return name

    def add(self, block: str, name: str, op: Op, *inputs: str) -> str:
        """Append a node ``block/name`` and return its output tensor's name."""
        own = f"{block}/{name}" if block else name
        tensor = self._names.popleft() if self._names else own
        self._nodes.append(Node(tensor, op, inputs, block))
        self._shapes[tensor] = op.output_shape([self._shapes[i] for i in inputs])
        return tensor

    @property
    def nodes(self) -> Sequence[Node]:
        """Nodes added so far, in order."""
        return self._nodes

    @property
    def shapes(self) -> Mapping[str, Shape]:
        """Shape (h, w, c) of every tensor so far, by name."""
        return self._shapes

    @contextmanager
    def named(self, names: Sequence[str]) -> Iterator[None]:
        """Call the nodes added meanwhile by these names; by their own if there are none.

        Raises:
            ModelError: there are more or fewer nodes than names.
        """
        first = len(self._nodes)
        self._names.extend(names)
        yield
        self._names.clear()
        count = len(self._nodes) - first
        if names and count != len(names):
            raise ModelError(f"a block of {count} nodes got names for {len(names)}.")

    def shape(self, tensor: str) -> Shape:
        """Shape (h, w, c) of a tensor added before."""
        return self._shapes[tensor]

    def finish(self, name: str, outputs: Sequence[str], seed: int = 0) -> Graph:
        """The finished graph."""
        return Graph(name, self._inputs, tuple(self._nodes), tuple(outputs), seed=seed)


@dataclass(frozen=True, slots=True)
class Axis:
    """One dimension of a sampling range.

    Attributes:
        values: in ascending order where they are numbers; drawn by index.
        log: draw numbers evenly over their logarithms instead, for extents and channels.
    """

    name: str
    values: tuple[Value, ...]
    log: bool = False


class BlockType(abc.ABC):
    """A kind of block. Implementations hold no state.

    A sampler draws one value for each axis, calls ``config`` and skips draws for which that
    returns None (combinations that do not exist).
    """

    name: str
    arity: range = range(1, 2)  # how many inputs a block of this type may have

    @abc.abstractmethod
    def axes(self) -> tuple[Axis, ...]:
        """Sampling range; it covers the shipped networks at every legal input size."""

    @abc.abstractmethod
    def config(self, values: Mapping[str, Value]) -> BlockConfig | None:
        """The configuration of one draw, or None where the combination does not exist."""

    @abc.abstractmethod
    def build(
        self, builder: GraphBuilder, block: str, config: BlockConfig, inputs: Sequence[str]
    ) -> str:
        """Append the block's nodes and return its output tensor.

        Raises:
            ModelError: the parameters do not fit the input shapes.
        """
