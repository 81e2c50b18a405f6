"""What modelled cycles depend on beside the program: kernels, core and board, as one hash."""

from __future__ import annotations

import hashlib
import tomllib
from functools import cache
from pathlib import Path

from hwprof.errors import UnknownNameError
from hwprof.firmware_stub.manifest import images

_ROOM = Path(__file__).parent


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
    board_file = boards[board].read_bytes()
    description = tomllib.loads(board_file.decode())
    core_file = (_ROOM / "cores" / f"{description['core']}.toml").read_bytes()
    kernels = {image.file: image.kernels_sha256 for image in images()}[description["image"]]
    digests = [kernels, *(hashlib.sha256(data).hexdigest() for data in (core_file, board_file))]
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()
