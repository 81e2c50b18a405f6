"""Block configurations drawn from a block type's axes, and their files.

A low-discrepancy sample is a scrambled Sobol sequence over the axes; with one seed a larger
sample begins with the smaller one.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hwprof.architecture import block_architecture, block_counts, block_graph
from hwprof.blocks import Axis, BlockConfig, BlockType, Value, get_block_type
from hwprof.documents import (
    as_config,
    as_list,
    as_number,
    as_object,
    as_text,
    config_document,
    load_object,
)
from hwprof.errors import ConfigurationError, StoreError, UnknownNameError
from hwprof.partition import architecture_metadata
from hwprof.profiler.plans import Draw, covering, stratified

MANIFEST = "manifest.json"
FORMAT_VERSION = 1

_FIRST_BATCH = 8  # log2 of the points drawn at first; then as many again, and again
_LAST_BATCH = 18
_HASH_DIGITS = 16

Points = npt.NDArray[np.float64]
Method = Callable[[BlockType, int], Iterator[BlockConfig]]
Plan = Callable[[Draw, int], Iterator[BlockConfig]]


def sample(
    block_type: str | BlockType, count: int, *, method: str = "low-discrepancy", seed: int = 0
) -> list[BlockConfig]:
    """Distinct configurations of a block type.

    Args:
        block_type: a registered name, or a block type of the user's own.
        count: how many.
        method: one of ``METHODS``.
        seed: 0 or more.

    Raises:
        UnknownNameError: no such block type or method.
        ConfigurationError: the axes hold fewer configurations.
    """
    kind = get_block_type(block_type) if isinstance(block_type, str) else block_type
    if method not in METHODS:
        raise UnknownNameError("sampling method", method, METHODS)
    if count < 1 or seed < 0:
        raise ConfigurationError(
            f"a sample has a count of at least 1 and a seed of at least 0; got {count} and {seed}."
        )
    found = list(islice(METHODS[method](kind, seed), count))
    if len(found) < count:
        raise ConfigurationError(
            f"a sample holds each configuration once; {1 << _LAST_BATCH} draws of {kind.name} "
            f"found {len(found)} of the {count} asked for; ask for at most {len(found)}."
        )
    return found


def _sobol(dimensions: int, seed: int) -> Iterator[Points]:
    from scipy.stats import qmc

    sequence = qmc.Sobol(dimensions, scramble=True, rng=np.random.default_rng(seed))
    for power in _batches():
        yield sequence.random_base2(power)


def _uniform(dimensions: int, seed: int) -> Iterator[Points]:
    generator = np.random.default_rng(seed)
    for power in _batches():
        yield generator.random((1 << power, dimensions))


def _batches() -> Iterator[int]:
    # The second batch is as large as the first, and each later one as all before it together:
    # Sobol points are balanced only in powers of two.
    yield _FIRST_BATCH
    yield from range(_FIRST_BATCH, _LAST_BATCH)


def _over_axes(draw: Callable[[int, int], Iterator[Points]]) -> Method:
    """The method that takes draws as they come."""
    return lambda kind, seed: _distinct(kind, draw(len(kind.axes()), seed))


def _over_work(plan: Plan) -> Method:
    """The method that chooses among Sobol draws by what they cost."""

    def drawn(kind: BlockType, seed: int) -> Iterator[BlockConfig]:
        found: list[BlockConfig] = []
        candidates = _distinct(kind, _sobol(len(kind.axes()), seed))

        def first(count: int) -> Sequence[BlockConfig]:
            found.extend(islice(candidates, max(count - len(found), 0)))
            return found[:count]

        return plan(first, seed)

    return drawn


def _distinct(kind: BlockType, batches: Iterator[Points]) -> Iterator[BlockConfig]:
    axes = kind.axes()
    found: set[BlockConfig] = set()
    for points in batches:
        for point in points:
            config = kind.config(_draw(axes, point))
            if config is not None and config not in found:
                found.add(config)
                yield config


METHODS: dict[str, Method] = {
    "low-discrepancy": _over_axes(_sobol),
    "random": _over_axes(_uniform),
    "covering": _over_work(covering),
    "stratified": _over_work(stratified),
}


def _draw(axes: Sequence[Axis], point: Points) -> dict[str, Value]:
    """One value of each axis, from one number in [0, 1) each."""
    return {axis.name: _value(axis, float(u)) for axis, u in zip(axes, point, strict=True)}


def _value(axis: Axis, u: float) -> Value:
    values = axis.values
    if not axis.log:
        return values[int(u * len(values))]
    # Each value owns the stretch up to the next one; the last, a stretch as long as the one before.
    numbers = [int(value) for value in (values[0], values[-2], values[-1])]
    low, high = math.log(numbers[0]), math.log(2 * numbers[2] - numbers[1])
    return values[bisect_right(values, math.exp(low + u * (high - low)) * (1 + 1e-12)) - 1]


@dataclass(frozen=True, slots=True)
class SampleFile:
    """One sampled block on disk.

    Attributes:
        file: name of the ONNX file beside the manifest.
        sha256: hash of the file's bytes.
    """

    file: str
    config: BlockConfig
    sha256: str
    macs: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What was sampled into a folder (docs/FORMATS.md, "Sample manifest")."""

    seed: int
    method: str
    entries: tuple[SampleFile, ...]


