"""A calibration to hand on: one zip with rows, report, board file and surrogate, and no code.

docs/FORMATS.md, "Calibration bundle". What is read back may be anybody's: only the files below are
looked at, each up to its size. Names of what is written come from checked content, and nothing in
a workspace is overwritten by anything but the same bytes.
"""

from __future__ import annotations

import io
import json
import tempfile
import tomllib
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from hwprof.documents import as_list, as_object, as_text, load_object
from hwprof.errors import ConfigurationError
from hwprof.files import FileKind
from hwprof.firmware_stub.virtual.board_files import BOARD_FILE, parse_board
from hwprof.luts import load_table, save_table
from hwprof.profiler.store import MeasurementStore
from hwprof.surrogates.artefact import (
    ARRAYS_FILE,
    HEAD_FILE,
    LUT_FILE,
    MAX_ARRAYS_BYTES,
    MAX_HEAD_BYTES,
    load_artefact,
    save_artefact,
)
from hwprof.workflows.calibration.report import FORMAT, FORMAT_VERSION, Change, markdown
from hwprof.workflows.calibration.run import Calibrated
from hwprof.workspace import Workspace

DOCUMENT, PAGE, ROWS, BOARD = "calibration.json", "calibration.md", "measurements.csv", "board.toml"
_SURROGATE = (HEAD_FILE, ARRAYS_FILE, LUT_FILE)
_MOST_BYTES: Mapping[str, int] = MappingProxyType(
    {
        DOCUMENT: 4 << 20,
        PAGE: 4 << 20,
        ROWS: 64 << 20,
        BOARD: BOARD_FILE.most_bytes,
        HEAD_FILE: MAX_HEAD_BYTES,
        ARRAYS_FILE: MAX_ARRAYS_BYTES,
        LUT_FILE: 16 << 20,
    }
)
_BUNDLE = FileKind(
    noun="a calibration bundle",
    most_bytes=128 << 20,
    error=ConfigurationError,
    shrink="ask its owner for the file that hwprof calibrate wrote",
)
_MOST_PERCENT = 1e9
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others may ask for any amount of memory
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip knows: equal content, equal bytes


def write_bundle(calibrated: Calibrated, workspace: Workspace, path: Path) -> None:
    """Write a calibration and the rows of its board to one file.

    Raises:
        ConfigurationError: the file cannot be written.
    """
    calibration = calibrated.calibration
    files = {
        DOCUMENT: (json.dumps(calibration.to_json(), indent=1) + "\n").encode(),
        PAGE: markdown(calibration).encode(),
        ROWS: _rows(workspace, calibration.identity.target, calibration.identity.board_identity),
        BOARD: calibrated.board.encode(),
    }
    if calibrated.artefact is not None:
        files |= {name: (calibrated.artefact / name).read_bytes() for name in _SURROGATE}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
            for name, data in files.items():
                bundle.writestr(zipfile.ZipInfo(name, _EPOCH), data, zipfile.ZIP_DEFLATED)
    except OSError as error:
        raise ConfigurationError(
            f"the bundle cannot be written to {path} ({error.strerror}); choose another --output."
        ) from error


def _rows(workspace: Workspace, target: str, identity: str) -> bytes:
    with MeasurementStore(workspace.store) as store:
        frame = store.frame()
    own = frame[(frame["target"] == target) & (frame["board_identity"] == identity)]
    return str(own.to_csv(index=False, lineterminator="\n")).encode()


@dataclass(frozen=True, slots=True)
class OpenedBundle:
    """What a bundle says, and where its parts were put.

    Attributes:
        identity: words and numbers about the board, by name.
        board: the calibrated board file.
        artefact: folder of the surrogate; None where the bundle has none.
    """

    identity: Mapping[str, str]
    constants: tuple[Change, ...]
    misses: tuple[Change, ...]
    board: Path
    artefact: Path | None

    def to_json(self) -> dict[str, object]:
        """The object that ``hwprof calibrate --read --json`` prints."""
        return {
            "identity": dict(self.identity),
            "named": [str(change) for change in self.constants if change.is_named],
            "misses": [str(change) for change in self.misses],
            "board": str(self.board),
            "artefact": str(self.artefact) if self.artefact else None,
        }


