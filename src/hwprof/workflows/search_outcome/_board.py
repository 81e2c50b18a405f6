"""Runs on the board: each program once, every answer verified, and kept."""

from __future__ import annotations

import hashlib
import json
import os
import time
from dataclasses import asdict
from pathlib import Path

from hwprof.architecture import Architecture
from hwprof.errors import BoardError, StoreError
from hwprof.files import FileKind
from hwprof.profiler.bench import Bench
from hwprof.profiler.program import Program
from hwprof.workflows.int8_accuracy import Int8Network
from hwprof.workflows.search_report import Run

_KEPT = FileKind(
    noun="a kept run", most_bytes=1 << 16, error=StoreError, check="delete it", shrink="delete it"
)


class Board:
    """An opened board and what it said.

    Args:
        folder: for a file of each run, named by the program and all that its cycles depend on.
    """

    def __init__(self, bench: Bench, folder: Path) -> None:
        self.bench = bench
        self._folder = folder
        self._known_us: dict[str, float] = {}

    def latency_us(self, architecture: Architecture) -> float:
        """Latency of an architecture with seeded weights, as ``hwprof profile NAME`` runs it.

        Raises:
            BoardError: its outputs are not the reference's.
            StoreError: a kept run is broken, or cannot be written.
        """
        name = architecture.name
        if name not in self._known_us:
            program = self.bench.lower(architecture.graph())
            self._known_us[name] = self._found(program, name).latency_us
        return self._known_us[name]

    def run(self, network: Int8Network, name: str) -> Run:
        """A trained network as it is deployed.

        Raises:
            BoardError, StoreError: as ``latency_us``.
        """
        placed = network.placed(self.bench.setup.placement)
        return self._found(self.bench.housed(placed), name)

    def _found(self, program: Program, name: str) -> Run:
        key = hashlib.sha256(repr((program.sha256, self.bench.origin)).encode()).hexdigest()
        path = self._folder / f"{key}.json"
        if path.is_file():
            return _read(path)
        run = self._run(program, name)
        _keep(run, path)
        return run

    def _run(self, program: Program, name: str) -> Run:
        start_s = time.monotonic()
        row = self.bench.measure(program, block_type="network", block_key=name)
        if row.error:
            raise BoardError(f"{name} did not verify: {row.error}.")
        return Run(
            row.latency_us,
            row.origin.context.kind,
            row.peak_ram_bytes,
            row.flash_bytes,
            time.monotonic() - start_s,
        )


def _read(path: Path) -> Run:
    try:
        return Run(**json.loads(_KEPT.read(path)))
    except (ValueError, TypeError) as error:
        raise StoreError(f"{str(path)!r} is no run that was kept ({error}); delete it.") from error


def _keep(run: Run, path: Path) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(asdict(run)), encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise StoreError(
            f"{str(path)!r} cannot be written ({error.strerror}); make room or choose another "
            "--workspace; runs before it are kept."
        ) from error
