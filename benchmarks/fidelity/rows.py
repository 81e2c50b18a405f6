"""Published latencies, and what to build and how to run it to repeat each of them.

A row of ``published/measurements.csv`` says in words which network ran on which board with which
kernels, and where its memory lay. Every rule that turns those words into a set-up is here, so that
a row nobody has seen is treated like those that were.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from hwprof.errors import ConfigurationError
from hwprof.graph import Activation, Conv2d, Graph, Node, Pads
from hwprof.models import resolve_model

TABLE = Path("published") / "measurements.csv"
MODELS = Path("published") / "models"
COLUMNS = (
    "id",
    "model",
    "model_file",
    "layer_or_network",
    "macs",
    "board",
    "clock_mhz",
    "runtime",
    "kernel_match",
    "latency_ms",
    "notes",
)

SAME_KERNELS = "same kernels in kind"
GENERIC_DEPTHWISE = "generic depthwise, not judged"

# The first pattern found in a published board name decides; a board without any has no file here.
_BOARDS = (
    (r"1170|1176", "rt1170"),
    (r"RT-?10[56]\d", "rt1060"),
    # Its kin have the same core, caches, AXI SRAM and flash interface (ST RM0433, RM0399).
    (r"H74[357]|H75[0357]", "stm32h743"),
    (r"F746", "stm32f746"),
    (r"F76[79]", "stm32f767"),
)
_NETWORKS = (
    (r"KWS-L", "micronet-kws-l"),
    (r"KWS-S", "micronet-kws-s"),
    (r"AD-S", "micronet-ad-s"),
)
_DETECTOR = re.compile(r"FastestDet.*?(?P<height>\d+)x(?P<width>\d+)")
# Layers are written like: L4 dw 3x3 s2 16 (80->40), or L1 conv 5x5 3->32 (32x32).
_LAYER = re.compile(
    r"(?P<kind>conv|dw) (?P<kernel>\d+)x\d+(?: s(?P<stride>\d+))? (?P<channels>\d+)"
    r"(?:->(?P<outputs>\d+))? \((?P<extent>\d+)"
)


@dataclass(frozen=True, slots=True)
class Published:
    """One published latency.

    Attributes:
        board_name: as published.
        board: name of our board file; empty for a board that has none.
        match: ``same kernels in kind`` or ``other kernels``.
    """

    id: str
    model: str
    model_file: str
    part: str
    macs: int
    board_name: str
    board: str
    clock_hz: int
    runtime: str
    match: str
    latency_ms: float
    notes: str

    @property
    def group(self) -> str:
        """How the row is judged: as ``match`` says, or not at all.

        Depthwise layers of the 2019 uint8 fork ran a generic loop that CMSIS-NN has since replaced
        (MEASUREMENTS, section 1), and no library of ours has its like.
        """
        layer = _LAYER.search(self.part)
        is_depthwise = layer is not None and layer["kind"] == "dw"
        return GENERIC_DEPTHWISE if is_depthwise and "uint8" in self.runtime else self.match

    @property
    def kernels(self) -> str:
        """Our library that is nearest in kind to what ran."""
        return "simd" if re.search(r"CMSIS|TinyEngine|X-CUBE", self.runtime) else "reference"

    @property
    def scheme(self) -> str:
        """Our quantisation scheme that is what the row's toolchain makes."""
        if "Glow" not in self.runtime:
            return "tflite"
        granularity = "per-tensor" if "per tensor" in self.runtime else "per-channel"
        named = re.search(r"power-of-two|symmetric uint8|asymmetric|symmetric", self.runtime)
        # NXP's lab quantises to power-of-two scales, which Glow's CMSIS-NN kernels ask for.
        kind = named[0].replace(" ", "-") if named else "power-of-two"
        return f"{kind}/{granularity}"

    @property
    def placement(self) -> dict[str, str]:
        """Where memory lay, where it differs from the board's default placement.

        MEASUREMENTS, section 3: Glow rows that do not say so had activations in SDRAM with generic
        kernels and in OCRAM with CMSIS-NN ones; NXP's builds execute in place from flash.
        """
        if self.board != "rt1170":
            return {}
        stated = re.search(r"activations (?:\([^)]*\) )?in (OCRAM|SDRAM)", self.notes)
        memory = (
            stated[1].lower() if stated else "sdram" if self.kernels == "reference" else "ocram"
        )
        return {"activations": memory, "weights": "flash", "code": "flash"}


