"""What a user may call a model: a file, or a named architecture with parameters."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from hwprof.errors import ConfigurationError

if TYPE_CHECKING:
    from hwprof.architecture import Architecture
    from hwprof.graph import Graph
    from hwprof.onnx_io import OnnxModel
    from hwprof.templates import TemplateBlock
    from hwprof.tflite_io import TfliteModel


@dataclass(frozen=True, slots=True)
class Model:
    """A model by the name its user gave it, as blocks and as operators.

    Attributes:
        notes: where what runs differs from what the file says, a sentence each.
    """

    name: str
    architecture: Architecture
    graph: Graph
    notes: tuple[str, ...] = ()


def resolve_model(text: str, *, seed: int = 0, templates: Sequence[TemplateBlock] = ()) -> Model:
    """Read ``model.onnx``, ``model.tflite`` or ``person-detector:k=5,g=1,c=96,aspect=0.8``.

    Args:
        seed: where the weights of a named architecture come from.
        templates: block types of the user's own that a file is searched for.

    Raises:
        ModelError: the file is missing or broken.
        ConfigurationError: the file is of a kind that hwprof does not read.
        UnknownNameError: no architecture has that name or parameter.
    """
    from hwprof.networks import parse_architecture
    from hwprof.partition import partition

    path = Path(text)
    if path.exists() or _names_a_file(path):
        model = load_model(path)
        architecture = partition(model.graph, model.metadata, templates)
        return Model(path.name, architecture, model.graph, model.notes)
    architecture = parse_architecture(text)
    return Model(text, architecture, architecture.graph(seed=seed))


def _names_a_file(path: Path) -> bool:
    """Whether somebody who wrote this meant a file: ``model.onnx``, not ``aspect=0.8``."""
    return path.suffix[1:].isalpha()


def load_model(path: str | os.PathLike[str]) -> OnnxModel | TfliteModel:
    """Read a model file by its suffix.

    Raises:
        ModelError: the file cannot be read as a model.
        ConfigurationError: hwprof reads no files of that suffix.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in _READERS:
        raise ConfigurationError(
            f"a model file ends in {' or '.join(_READERS)}; got {os.fspath(path)!r}; export it as "
            "ONNX, or as int8 TFLite."
        )
    return _READERS[suffix](path)


def _read_onnx(path: str | os.PathLike[str]) -> OnnxModel:
    from hwprof.onnx_io import read_onnx

    return read_onnx(path)


def _read_tflite(path: str | os.PathLike[str]) -> TfliteModel:
    from hwprof.tflite_io import read_tflite

    return read_tflite(path)


_Reader = Callable[[str | os.PathLike[str]], "OnnxModel | TfliteModel"]
_READERS: Mapping[str, _Reader] = MappingProxyType({".onnx": _read_onnx, ".tflite": _read_tflite})
