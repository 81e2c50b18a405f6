"""A fitted estimator on disk: one sealed JSON file, bounded, nothing in it is executed.

Format (docs/FORMATS.md, "Task estimator"): what was fitted is the strategy's own document; beside
it stands what it was fitted on and how well it ranked that.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hwprof.documents import (
    SEAL,
    BrokenRuleError,
    as_name,
    as_number,
    as_object,
    fields_sha256,
    load_object,
)
from hwprof.errors import ArtefactError, ConfigurationError, UnknownNameError
from hwprof.files import FileKind
from hwprof.search.design import Design
from hwprof.search.estimators import FloatArray, TaskEstimator
from hwprof.search.performance import Evidence, FittedStrategy, load_fitted
from hwprof.search.selection._agreement import Interval
from hwprof.search.selection._prices import is_portable
from hwprof.search.selection._ranking import Scored

FORMAT = "hwprof-estimator"
FORMAT_VERSION = 1
_AGAIN = "run 'hwprof estimators' again, or name another file"
_DIGITS = 8
ESTIMATOR_FILE = FileKind(
    noun="a task estimator",
    most_bytes=16 << 20,
    error=ArtefactError,
    check="'hwprof estimators' writes one",
    shrink="fit it on fewer samples",
)


@dataclass(frozen=True, slots=True)
class FittedOn:
    """What an estimator learned from, and how well it ranks that.

    Attributes:
        space, space_sha256: name and fingerprint.
        task: name of the quality, with all that it depends on.
        samples: trained designs.
        tau: out of fold.
    """

    space: str
    space_sha256: str
    task: str
    samples: int
    tau: Interval


class FittedEstimator(TaskEstimator):
    """A fitted strategy as the task estimator of a search; it ranks and measures nothing.

    Args:
        fitted: of a strategy that asks for architectures alone.

    Raises:
        ConfigurationError: the strategy needs training or pictures at each query.
    """

    is_proxy = True

    def __init__(self, fitted: FittedStrategy, fitted_on: FittedOn) -> None:
        self.fitted, self.fitted_on = fitted, fitted_on
        if not is_portable(fitted.strategy):
            raise ConfigurationError(
                f"an estimator in a file asks for architectures alone; {fitted.strategy.title} "
                f"needs {fitted.strategy.needs}; save a count or a model of the encoding."
            )
        digest = fields_sha256(self._document())[:_DIGITS]
        self.name = (
            f"{fitted.strategy.name} by {fitted_on.samples} trainings of {fitted_on.space} "
            f"({digest})-proxy"
        )

    def scores(self, designs: Sequence[Design]) -> FloatArray:
        return self.fitted.scores([Evidence(design.architecture) for design in designs])

    def save(self, path: Path) -> None:
        """Write the file that ``load_estimator`` reads.

        Raises:
            ArtefactError: it cannot be written.
        """
        document = self._document()
        document[SEAL] = fields_sha256(document)
        text = json.dumps(document, indent=1, allow_nan=False) + "\n"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise ArtefactError(
                f"cannot write {path}: {error.strerror}; choose another place or make room."
            ) from error

    def _document(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "fitted_on": asdict(self.fitted_on),
            "model": self.fitted.document(),
        }


def best_portable(rows: Sequence[Scored]) -> Scored | None:
    """The first of some rows that a file can hold."""
    return next((row for row in rows if is_portable(row.strategy)), None)


def load_estimator(path: Path) -> FittedEstimator:
    """The estimator in a file that ``hwprof estimators`` wrote.

    Raises:
        ArtefactError: it cannot be read, was changed, or is not that format.
    """
    data = ESTIMATOR_FILE.read(path)
    try:
        document = load_object(data.decode("utf-8"), FORMAT_VERSION)
        if document.get("format") != FORMAT:
            raise BrokenRuleError(f"format {FORMAT!r}")
        if document.get(SEAL) != fields_sha256(document):
            raise BrokenRuleError("no change after it was written")
        fitted_on = _fitted_on(as_object(document.get("fitted_on")))
        return FittedEstimator(load_fitted(as_object(document.get("model"))), fitted_on)
    except (ValueError, UnknownNameError, ArtefactError) as error:
        raise ArtefactError(
            f"{path} is no task estimator of hwprof ({str(error).rstrip('.')}); {_AGAIN}."
        ) from error


def _fitted_on(document: Mapping[str, Any]) -> FittedOn:
    tau = as_object(document.get("tau"))
    value, low, high = (_share(tau.get(name)) for name in ("value", "low", "high"))
    if low > high:  # the value itself may lie outside: percentiles of resamples need not hold it
        raise BrokenRuleError(f"an interval of tau that ascends where it has {low} to {high}")
    return FittedOn(
        space=as_name(document.get("space")),
        space_sha256=as_name(document.get("space_sha256")),
        task=as_name(document.get("task")),
        samples=as_number(document.get("samples")),
        tau=Interval(value, low, high),
    )


def _share(value: Any) -> float:
    if type(value) not in (int, float) or not -1 <= value <= 1:
        raise BrokenRuleError(f"a tau between -1 and 1 where it has {str(value)[:40]!r}")
    return float(value)
