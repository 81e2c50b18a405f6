"""Artefacts from files: nothing in them is code, and whatever is wrong is one sentence."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from hwprof.documents import as_context, as_list, as_text, is_unbroken
from hwprof.errors import ArtefactError
from hwprof.measurement import Context
from hwprof.surrogates.artefact._layout import (
    ARRAYS_FILE,
    DTYPES,
    FORMAT,
    FORMAT_VERSION,
    HEAD_FILE,
    MAX_ARRAYS_BYTES,
    MAX_HEAD_BYTES,
    READABLE_VERSIONS,
)
from hwprof.surrogates.artefact._model import (
    Artefact,
    FittedModel,
    NetworkCorrection,
    Provenance,
    Stamp,
)
from hwprof.surrogates.features import FEATURE_VERSION, FEATURES
from hwprof.surrogates.regressors import REGRESSOR_TYPES, Arrays, PhysicalPrior
from hwprof.templates import TemplateBlock, read_template

_MAX_DIMENSIONS = 2


def read_context(own: Path) -> Context:
    """Context of the artefact in a folder, read without its arrays.

    Raises:
        ArtefactError: the folder holds no artefact that this hwprof reads.
    """
    return _context(own, _read_head(own))


def load_artefact(own: Path, code_sha256: str | None = None) -> Artefact:
    """The artefact in a folder.

    Args:
        own: the artefact's own folder.
        code_sha256: hash of the installed code, or None where nothing is installed to compare.

    Raises:
        ArtefactError: it is broken, of another version, or stamped for other code.
    """
    head = _read_head(own)
    _check_seal(own, head)
    with _translated(own):
        stamp = Stamp(**head["stamp"])
        _check_stamp(own, stamp, code_sha256)
        if head["features"] != [term.name for term in FEATURES]:
            raise ArtefactError(f"{own} was fitted on other features; {_AGAIN}")
        data = _read_arrays(own, head["arrays"])
        prior = _model(head["prior"], data)
        if not isinstance(prior.regressor, PhysicalPrior):
            raise ArtefactError(f"the prior of {own} is no physical prior; {_AGAIN}")
        return Artefact(
            context=_context(own, head),
            stamp=stamp,
            interval_level=_level(head["interval_level"]),
            prior=prior,
            macs=_model(head["macs"], data) if head["macs"] else None,
            types={as_text(kind): _model(entry, data) for kind, entry in head["types"].items()},
            correction=_correction(head),
            provenance=Provenance(**head["provenance"]),
            templates=_templates(head),
        )


_AGAIN = "run 'hwprof fit' again."


@contextmanager
def _translated(own: Path) -> Iterator[None]:
    """Whatever a malformed file makes Python raise becomes one sentence."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ArtefactError(f"{own} is no artefact of hwprof ({error}); {_AGAIN}") from error


def _read_head(own: Path) -> dict[str, Any]:
    data = _read_bounded(own / HEAD_FILE, MAX_HEAD_BYTES)
    try:
        head = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ArtefactError(f"{own / HEAD_FILE} is no JSON ({error}); {_AGAIN}") from error
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise ArtefactError(f"{own / HEAD_FILE} is no surrogate of hwprof; {_AGAIN}")
    version = head.get("version")
    if version not in READABLE_VERSIONS:
        is_newer = isinstance(version, int) and version > FORMAT_VERSION
        way_out = "install the hwprof that wrote it, or use another --workspace."
        raise ArtefactError(
            f"{own} has artefact format {version!r}, this hwprof reads "
            f"{' and '.join(map(str, READABLE_VERSIONS))}; {way_out if is_newer else _AGAIN}"
        )
    return head


def _check_seal(own: Path, head: Mapping[str, Any]) -> None:
    if not is_unbroken(head):
        raise ArtefactError(f"{own / HEAD_FILE} was changed after it was written; {_AGAIN}")


def _level(value: Any) -> float:
    level = float(value)
    if not 0 < level < 1:
        raise ValueError(f"interval_level lies between 0 and 1, not at {level}")
    return level


def _read_bounded(path: Path, limit_bytes: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(limit_bytes + 1)
    except OSError as error:
        raise ArtefactError(f"no artefact at {path.parent} ({error.strerror}); {_AGAIN}") from error
    if len(data) > limit_bytes:
        raise ArtefactError(f"{path} is larger than {limit_bytes} bytes, no artefact is; {_AGAIN}")
    return data


def _read_arrays(own: Path, expected: Mapping[str, Any]) -> bytes:
    data = _read_bounded(own / ARRAYS_FILE, MAX_ARRAYS_BYTES)
    if hashlib.sha256(data).hexdigest() != expected["sha256"]:
        raise ArtefactError(f"{own / ARRAYS_FILE} does not belong to its {HEAD_FILE}; {_AGAIN}")
    return data


def _templates(head: Mapping[str, Any]) -> dict[str, TemplateBlock]:
    read = [read_template(entry) for entry in as_list(head.get("block_types", []))]
    return {template.name: template for template in read}


def _context(own: Path, head: Mapping[str, Any]) -> Context:
    with _translated(own):
        return as_context(head["context"])


def _check_stamp(own: Path, stamp: Stamp, code_sha256: str | None) -> None:
    if stamp.feature_version != FEATURE_VERSION:
        raise ArtefactError(
            f"{own} was fitted on features of version {stamp.feature_version}, this hwprof counts "
            f"version {FEATURE_VERSION}; {_AGAIN}"
        )
    if code_sha256 is not None and stamp.code_sha256 != code_sha256:
        raise ArtefactError(
            f"{own} was fitted for other kernels or another machine model "
            f"({stamp.code_sha256[:12]} instead of {code_sha256[:12]}); run 'hwprof profile' and "
            "'hwprof fit' again."
        )


def _correction(head: Mapping[str, Any]) -> NetworkCorrection:
    entry = dict(head["correction"])
    if head["version"] == 1:
        # Format 1 had a ratio and a width to add; none that was fitted ever shipped.
        entry.pop("log_ratio")
    return NetworkCorrection(**entry)


def _model(entry: Mapping[str, Any], data: bytes) -> FittedModel:
    kind = REGRESSOR_TYPES.get(entry["model"])
    if kind is None:
        raise ArtefactError(f"no regressor is called {entry['model']!r}; {_AGAIN}")
    arrays: Arrays = {str(name): _array(spec, data) for name, spec in entry["arrays"].items()}
    log_ratio = float(entry["log_ratio"])
    if not 0 <= log_ratio < np.inf:
        raise ArtefactError(f"an interval's log ratio is finite and not negative; got {log_ratio}.")
    return FittedModel(kind.from_arrays(arrays, len(FEATURES)), log_ratio, int(entry["n"]))


def _array(spec: Mapping[str, Any], data: bytes) -> np.ndarray[Any, Any]:
    shape = [int(extent) for extent in spec["shape"]]
    if len(shape) > _MAX_DIMENSIONS or min(shape, default=0) < 0:
        raise ArtefactError(f"a stored array has up to two dimensions; got {shape}; {_AGAIN}")
    count = int(np.prod(shape, dtype=object))
    array = np.frombuffer(data, DTYPES[spec["dtype"]], count, int(spec["offset_bytes"]))
    return array.reshape(shape)
