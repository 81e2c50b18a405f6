"""The outcome of a search for a detector: winners trained again, judged, run, drawn and written.

trials --Chooser--> winners, baselines --Trainings--> detections on the report's pictures
    --paired bootstrap, Board, frame budget--> SearchReport --> a folder
"""

from __future__ import annotations

from hwprof.workflows.search_outcome._finished import Reporting, report_folder, report_study
from hwprof.workflows.search_outcome._outcome import write_outcome
from hwprof.workflows.search_outcome._request import OutcomeRequest
from hwprof.workflows.search_outcome._shapes import require_reportable

__all__ = [
    "OutcomeRequest",
    "Reporting",
    "report_folder",
    "report_study",
    "require_reportable",
    "write_outcome",
]
