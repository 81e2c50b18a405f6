"""A fitted surrogate on disk: one folder for each context, JSON beside plain arrays.

Format (docs/FORMATS.md, "Surrogate artefact"): ``artefact.json`` says what it is and where each
array lies in ``arrays.bin``; the arrays are little-endian float64 or int32, one after the other.
Nothing in it is code, its sizes are bounded, and equal fits give equal bytes.
"""

from hwprof.surrogates.artefact._layout import (
    ARRAYS_FILE,
    HEAD_FILE,
    LUT_FILE,
    MAX_ARRAYS_BYTES,
    MAX_HEAD_BYTES,
)
from hwprof.surrogates.artefact._model import (
    Artefact,
    FittedModel,
    NetworkCorrection,
    Provenance,
    Stamp,
    context_slug,
)
from hwprof.surrogates.artefact._reading import load_artefact, read_context
from hwprof.surrogates.artefact._writing import save_artefact

__all__ = [
    "ARRAYS_FILE",
    "HEAD_FILE",
    "LUT_FILE",
    "MAX_ARRAYS_BYTES",
    "MAX_HEAD_BYTES",
    "Artefact",
    "FittedModel",
    "NetworkCorrection",
    "Provenance",
    "Stamp",
    "context_slug",
    "load_artefact",
    "read_context",
    "save_artefact",
]
