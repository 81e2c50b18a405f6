"""Weights that FastestDet's authors published, put where our graph has them.

Names on the left are those of the state dictionary (github.com/dog-qiuqiu/FastestDet, commit
50473cd, BSD-3); convolution and batch normalisation are two entries of one sequence there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hwprof.errors import ConfigurationError, StoreError
from hwprof.search.training.module import GraphModule

FASTESTDET_SIDE = 352
"""Pixels of the square that the published weights were trained on."""

_MOST_BYTES = 1 << 30
_MAIN = {"main_pw1": 0, "main_dw": 3, "main_pw2": 5}  # position of the convolution
_SIDE = {"side_dw": 0, "side_pw": 2}
_HEAD = {
    "spp/in": ("SPP.Conv1x1.conv1x1", 0),
    "spp/out": ("SPP.output", 0),
    "dethead/shared": ("detect_head.conv1x1.conv1x1", 0),
    **{
        f"spp/chain{chain}_dw{depth}": (f"SPP.S{chain}", 3 * (depth - 1))
        for chain in (1, 2, 3)
        for depth in range(1, chain + 1)
    },
    **{
        f"dethead/{branch}_{part}": (f"detect_head.{branch}_layers.conv5x5", position)
        for branch in ("obj", "reg", "cls")
        for part, position in (("dw", 0), ("pw", 3))
    },
}


def read_state(path: str | os.PathLike[str]) -> dict[str, Any]:
    """A file of tensors and plain values, read without running anything in it.

    Raises:
        ConfigurationError: it cannot be opened, is too large, or holds more than tensors.
    """
    source = Path(path)
    try:
        if source.stat().st_size > _MOST_BYTES:
            raise ConfigurationError(
                f"a file of weights has at most {_MOST_BYTES:,} bytes; {str(source)!r} has "
                f"{source.stat().st_size:,}; store weights alone, without an optimiser."
            )
        state: dict[str, Any] = torch.load(source, map_location="cpu", weights_only=True)
    except ConfigurationError:
        raise
    except Exception as error:  # torch raises what zipfile and its unpickler raise
        # Of its own words only what the system says: torch advises to read without care.
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise ConfigurationError(
            f"weights are read from a PyTorch file of tensors; {str(source)!r} is none "
            f"({reason}); check the path."
        ) from error
    if not isinstance(state, dict):
        raise ConfigurationError(
            f"a file of weights holds tensors by name; {str(source)!r} holds a "
            f"{type(state).__name__}; save the model's state_dict()."
        )
    return state


def read_kept(path: Path) -> dict[str, Any]:
    """What a training wrote into its own folder.

    Raises:
        StoreError: it is not there, or not as it was written.
    """
    try:
        return read_state(path)
    except ConfigurationError as error:
        raise StoreError(
            f"files of a training are as it wrote them; {str(path)!r} is missing or broken; "
            "delete its folder to train anew."
        ) from error


def is_fastestdet(state: Mapping[str, Tensor]) -> bool:
    """Whether a state has the names of FastestDet's authors; ours are those of a graph's nodes."""
    return "backbone.first_conv.0.weight" in state


def load_fastestdet(module: GraphModule, state: Mapping[str, Tensor], person: int = 0) -> None:
    """Give a detector at the seed's head the published weights.

    Args:
        module: any part of ``fastestdet(k=5, g=1, c=96)``, at any input size.
        state: of ``read_state``.
        person: the class whose row is kept where the module has one class.

    Raises:
        ConfigurationError: a tensor is missing or of another shape.
    """
    for node, unit in module.named_units():
        prefix, position = _source(node)
        target = unit.state_dict()
        for name, key in _pairs(prefix, position):
            if key not in state:
                raise ConfigurationError(
                    f"these weights lack {key!r}, which {node!r} takes; use a state dictionary of "
                    "FastestDet with 5x5 head, one group and 96 channels."
                )
            tensor = state[key]
            wanted = target[name].shape
            if node == "dethead/cls_pw" and tensor.dim() and len(tensor) != wanted[0] == 1:
                tensor = tensor[person : person + 1]
            if tensor.shape != wanted:
                raise ConfigurationError(
                    f"{node!r} takes {tuple(wanted)}; {key!r} is {tuple(tensor.shape)}; use the "
                    "seed's head, or inherit weights."
                )
            target[name] = tensor
        unit.load_state_dict(target)


def _pairs(prefix: str, position: int) -> Iterator[tuple[str, str]]:
    yield "conv.weight", f"{prefix}.{position}.weight"
    for part in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
        yield f"norm.{part}", f"{prefix}.{position + 1}.{part}"


def _source(node: str) -> tuple[str, int]:
    """Sequence and position of a node's convolution in the published state."""
    if node in _HEAD:
        return _HEAD[node]
    block, _, part = node.partition("/")
    if part in _MAIN:
        return f"backbone.{block}.branch_main", _MAIN[part]
    if part in _SIDE:
        return f"backbone.{block}.branch_proj", _SIDE[part]
    return "backbone.first_conv", 0
