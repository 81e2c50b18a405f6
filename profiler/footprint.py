"""A program's memory beside the memories of a board."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from hwprof.firmware_stub.manifest import ImageRecord
from hwprof.profiler.memory_report import MemoryReport
from hwprof.profiler.placement import Need


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a program takes, and what the board has.

    Attributes:
        firmware: the image that runs it; None where the board runs another than ours.
    """

    report: MemoryReport
    needs: tuple[Need, ...]
    firmware: ImageRecord | None

    def document(self) -> dict[str, object]:
        """The documented JSON object; every number is in bytes."""
        report, image = self.report, self.firmware
        return {
            "ram": {
                "activations_bytes": report.activations_bytes,
                "scratch_bytes": report.scratch_bytes,
                "constants_bytes": report.constants_bytes,
            },
            "flash": {
                "weights_bytes": report.weights_bytes,
                "constants_bytes": report.constants_bytes,
                "code_bytes": image.code_bytes if image else None,
                "constant_data_bytes": image.constant_data_bytes if image else None,
            },
            "live_bytes": report.live_bytes,
            "peak_layer": report.peak_layer,
            "peak_tensors": [asdict(tensor) for tensor in report.peak_tensors],
            "scratch_layer": report.scratch_layer,
            "rooms": [asdict(need) for need in self.needs],
        }

    def lines(self) -> Iterator[str]:
        """The same in sentences."""
        report, image = self.report, self.firmware
        rooms = (need for need in self.needs if need.size_bytes and need.parts != ("program",))
        yield "RAM and flash: " + "; ".join(
            f"{' and '.join(need.parts)} {need.size_bytes:,} of {need.room_bytes:,} bytes"
            f"{f' in {need.memory}' if need.memory else ''}"
            for need in rooms
        )
        tensors = ", ".join(
            f"{tensor.name} {tensor.size_bytes:,}" for tensor in report.peak_tensors
        )
        gaps = report.activations_bytes - report.live_bytes
        yield (
            f"activations peak at {report.peak_layer}: {report.live_bytes:,} bytes alive "
            f"({tensors}), {gaps:,} lost to gaps"
        )
        if report.scratch_bytes:
            yield f"scratch peaks at {report.scratch_layer}: {report.scratch_bytes:,} bytes"
        flash = (
            f"flash of a deployment: weights {report.weights_bytes:,} bytes, biases, factors and "
            f"tables {report.constants_bytes:,}"
        )
        if image:
            flash += (
                f", firmware code {image.code_bytes:,} and its data {image.constant_data_bytes:,}"
            )
        yield flash
