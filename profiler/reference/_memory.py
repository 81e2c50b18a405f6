"""The memory of the host's reference: an array for each tensor, constants and weights by place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hwprof.pool import pool_slice
from hwprof.profiler.program import Buffer, Region

Int8 = npt.NDArray[np.int8]
Int32 = npt.NDArray[np.int32]


class Written(NamedTuple):
    """How many elements a kernel rescaled, and how many of them an int8 rail cut off."""

    rescaled: int = 0
    saturated: int = 0


@dataclass(slots=True)
class Memory:
    """Everything a kernel reads and writes.

    Attributes:
        weights_image: the WEIGHTS region.
        constants: bytes of each constant by its offset.
    """

    weights_image: bytes
    constants: dict[int, bytes] = field(default_factory=dict)
    _tensors: dict[str, Int8] = field(default_factory=dict)
    _unwritten: dict[str, npt.NDArray[np.bool_]] = field(default_factory=dict)

    def tensor(self, buffer: Buffer) -> Int8:
        """A tensor in its buffer's shape (h, w, c); a view, so that writes stay.

        Tensors are kept by name: a reshaped view has the name of what it views.
        """
        data = self._tensors.get(buffer.name)
        if data is None:
            data = self._tensors[buffer.name] = np.zeros(buffer.size_bytes, np.int8)
            self._unwritten[buffer.name] = np.ones(buffer.size_bytes, np.bool_)
        return data.reshape(buffer.shape)

    def write(self, buffer: Buffer, values: npt.ArrayLike) -> None:
        """Replace a whole tensor."""
        self.tensor(buffer)[...] = np.asarray(values, np.int8).reshape(buffer.shape)
        self._unwritten.pop(buffer.name, None)

    def write_box(self, buffer: Buffer, box: tuple[slice, slice, slice], values: Int8) -> None:
        """Replace a box of a tensor."""
        self.tensor(buffer)[box] = values
        unwritten = self._unwritten.get(buffer.name)
        if unwritten is None:
            return
        unwritten.reshape(buffer.shape)[box] = False
        if not unwritten.any():
            del self._unwritten[buffer.name]

    def is_complete(self, buffer: Buffer) -> bool:
        """Whether every element of a tensor has been written."""
        return buffer.name in self._tensors and buffer.name not in self._unwritten

    def bytes_of(self, buffer: Buffer) -> Int8:
        """Weights or a table as int8, shape (size_bytes,)."""
        if buffer.region is Region.POOL:
            return pool_slice(buffer.offset_bytes, buffer.size_bytes)
        if buffer.region is Region.CONSTANTS:
            return np.frombuffer(self.constants[buffer.offset_bytes], np.int8)
        return np.frombuffer(self.weights_image, np.int8, buffer.size_bytes, buffer.offset_bytes)

    def words_of(self, buffer: Buffer) -> Int32:
        """A constant as int32 words."""
        return np.frombuffer(self.bytes_of(buffer).tobytes(), "<i4")
