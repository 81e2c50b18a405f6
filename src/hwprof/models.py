"""What a user may call a model: a file, or a named architecture with parameters."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hwprof.architecture import Architecture
    from hwprof.graph import Graph


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
        ModelError: the file is missing or broken.
        ConfigurationError: the file is of a kind that hwprof does not read.
        UnknownNameError: no architecture has that name or parameter.
    """
    from hwprof.networks import parse_architecture
    from hwprof.onnx_io import load_model
    from hwprof.partition import partition

    path = Path(text)
    if path.exists() or _names_a_file(path):
        model = load_model(path)
        return Model(path.name, partition(model.graph, model.metadata), model.graph)
    architecture = parse_architecture(text)
    return Model(text, architecture, architecture.graph(seed=seed))


def _names_a_file(path: Path) -> bool:
    """Whether somebody who wrote this meant a file: ``model.onnx``, not ``aspect=0.8``."""
    return path.suffix[1:].isalpha()
