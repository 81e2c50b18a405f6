"""One board beside its virtual board: which constants differ, and what to predict with."""

from hwprof.workflows.calibration.bundle import OpenedBundle, read_bundle, write_bundle
from hwprof.workflows.calibration.report import Calibration, Change, findings, markdown
from hwprof.workflows.calibration.run import Calibrated, Request, calibrate_board

__all__ = [
    "Calibrated",
    "Calibration",
    "Change",
    "OpenedBundle",
    "Request",
    "calibrate_board",
    "findings",
    "markdown",
    "read_bundle",
    "write_bundle",
]
