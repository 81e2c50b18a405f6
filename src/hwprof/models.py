"""What a user may call a model: a file, or a named architecture with parameters."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hwprof.errors import ModelError

if TYPE_CHECKING:
    from hwprof.architecture import Architecture
    from hwprof.graph import Graph

MODEL_SUFFIXES = (".onnx",)


@dataclass(frozen=True, slots=True)
class Model:
    """A model by the name its user gave it, as blocks and as operators."""

    name: str
    architecture: Architecture
    graph: Graph


def resolve_model(text: str, *, seed: int = 0) -> Model:
    """Read ``path/to/model.onnx`` or ``person-detector:k=5,g=1,c=96,width=320,aspect=0.8``.

    Args:
        seed: where the weights of a named architecture come from.

    Raises:
        ModelError: the file is missing, broken, or of a kind that hwprof does not read.
        UnknownNameError: no architecture has that name or parameter.
    """
    from hwprof.networks import parse_architecture
    from hwprof.onnx_io import read_onnx
    from hwprof.partition import partition

    path = Path(text)
    if path.suffix in MODEL_SUFFIXES or path.is_file():
        if path.suffix not in MODEL_SUFFIXES:
            raise ModelError(
                f"a model file ends in {' or '.join(MODEL_SUFFIXES)}; got {text!r}; "
                "export it as ONNX."
            )
        model = read_onnx(path)
        return Model(path.name, partition(model.graph, model.metadata), model.graph)
    architecture = parse_architecture(text)
    return Model(text, architecture, architecture.graph(seed=seed))
