"""What a TFLite file holds, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class TfliteTensor:
    """One tensor of the file.

    Attributes:
        dims: as stored, the batch included.
        type: name in the schema, ``INT8``.
        scales, zero_points: empty without quantisation; one, or one for each element of ``axis``.
        data: of a constant; None for what is computed.
        is_sparse: whether the constant is stored compressed.
    """

    name: str
    dims: tuple[int, ...]
    type: str
    scales: npt.NDArray[np.float32]
    zero_points: npt.NDArray[np.int64]
    axis: int
    data: Array | None
    is_sparse: bool


@dataclass(frozen=True, slots=True, eq=False)
class TfliteOperator:
    """One operator of the file.

    Attributes:
        code: name in the schema, ``CONV_2D``; ``CUSTOM <name>`` for what is not in it.
        position: in execution order.
        inputs: numbers of tensors; -1 where an optional one is left out.
        outputs: numbers of tensors, at least one.
        options: numbers by their name in the schema's class of options.
    """

    code: str
    position: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, float]

    @property
    def label(self) -> str:
        """What the operator is called in the Graph and in messages."""
        return f"{self.code}_{self.position}"


@dataclass(frozen=True, slots=True, eq=False)
class TfliteFile:
    """The content of a file with one subgraph."""

    tensors: tuple[TfliteTensor, ...]
    operators: tuple[TfliteOperator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
