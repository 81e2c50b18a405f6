"""Networks by input size, and the size that holds the densest set of large ones.

MCUNet chooses among spaces, one for each resolution and width, by the MACs of random networks
that fit: the space whose cumulative distribution lies farthest to the right holds the best ones
(Lin et al., "MCUNet: Tiny Deep Learning on IoT Devices", NeurIPS 2020, section 3.1). Here a space
is divided by input size. That reading favours sizes of which hardly anything fits, because what
fits there is all near the limit; so sizes are also compared by the share of their networks that
both fit and are large.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from hwprof.workflows.space_shape._candidates import Candidates, FloatArray
from hwprof.workflows.space_shape._effects import Factor
from hwprof.workflows.space_shape._values import Cells, Choice, InputSize, Quantiles

LARGE = 0.8
"""Networks of more MACs than this share of those within the limits are large."""
FEWEST = 20
"""Networks that an input size needs for its shares, or its distribution, to mean anything."""
DECIMALS = 2
"""Of a percentage, and of millions of MACs: sizes that print the same are called equal."""

_DECILES = np.linspace(0, 1, 11)
_MILLION = 1e6


def quantiles(values: FloatArray) -> Quantiles:
    """Deciles and mean of at least one value."""
    return Quantiles(tuple(np.quantile(values, _DECILES).tolist()), float(values.mean()))


def large_mmacs(candidates: Candidates, meeting: npt.NDArray[np.bool_]) -> float:
    """Millions of MACs from which a network is large."""
    return float(np.quantile(candidates.macs[meeting], LARGE)) / _MILLION


def by_input_size(
    candidates: Candidates,
    meeting: npt.NDArray[np.bool_],
    large: float,
    factor: Factor | None = None,
) -> Iterator[InputSize]:
    """Each input size by its pixels, then its width.

    Args:
        meeting: whether each network is within the limits, (n,).
        large: millions of MACs from which one is large.
        factor: divides each size by its values.
    """
    values: tuple[float | str | None, ...] = (None,) if factor is None else factor.values
    last = np.zeros(len(candidates), np.int64) if factor is None else factor.codes
    keys, codes = np.unique(np.column_stack([candidates.sizes, last]), axis=0, return_inverse=True)
    codes = codes.ravel()
    order = np.lexsort((keys[:, 2], keys[:, 1], keys[:, :2].prod(axis=1)))
    ends = np.cumsum(np.bincount(codes))[:-1]
    members = np.split(np.argsort(codes, kind="stable"), ends)
    latency_ms, mmacs = candidates.latency_us / 1000, candidates.macs / _MILLION
    for number in order.tolist():
        rows = members[number]
        within = mmacs[rows[meeting[rows]]]
        height, width, value = keys[number].tolist()
        yield InputSize(
            height=height,
            width=width,
            architectures=len(rows),
            meeting=len(within),
            large=int((within >= large).sum()),
            latency_ms=quantiles(latency_ms[rows]),
            mmacs=quantiles(within) if len(within) else None,
            mmacs_80=float(np.quantile(within, LARGE)) if len(within) else None,
            value=values[value],
        )


def choose(sizes: Sequence[InputSize]) -> Choice:
    """The sizes that suggest themselves; at least one has a network within the limits."""
    (densest, *as_dense), (farthest, *as_far) = _best(sizes)
    return Choice(
        _pixels(densest),
        _pixels(farthest),
        as_dense=tuple(map(_pixels, as_dense)),
        as_far=tuple(map(_pixels, as_far)),
    )


def divided(parameter: str, cells: Sequence[InputSize]) -> Cells:
    """The same among cells."""
    (densest, *as_dense), (farthest, *as_far) = _best(cells)
    return Cells(parameter, tuple(cells), densest, farthest, tuple(as_dense), tuple(as_far))


def _best(sizes: Sequence[InputSize]) -> tuple[list[InputSize], list[InputSize]]:
    """The densest ones, and those with the farthest distribution of MACs."""
    dense = [size for size in sizes if size.architectures >= FEWEST and size.large] or sizes
    far = [size for size in sizes if size.meeting >= FEWEST] or sizes
    return _tied(dense, lambda size: 100 * size.share_large), _tied(far, _mmacs_80)


def _tied(sizes: Sequence[InputSize], value: Callable[[InputSize], float]) -> list[InputSize]:
    """The size of the largest value, and behind it those that are printed with the same."""
    ordered = sorted(sizes, key=lambda size: (value(size), _mmacs_80(size)), reverse=True)
    printed = [round(value(size), DECIMALS) for size in ordered]
    return [size for size, one in zip(ordered, printed, strict=True) if one == printed[0]]


def _mmacs_80(size: InputSize) -> float:
    return size.mmacs_80 or 0.0


def _pixels(size: InputSize) -> tuple[int, int]:
    return size.height, size.width
