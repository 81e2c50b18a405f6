"""What modelled cycles depend on beside the program: kernels, core and board, as one hash."""

from __future__ import annotations

import hashlib
import json
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from hwprof.firmware_stub.manifest import image_of
from hwprof.firmware_stub.virtual.board_files import SUFFIX, board_data

_ROOM = Path(__file__).parent


# Words about a board or a number, and how well it was met, and the blocks of the chip that only
# start-up touches; changing them changes no cycles.
_REMARKS = {
    "source",
    "known_error",
    "title",
    "chip",
    "fidelity",
    "fitted",
    "fitted_rows",
    "leave_one_out_spread",
}


def code_sha256(reference: str, kernels: str) -> str:
    """Hash over a kernel library's code, a virtual board's core file and its board file.

    Fitted artefacts are stamped with it, so that none outlives the machine it was fitted on. A
    clock in the reference is not part of it: the context has the clock.

    Raises:
        UnknownNameError: no such virtual board or kernel library.
        ConfigurationError: the board file or the core cannot be read.
        ArtefactError: the image manifest is missing.
    """
    name = reference.partition("?")[0]
    hashed = _hash_of if name.endswith(SUFFIX) else _hash_of_shipped
    return hashed(name, image_of(kernels).kernels_sha256)


@cache
def _hash_of_shipped(name: str, kernels_sha256: str) -> str:
    return _hash_of(name, kernels_sha256)


def _hash_of(name: str, kernels_sha256: str) -> str:
    description = _without_remarks(board_data(name))
    core_file = _ROOM / "cores" / f"{description['core']}.toml"
    core = _without_remarks(tomllib.loads(core_file.read_text(encoding="utf-8")))
    text = json.dumps([kernels_sha256, core, description], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _without_remarks(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_remarks(v) for k, v in value.items() if k not in _REMARKS}
    return [_without_remarks(item) for item in value] if isinstance(value, list) else value
