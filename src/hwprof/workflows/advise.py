"""What to change about a network that is too slow: edits, and what each would save.

Both sides of a difference are priced alike: a block that an edit breaks into its operators is
priced by its operators before the edit too. Notation: p the predicted share of the blocks that
an edit changes, before and after it; the saving is the difference of the two networks, and its
interval adds the two sides' half-widths in quadrature. Within one side errors add up, because
they come from one model; between the sides they would have to be opposite to add up, which two
versions of one layer are not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from math import hypot
from typing import TYPE_CHECKING

from hwprof.architecture import Architecture
from hwprof.edits import Edit, proposals, regroup
from hwprof.errors import ModelError
from hwprof.graph import Graph
from hwprof.profiler.lowering import lower
from hwprof.workflows.setup_predictor import setup_predictor

if TYPE_CHECKING:
    from hwprof.profiler.bench import Setup
    from hwprof.surrogates.predictions import BlockPrediction, LatencyPrediction
    from hwprof.surrogates.predictor import Predictor
    from hwprof.workspace import Workspace

ACCURACY_NOTE = (
    "what an edit does to accuracy is unknown: nothing was trained, and each needs training again"
)


@dataclass(frozen=True, slots=True)
class Saving:
    """What an edit, or several together, would save; predicted, not measured.

    Attributes:
        saved_us, low_us, high_us: microseconds, and the ends of the interval at the artefact's
            level; negative where it would cost time.
        latency_us: of the whole edited network.
        saved_ram_bytes, peak_ram_bytes: activations, scratch and constants by the memory planner.
        macs: of the whole edited network.
    """

    saved_us: float
    low_us: float
    high_us: float
    latency_us: float
    saved_ram_bytes: int
    peak_ram_bytes: int
    macs: int

    def to_json(self, budget_us: float | None) -> dict[str, object]:
        """The entries of ``hwprof advise --json`` that this is."""
        return {
            "saved_ms": self.saved_us / 1000,
            "saved_low_ms": self.low_us / 1000,
            "saved_high_ms": self.high_us / 1000,
            "latency_ms": self.latency_us / 1000,
            "saved_ram_bytes": self.saved_ram_bytes,
            "peak_ram_bytes": self.peak_ram_bytes,
            "macs": self.macs,
            "meets_budget": None if budget_us is None else self.latency_us <= budget_us,
        }


@dataclass(frozen=True, slots=True)
class Alternative:
    """One edit of the network and what it would save.

    Attributes:
        where: the layers, the block or the input that it changes.
    """

    edit: Edit
    where: str
    saving: Saving

    def to_json(self, budget_us: float | None = None) -> dict[str, object]:
        """The object that ``hwprof advise --json`` prints for an edit."""
        return {
            "where": self.where,
            "change": self.edit.change,
            "kind": self.edit.kind,
            "nodes": list(self.edit.nodes),
            "values": list(self.edit.values),
            **self.saving.to_json(budget_us),
        }


@dataclass(frozen=True, slots=True)
class Combination:
    """Edits taken together, the largest saving first, until the budget is met or none is left."""

    members: tuple[Alternative, ...]
    saving: Saving


@dataclass(frozen=True, slots=True)
class Advice:
    """What could be changed about a network, the largest saving first.

    Attributes:
        architecture, graph: the network that the edits belong to, with seeded weights.
        prediction: of the network as it is.
        budget_us: what it should take at most; None where nobody said.
        combination: edits that meet the budget together; None without a budget, or where one
            edit, or none, is enough.
    """

    architecture: Architecture
    graph: Graph
    prediction: LatencyPrediction[float]
    peak_ram_bytes: int
    budget_us: float | None
    alternatives: tuple[Alternative, ...]
    combination: Combination | None

    @property
    def meets_budget(self) -> bool | None:
        """Whether the network meets the budget as it is; None without one."""
        return None if self.budget_us is None else self.prediction.latency_us <= self.budget_us

    def meets_alone(self, alternative: Alternative) -> bool:
        """Whether one edit is enough."""
        return self.budget_us is not None and alternative.saving.latency_us <= self.budget_us

    def to_json(self) -> dict[str, object]:
        """The object that ``hwprof advise --json`` prints."""
        prediction, budget_us = self.prediction, self.budget_us
        return {
            "target": prediction.target,
            "kind": prediction.kind,
            "timing_model": prediction.context.timing_model,
            "latency_ms": prediction.latency_us / 1000,
            "low_ms": prediction.low_us / 1000,
            "high_ms": prediction.high_us / 1000,
            "interval_level": prediction.interval_level,
            "peak_ram_bytes": self.peak_ram_bytes,
            "macs": self.graph.macs,
            "budget_ms": None if budget_us is None else budget_us / 1000,
            "meets_budget": self.meets_budget,
            "accuracy": ACCURACY_NOTE,
            "alternatives": [one.to_json(budget_us) for one in self.alternatives],
            "combination": self.combination
            and {
                "members": [one.to_json(budget_us) for one in self.combination.members],
                **self.combination.saving.to_json(budget_us),
            },
        }


def advise(
    architecture: Architecture,
    setup: Setup,
    *,
    budget_us: float | None = None,
    workspace: Workspace | None = None,
) -> Advice:
    """Try every edit of a network and price what it would save.

    Args:
        architecture: the network; its weights play no part.
        setup: the context to predict in.
        budget_us: what the network should take at most.

    Raises:
        ArtefactError: nothing was fitted for the context.
        ModelError: the network has operators that no block type builds, or cannot be lowered.
        UnknownNameError: the same, for an operator that nobody registered.
    """
    predictor = setup_predictor(setup, workspace)
    _refuse_uncovered(architecture)
    scales = _Scales(architecture, predictor, lambda graph: _ram_bytes(graph, setup))
    tried = ((edit, scales.weigh(edit)) for edit in proposals(scales.graph))
    found = [
        Alternative(edit, _where(edit, scales.graph), saving)
        for edit, saving in tried
        if saving is not None and (saving.saved_us > 0 or saving.saved_ram_bytes > 0)
    ]
    found.sort(key=lambda one: -one.saving.saved_us)
    latency_us = scales.prediction.latency_us
    enough = [latency_us, *(one.saving.latency_us for one in found)]
    together = budget_us is not None and min(enough) > budget_us
    return Advice(
        architecture=architecture,
        graph=scales.graph,
        prediction=scales.prediction,
        peak_ram_bytes=scales.peak_ram_bytes,
        budget_us=budget_us,
        alternatives=tuple(found),
        combination=_combined(scales, found, budget_us or 0.0) if together and found else None,
    )


def _refuse_uncovered(architecture: Architecture) -> None:
    kinds = sorted({block.config.block_type for block in architecture.uncovered})
    if kinds:
        raise ModelError(
            f"advice needs operators that a block type builds; {architecture.name!r} has "
            f"{', '.join(kinds)}; advise on the part of the model without them."
        )


def _ram_bytes(graph: Graph, setup: Setup) -> int:
    return lower(graph, placement=setup.placement, scheme=setup.scheme).peak_ram_bytes


class _Scales:
    """One network, and what edits of it weigh."""

    def __init__(
        self, architecture: Architecture, predictor: Predictor, ram_bytes: Callable[[Graph], int]
    ) -> None:
        self.graph = architecture.graph()
        self.prediction = predictor.predict(architecture)
        self.peak_ram_bytes = ram_bytes(self.graph)
        self._architecture = architecture
        self._predictor = predictor
        self._ram_bytes = ram_bytes
        self._unedited = cache(self._broken)

    def weigh(self, edit: Edit) -> Saving | None:
        """What one edit saves; None where it cannot be built."""
        try:
            return self.weigh_graph(edit.apply(self.graph))
        except ModelError:
            return None

    def weigh_graph(self, edited: Graph) -> Saving:
        """What an edited graph saves.

        Raises:
            ModelError: it cannot be lowered.
        """
        peak_ram_bytes = self._ram_bytes(edited)
        after = regroup(self._architecture, self.graph, edited)
        before = self._unedited(after.split)
        old, new = self._predictor.predict(before), self._predictor.predict(after.architecture)
        saved_us = old.latency_us - new.latency_us
        sides = (
            _changed(before, after.architecture, old),
            _changed(after.architecture, before, new),
        )
        (old_down, old_up), (new_down, new_up) = map(_half_widths, sides, (old, new))
        return Saving(
            saved_us=saved_us,
            low_us=saved_us - hypot(old_down, new_up),
            high_us=saved_us + hypot(old_up, new_down),
            latency_us=self.prediction.latency_us - saved_us,
            saved_ram_bytes=self.peak_ram_bytes - peak_ram_bytes,
            peak_ram_bytes=peak_ram_bytes,
            macs=edited.macs,
        )

    def _broken(self, split: frozenset[str]) -> Architecture:
        """The network as it is, some blocks as their operators."""
        if not split:
            return self._architecture
        return regroup(self._architecture, self.graph, self.graph, split=split).architecture


def _changed(
    one: Architecture, other: Architecture, prediction: LatencyPrediction[float]
) -> list[BlockPrediction]:
    """Predictions of the blocks of one network that the other has not."""
    left = Counter(block.config for block in other.blocks)
    changed = []
    for block, priced in zip(one.blocks, prediction.blocks, strict=True):
        if left[block.config]:
            left[block.config] -= 1
        else:
            changed.append(priced)
    return changed


def _half_widths(
    blocks: Sequence[BlockPrediction], prediction: LatencyPrediction[float]
) -> tuple[float, float]:
    """How far the blocks' sum may be below and above its prediction.

    The network's own interval says how much wider or narrower than its blocks' it is.
    """
    down, up = _widths(blocks)
    all_down, all_up = _widths(prediction.blocks)
    return (
        down * _ratio(prediction.latency_us - prediction.low_us, all_down),
        up * _ratio(prediction.high_us - prediction.latency_us, all_up),
    )


def _widths(blocks: Iterable[BlockPrediction]) -> tuple[float, float]:
    widths = [
        (block.latency_us - block.low_us, block.high_us - block.latency_us) for block in blocks
    ]
    return sum(down for down, _ in widths), sum(up for _, up in widths)


def _ratio(network_us: float, blocks_us: float) -> float:
    return network_us / blocks_us if blocks_us else 1.0


def _where(edit: Edit, graph: Graph) -> str:
    """The layers that an edit changes, by their blocks."""
    blocks = {node.name: node.block for node in graph.nodes}
    sizes = Counter(blocks.values())
    names = dict.fromkeys(
        name if sizes[blocks[name]] > 1 and len(edit.nodes) == 1 else blocks[name]
        for name in edit.nodes
    )
    return ", ".join(names) or "whole network"


def _combined(
    scales: _Scales, alternatives: Iterable[Alternative], budget_us: float
) -> Combination | None:
    """The largest savings one after the other, each on what the ones before have left."""
    graph, members = scales.graph, []
    saving: Saving | None = None
    taken: set[tuple[str, tuple[str, ...]]] = set()
    for alternative in alternatives:
        edit = alternative.edit
        if (edit.kind, edit.nodes) in taken:
            continue
        try:
            edited = edit.apply(graph)
            weighed = scales.weigh_graph(edited)
        except ModelError:
            continue
        if saving is not None and weighed.saved_us <= saving.saved_us:
            continue
        graph, saving = edited, weighed
        taken.add((edit.kind, edit.nodes))
        members.append(alternative)
        if saving.latency_us <= budget_us:
            break
    return Combination(tuple(members), saving) if saving else None
