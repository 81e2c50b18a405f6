"""A fitted surrogate on disk: one folder for each context, JSON beside plain arrays.

Format (docs/FORMATS.md, "Surrogate artefact"): ``artefact.json`` says what it is and where each
array lies in ``arrays.bin``; the arrays are little-endian float64 or int32, one after the other.
Nothing in it is code, its sizes are bounded, and equal fits give equal bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from hwprof.documents import as_list
from hwprof.errors import ArtefactError
from hwprof.measurement import Context, Placement
from hwprof.surrogates.boundaries import BOUNDARY_SIGNS
from hwprof.surrogates.features import FEATURE_VERSION, FEATURES
from hwprof.surrogates.regressors import REGRESSOR_TYPES, Arrays, PhysicalPrior, Regressor
from hwprof.templates import TemplateBlock, read_template, template_document

FORMAT = "hwprof-surrogate"
FORMAT_VERSION = 2
READABLE_VERSIONS = (1, 2)
LUT_FILE = "lut.json"
HEAD_FILE = "artefact.json"
ARRAYS_FILE = "arrays.bin"
MAX_HEAD_BYTES = 4 << 20
MAX_ARRAYS_BYTES = 64 << 20

_DTYPES = {"float64": "<f8", "int32": "<i4"}
_MAX_DIMENSIONS = 2


@dataclass(frozen=True, slots=True)
class Stamp:
    """What an artefact's numbers depend on beside its rows; it must be the installed one.

    Attributes:
        code_sha256: hash over kernel code, core and board files, given by whoever fits.
    """

    feature_version: int
    timing_model: str
    code_sha256: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where an artefact came from, without dates: equal inputs give equal files.

    Attributes:
        rows: rows used, by block type.
        excluded: rows left out, by reason.
        transferred_from: context of the surrogate that was moved here; empty where all was fitted.
    """

    rows: Mapping[str, int]
    excluded: Mapping[str, int]
    seed: int
    n_folds: int
    firmware_sha256: str
    transferred_from: str = ""


@dataclass(frozen=True, slots=True)
class NetworkCorrection:
    """From the sum over blocks to a network: scale the sum, add what boundaries cost.

    Attributes:
        ratio: by which the sum over blocks is multiplied.
        boundary_us: microseconds for each count of ``boundaries.BOUNDARY_SIGNS``, by its name;
            negative ones save time.
        stretch: half-width of a network's interval over that of its blocks added up, in log
            ratio.
        n: networks it was fitted on; 0 for none, then the sum stands as it is.
    """

    ratio: float = 1.0
    boundary_us: Mapping[str, float] = field(default_factory=dict)
    stretch: float = 1.0
    n: int = 0

    def __post_init__(self) -> None:
        unknown = set(self.boundary_us) - set(BOUNDARY_SIGNS)
        numbers = (self.ratio, self.stretch, *self.boundary_us.values())
        if unknown or not np.isfinite(numbers).all() or self.ratio <= 0 or self.stretch < 0:
            raise ValueError(
                "a network correction has a positive ratio and known boundaries; got "
                f"ratio={self.ratio}, stretch={self.stretch}, {dict(self.boundary_us)}"
            )


@dataclass(frozen=True, slots=True, eq=False)
class FittedModel:
    """A regressor and how far it may be off.

    Attributes:
        log_ratio: half-width of the interval in log ratio, at the artefact's level.
        n: rows it was fitted on.
    """

    regressor: Regressor
    log_ratio: float
    n: int


@dataclass(frozen=True, slots=True, eq=False)
class Artefact:
    """Everything a prediction in one context needs.

    Attributes:
        prior: prices blocks of types without a model; a ``PhysicalPrior`` on all rows.
        macs: the one-coefficient baseline, None where no row had MACs.
        types: model by block type.
        templates: the block types among them that a user made, by name.
    """

    context: Context
    stamp: Stamp
    interval_level: float
    prior: FittedModel
    macs: FittedModel | None
    types: Mapping[str, FittedModel]
    correction: NetworkCorrection
    provenance: Provenance
    templates: Mapping[str, TemplateBlock] = field(default_factory=dict)
    version: int = field(default=FORMAT_VERSION, init=False)

    def corrected(self, correction: NetworkCorrection) -> Artefact:
        """This artefact with another network correction."""
        return replace(self, correction=correction)

    def completed(self, other: Artefact) -> Artefact:
        """This artefact with the other's models for block types it has none for.

        The prior is that of more rows. Both must be of one context.
        """
        prior = max(self.prior, other.prior, key=lambda model: model.n)
        return replace(
            self,
            types={**other.types, **self.types},
            templates={**other.templates, **self.templates},
            prior=prior,
        )