def write_samples(
    configs: Sequence[BlockConfig], folder: Path, *, seed: int, method: str
) -> Manifest:
    """Write an ONNX file for each configuration, and the manifest last.

    A configuration always becomes the same bytes, whatever the seed that drew it, so writing
    again changes nothing and rows measured before are found again. Files that an older manifest
    of the folder lists and the new one does not are removed.

    Args:
        configs: distinct configurations.
        folder: made if it is missing.
        seed: recorded, with ``method``, as where the sample came from.
        method: see ``seed``.

    Raises:
        ConfigurationError: the folder cannot be written.
    """
    before = _listed(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        manifest = Manifest(seed, method, tuple(_write(config, folder) for config in configs))
        _replace(folder / MANIFEST, json.dumps(_document(manifest), indent=1).encode())
        for file in before - {entry.file for entry in manifest.entries}:
            (folder / file).unlink(missing_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"samples need a folder that can be written; {str(folder)!r}: {error.strerror}."
        ) from error
    return manifest


def _listed(folder: Path) -> set[str]:
    try:
        return {entry.file for entry in read_manifest(folder / MANIFEST).entries}
    except StoreError:
        return set()


def _write(config: BlockConfig, folder: Path) -> SampleFile:
    from hwprof.onnx_io.writer import write_onnx

    digest = hashlib.sha256(config.key.encode()).hexdigest()[:_HASH_DIGITS]
    path = folder / f"{config.block_type}-{digest}.onnx"
    metadata = architecture_metadata(block_architecture(config))
    write_onnx(block_graph(config), path, metadata=metadata)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return SampleFile(path.name, config, sha256, block_counts(config).macs)


def _replace(path: Path, data: bytes) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    partial.write_bytes(data)
    partial.replace(path)


def _document(manifest: Manifest) -> dict[str, object]:
    return {
        "format_version": FORMAT_VERSION,
        "seed": manifest.seed,
        "method": manifest.method,
        "entries": [
            {
                "file": entry.file,
                "key": entry.config.key,
                "config": config_document(entry.config),
                "sha256": entry.sha256,
                "macs": entry.macs,
            }
            for entry in manifest.entries
        ],
    }


def read_manifest(path: Path) -> Manifest:
    """What ``write_samples`` wrote.

    Raises:
        StoreError: the file is missing or not what hwprof writes.
    """
    try:
        document = load_object(path.read_text("utf-8"), FORMAT_VERSION)
        return Manifest(
            as_number(document.get("seed")),
            as_text(document.get("method")),
            tuple(_entry(as_object(entry)) for entry in as_list(document.get("entries"))),
        )
    except (OSError, ValueError) as error:
        raise StoreError(
            f"a sample manifest is written by 'hwprof sample'; {str(path)!r} cannot be used "
            f"({error}); sample again."
        ) from error


def _entry(document: dict[str, Any]) -> SampleFile:
    file = as_text(document.get("file"))
    if Path(file).name != file:
        raise ValueError(f"file names have no folder, unlike {file!r}")
    return SampleFile(
        file,
        as_config(document.get("config")),
        as_text(document.get("sha256")),
        as_number(document.get("macs")),
    )
