"""An architecture as numbers, for models to learn from."""

from __future__ import annotations

from collections.abc import Mapping
from math import log
from types import MappingProxyType

from hwprof.architecture import Architecture


def encoding_of(architecture: Architecture) -> Mapping[str, float]:
    """Parameters that an architecture's name says, and the logarithm of its FLOPs.

    Of ``person-detector:k=5,g=1,c=96,width=320,aspect=0.8`` these are k, g, c, width, aspect and
    log_flops. A name without numbers leaves rows and columns of the input, and log_parameters.
    """
    log_flops = {"log_flops": log(max(2 * architecture.macs, 1))}
    return MappingProxyType((_named(architecture.name) or _plain(architecture)) | log_flops)


def _named(name: str) -> dict[str, float]:
    items = (item.partition("=") for item in name.partition(":")[2].split(","))
    return {key: float(value) for key, sign, value in items if sign and _is_number(value)}


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdecimal()


def _plain(architecture: Architecture) -> dict[str, float]:
    rows, columns, _ = architecture.inputs[0][1]
    parameters = log(max(architecture.parameters_with_batch_norm, 1))
    return {"rows": rows, "columns": columns, "log_parameters": parameters}