def context_slug(context: Context) -> str:
    """Folder name of a context."""
    place = context.placement
    memories = f"{place.activations}-{place.weights}-{place.scratch}-{place.code}"
    text = (
        f"{context.board}_{context.clock_hz}hz_{context.kernels}_{context.scheme}_{memories}_"
        f"{context.cache_state}_{context.timing_model}"
    )
    return "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in text)


def save_artefact(artefact: Artefact, folder: Path) -> Path:
    """Write an artefact below ``folder`` under its context's name and return its own folder.

    Raises:
        ArtefactError: the folder cannot be written.
    """
    own = folder / context_slug(artefact.context)
    writer = _ArrayWriter()
    head = {
        "format": FORMAT,
        "version": artefact.version,
        "context": asdict(artefact.context),
        "stamp": asdict(artefact.stamp),
        "features": [term.name for term in FEATURES],
        "interval_level": artefact.interval_level,
        "prior": writer.model(artefact.prior),
        "macs": writer.model(artefact.macs) if artefact.macs else None,
        "types": {kind: writer.model(model) for kind, model in sorted(artefact.types.items())},
        "correction": asdict(artefact.correction),
        "provenance": asdict(artefact.provenance),
    }
    if artefact.templates:
        own_types = sorted(artefact.templates.items())
        head["block_types"] = [template_document(template) for _, template in own_types]
    data = bytes(writer.data)
    head["arrays"] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    try:
        own.mkdir(parents=True, exist_ok=True)
        (own / ARRAYS_FILE).write_bytes(data)
        (own / HEAD_FILE).write_text(json.dumps(head, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise ArtefactError(f"the artefact cannot be written to {own}: {error}.") from error
    return own


class _ArrayWriter:
    """Collects arrays into one byte string and says where each went."""

    def __init__(self) -> None:
        self.data = bytearray()

    def model(self, fitted: FittedModel) -> dict[str, object]:
        """Description of a model, its arrays appended to the data."""
        arrays = {name: self._put(array) for name, array in fitted.regressor.arrays().items()}
        return {
            "model": fitted.regressor.name,
            "log_ratio": fitted.log_ratio,
            "n": fitted.n,
            "arrays": arrays,
        }

    def _put(self, array: np.ndarray[Any, Any]) -> dict[str, object]:
        offset = len(self.data)
        self.data += np.ascontiguousarray(array, dtype=_DTYPES[array.dtype.name]).tobytes()
        return {"dtype": array.dtype.name, "shape": list(array.shape), "offset_bytes": offset}


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
            interval_level=float(head["interval_level"]),
            prior=prior,
            macs=_model(head["macs"], data) if head["macs"] else None,
            types={str(kind): _model(entry, data) for kind, entry in head["types"].items()},
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
    if head.get("version") not in READABLE_VERSIONS:
        raise ArtefactError(
            f"{own} has artefact format {head.get('version')!r}, this hwprof reads "
            f"{' and '.join(map(str, READABLE_VERSIONS))}; {_AGAIN}"
        )
    return head


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
        fields = dict(head["context"])
        return Context(**{**fields, "placement": Placement(**fields["placement"])})


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
    array = np.frombuffer(data, _DTYPES[spec["dtype"]], count, int(spec["offset_bytes"]))
    return array.reshape(shape)


def artefact_folders(roots: Sequence[Path]) -> Iterator[Path]:
    """Folders below the roots that hold an artefact, earlier roots first, then by name."""
    return chain.from_iterable(
        sorted(path.parent for path in root.glob(f"*/{HEAD_FILE}")) for root in roots
    )
