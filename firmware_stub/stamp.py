"""What modelled cycles depend on beside the program: kernels, core and board, as one hash."""

from __future__ import annotations

import hashlib
import json
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from hwprof.errors import UnknownNameError
from hwprof.firmware_stub.manifest import images

_ROOM = Path(__file__).parent


_REMARKS = {"source", "known_error"}  # words about a number; changing them changes no cycles


@cache
def code_sha256(board: str) -> str:
    """Hash over the kernels of a virtual board's image, its core file and its board file.

    Fitted artefacts are stamped with it, so that none outlives the machine it was fitted on.

    Raises:
        UnknownNameError: no such virtual board.
        ArtefactError: the image manifest is missing.
    """
    boards = {path.stem: path for path in (_ROOM / "boards").glob("*.toml")}
    if board not in boards:
        raise UnknownNameError("board", board, boards)
    description = _without_remarks(tomllib.loads(boards[board].read_text(encoding="utf-8")))
    core_file = _ROOM / "cores" / f"{description['core']}.toml"
    core = _without_remarks(tomllib.loads(core_file.read_text(encoding="utf-8")))
    kernels = {image.file: image.kernels_sha256 for image in images()}[description["image"]]
    text = json.dumps([kernels, core, description], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _without_remarks(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_remarks(v) for k, v in value.items() if k not in _REMARKS}
    return [_without_remarks(item) for item in value] if isinstance(value, list) else value
