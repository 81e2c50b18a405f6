"""Which estimator to trust for a task: two stages, with their costs (docs/ESTIMATORS.md)."""

from hwprof.workflows.estimator_selection._by_name import select_estimator
from hwprof.workflows.estimator_selection._full_search import FullSearch
from hwprof.workflows.estimator_selection._outcome import SecondStage, Selection
from hwprof.workflows.estimator_selection._request import SelectionRequest

__all__ = ["FullSearch", "SecondStage", "Selection", "SelectionRequest", "select_estimator"]
