"""Networks as rows of a table: what a space has to offer so that a million are priced at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

from hwprof.architecture import SharedBlocks
from hwprof.errors import ConfigurationError

if TYPE_CHECKING:
    import pandas as pd

Columns: TypeAlias = Mapping[str, npt.NDArray[Any]]
Table: TypeAlias = "pd.DataFrame | npt.NDArray[Any] | Mapping[str, npt.ArrayLike]"


@runtime_checkable
class TabularSpace(Protocol):
    """A space of networks that a table of parameters names, ``search.spaces`` has some."""

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the columns that tell its networks apart."""

    def blocks_of(self, columns: Columns) -> Sequence[SharedBlocks]:
        """The blocks of the network of each row, in parts that stand one behind the other.

        Args:
            columns: an array (n,) for each of ``parameters``.

        Raises:
            ConfigurationError: a row is no network of the space.
        """


def columns_of(space: TabularSpace, table: Table) -> dict[str, npt.NDArray[Any]]:
    """The columns that a space asks for, as arrays of one length.

    Args:
        table: a DataFrame, a structured array, or arrays by name; other columns are ignored.

    Raises:
        ConfigurationError: a column is missing, or they are not of one length.
    """
    names = _names(table)
    missing = [name for name in space.parameters if name not in names]
    if missing:
        raise ConfigurationError(
            f"a table of networks has the columns {', '.join(space.parameters)}; "
            f"{', '.join(missing)} is missing; got {', '.join(map(str, names)) or 'none'}."
        )
    columns = {name: np.asarray(table[name]) for name in space.parameters}
    shapes = {name: column.shape for name, column in columns.items()}
    if len(set(shapes.values())) > 1 or any(len(shape) != 1 for shape in shapes.values()):
        raise ConfigurationError(
            f"columns of a table are one-dimensional and of one length; got the shapes {shapes}."
        )
    return columns


def _names(table: Any) -> Sequence[object]:
    if isinstance(table, Mapping):
        return list(table)
    columns = getattr(table, "columns", None)
    if columns is not None:
        return list(columns)
    return getattr(getattr(table, "dtype", None), "names", None) or ()
