"""Which estimator to trust for a task: two stages, with their costs (docs/ESTIMATORS.md)."""

from hwprof.workflows.estimator_selection._by_name import SelectionRequest, select_estimator
from hwprof.workflows.estimator_selection._outcome import SecondStage, Selection

__all__ = ["SecondStage", "Selection", "SelectionRequest", "select_estimator"]
