"""The host's int8 reference: what every record of a program must write, bit for bit."""

from __future__ import annotations

from hwprof.profiler.reference._run import (
    RecordResult,
    ReferenceResult,
    expected_checksums,
    run_reference,
)

__all__ = ["RecordResult", "ReferenceResult", "expected_checksums", "run_reference"]