def read_rows(folder: Path) -> list[Published]:
    """Every row of the table.

    Raises:
        ConfigurationError: the table is missing or no text, it lacks columns, or a row has a
            number that is none.
    """
    path = folder / TABLE
    try:
        with path.open(newline="", encoding="utf-8") as lines:
            table = csv.DictReader(lines)
            _check_columns(table.fieldnames or (), path)
            return [_row(row, f"{path}, line {table.line_num}") for row in table]
    except OSError as error:
        raise ConfigurationError(
            f"the folder must hold {TABLE}; {folder}: {error.strerror}; name it with --shared-data."
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigurationError(f"{path} is CSV in UTF-8; {error}; repair it.") from error


def _check_columns(there: Sequence[str], path: Path) -> None:
    missing = [name for name in COLUMNS if name not in there]
    if missing:
        raise ConfigurationError(
            f"{path} must have columns {', '.join(COLUMNS)}; {', '.join(missing)} not among "
            f"{', '.join(there) or 'none'}; correct its first line."
        )


def _row(row: dict[str, str | None], where: str) -> Published:
    text = {name: row[name] or "" for name in COLUMNS}  # None behind the end of a short line
    return Published(
        id=text["id"],
        model=text["model"],
        model_file=text["model_file"],
        part=text["layer_or_network"],
        macs=round(_positive(text, "macs", where)),
        board_name=text["board"],
        board=_first(_BOARDS, text["board"]),
        clock_hz=round(_positive(text, "clock_mhz", where) * 1e6),
        runtime=text["runtime"],
        match=text["kernel_match"],
        latency_ms=_positive(text, "latency_ms", where),
        notes=text["notes"],
    )


def _positive(row: Mapping[str, str], column: str, where: str) -> float:
    try:
        value = float(row[column])
    except ValueError:
        value = 0.0
    if not (isfinite(value) and value > 0):
        raise ConfigurationError(
            f"{column} is a number above 0; got {row[column]!r} in {where}; correct it."
        )
    return value


def _first(patterns: tuple[tuple[str, str], ...], text: str) -> str:
    """The name of the first pattern that the text holds, empty if none does."""
    return next((name for pattern, name in patterns if re.search(pattern, text)), "")


def graph_of(row: Published, folder: Path) -> Graph:
    """The network or layer of a row, with its multiply-accumulates checked against the table.

    Raises:
        ConfigurationError: the row's words name nothing that we can build, or the counts differ.
    """
    graph = _graph(row, folder)
    if abs(graph.macs - row.macs) > max(1000, row.macs // 100):
        raise ConfigurationError(
            f"row {row.id} has {row.macs:,} multiply-accumulates; what was built from its words "
            f"has {graph.macs:,}."
        )
    return graph


def _graph(row: Published, folder: Path) -> Graph:
    layer = _LAYER.search(row.part)
    if layer is not None:
        return _layer(row, layer)
    if row.model_file.endswith(".tflite"):
        return resolve_model(str(folder / MODELS / row.model_file)).graph
    detector = _DETECTOR.search(row.model)
    if detector is not None:
        height, width = detector["height"], detector["width"]
        return resolve_model(f"fastestdet:height={height},width={width},classes=1").graph
    network = _first(_NETWORKS, row.model)
    if not network:
        raise ConfigurationError(
            f"row {row.id} names {row.model!r}, which is no network that hwprof builds and comes "
            "with no .tflite file; add it to benchmarks/fidelity/rows.py."
        )
    return resolve_model(network).graph


def _layer(row: Published, found: re.Match[str]) -> Graph:
    kernel, extent, channels = (int(found[name]) for name in ("kernel", "extent", "channels"))
    stride = int(found["stride"] or 1)
    padding = max((-(-extent // stride) - 1) * stride + kernel - extent, 0)
    before, after = padding // 2, padding - padding // 2
    conv = Conv2d(
        kernel_h=kernel,
        kernel_w=kernel,
        stride_h=stride,
        stride_w=stride,
        pads=Pads(before, before, after, after),
        out_channels=int(found["outputs"] or channels),
        groups=channels if found["kind"] == "dw" else 1,
        activation=Activation.RELU,
    )
    node = Node("layer", conv, ("input",), "layer")
    return Graph(row.id, {"input": (extent, extent, channels)}, (node,), ("layer",))