def read_bundle(path: Path, workspace: Workspace) -> OpenedBundle:
    """Check a bundle and put its board file and surrogate into the workspace.

    Raises:
        ConfigurationError: it is no bundle, or a part is too large or not what it should be.
        ArtefactError: its surrogate is none that this hwprof reads.
    """
    files = _unpacked(path)
    with _translated(path):
        document = _document(files[DOCUMENT])
        board = parse_board(tomllib.loads(files[BOARD].decode()))
        identity = _identity(document["identity"])
        constants, misses = _changes(document["constants"]), _changes(document["misses"])
    own = workspace.root / "boards" / f"{board.name}.toml"  # letters, digits and underscores
    surrogate = _surrogate(files, workspace)
    _install({own: files[BOARD], **surrogate})
    artefact = next(iter(surrogate)).parent if surrogate else None
    return OpenedBundle(identity, constants, misses, own, artefact)


def _document(data: bytes) -> dict[str, Any]:
    text = data.decode("utf-8")
    if json.loads(text).get("format") != FORMAT:
        raise ValueError(f"{DOCUMENT} is no {FORMAT}")
    return load_object(text, FORMAT_VERSION)


def _unpacked(path: Path) -> dict[str, bytes]:
    """The files of a bundle that are known, each read up to its bound."""
    data = _BUNDLE.read(path)
    with _translated(path), zipfile.ZipFile(io.BytesIO(data)) as bundle:
        names = [info.filename for info in bundle.infolist()]
        if any(info.compress_type not in _METHODS for info in bundle.infolist()):
            raise ValueError("its files are stored or deflated")
        if len(set(names)) != len(names) or not set(names) <= set(_MOST_BYTES):
            raise ValueError(f"its files are {', '.join(_MOST_BYTES)}, each once")
        missing = {DOCUMENT, BOARD} - set(names)
        if missing:
            raise ValueError(f"{min(missing)} is missing")
        return {name: _bounded(bundle, name) for name in names}


def _bounded(bundle: zipfile.ZipFile, name: str) -> bytes:
    with bundle.open(name) as file:
        data = file.read(_MOST_BYTES[name] + 1)
    if len(data) > _MOST_BYTES[name]:
        raise ValueError(f"{name} has more than {_MOST_BYTES[name]:,} bytes")
    return data


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """Whatever a malformed bundle makes Python raise becomes one sentence."""
    try:
        yield
    except (
        ConfigurationError, ValueError, KeyError, TypeError, AttributeError, RecursionError,
        zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError,
    ) as error:  # fmt: skip
        raise ConfigurationError(
            f"a calibration bundle is the zip that hwprof calibrate writes; {path} is none "
            f"({error}); ask its owner for it again."
        ) from error


def _identity(value: Any) -> dict[str, str]:
    entries = {as_text(key): item for key, item in as_object(value).items()}
    return {key: as_text(str(item)) for key, item in entries.items() if key != "context"}


def _changes(value: Any) -> tuple[Change, ...]:
    return tuple(_change(as_object(entry)) for entry in as_list(value))


def _change(entry: Mapping[str, Any]) -> Change:
    return Change(
        as_text(entry["what"]), _percent(entry["percent"]), _percent(entry["half_width_percent"])
    )


def _percent(value: Any) -> float:
    if type(value) not in (int, float) or not -_MOST_PERCENT <= value <= _MOST_PERCENT:
        raise ValueError("a constant's percent is no number, or none that a fit gives")
    return float(value)


def _surrogate(files: Mapping[str, bytes], workspace: Workspace) -> dict[Path, bytes]:
    """The surrogate, read and written again, by paths under the name that its context gives."""
    if not set(_SURROGATE) <= set(files):
        return {}
    with tempfile.TemporaryDirectory(prefix="hwprof-") as folder:
        for name in _SURROGATE:
            (Path(folder) / name).write_bytes(files[name])
        artefact, table = load_artefact(Path(folder)), load_table(Path(folder) / LUT_FILE)
        if table.context != artefact.context:
            raise ConfigurationError(
                "the surrogate and the table of a bundle are of one context; these are of two; ask "
                "its owner for the bundle again."
            )
        own = save_artefact(artefact, Path(folder))
        save_table(table, own / LUT_FILE)
        return {
            workspace.artefacts / own.name / name: (own / name).read_bytes() for name in _SURROGATE
        }


def _install(contents: Mapping[Path, bytes]) -> None:
    """Write files where none is yet, or the same.

    Raises:
        ConfigurationError: one is there with other content, or cannot be written; in the first case
            none was written.
    """
    try:
        others = [
            path for path, data in contents.items() if path.exists() and path.read_bytes() != data
        ]
        if others:
            raise ConfigurationError(
                f"a bundle replaces nothing; {others[0]} is there with other content; move it "
                "away, or pass another --workspace."
            )
        for path, data in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    except OSError as error:
        raise ConfigurationError(
            f"a bundle is put into a workspace; {error.filename} cannot be written "
            f"({error.strerror}); pass another --workspace."
        ) from error
