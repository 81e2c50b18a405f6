"""A surrogate moved to another board: choose blocks, measure them there, fit, save, report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from hwprof.architecture import block_graph
from hwprof.blocks import BLOCK_TYPES, BlockConfig
from hwprof.errors import ConfigurationError, ModelError
from hwprof.luts import CYCLES_METRIC, LookupTable, save_table
from hwprof.measurement import DEFAULT_TIMING, Context, Measurement, Placement
from hwprof.profiler.bench import Bench, Setup
from hwprof.profiler.sampling import sample
from hwprof.profiler.store import MeasurementStore
from hwprof.surrogates.artefact import (
    HEAD_FILE,
    LUT_FILE,
    Artefact,
    FittedModel,
    NetworkCorrection,
    Provenance,
    Stamp,
    context_slug,
    load_artefact,
    read_context,
    save_artefact,
)
from hwprof.surrogates.catalogue import (
    Question,
    artefact_roots,
    choose_entries,
    installed_code,
    list_entries,
)
from hwprof.surrogates.features import FEATURE_VERSION, block_features
from hwprof.surrogates.keys import parse_key
from hwprof.surrogates.regressors import PhysicalPrior, Vector
from hwprof.surrogates.rows import describe
from hwprof.surrogates.transfer import Design, Transfer, choose_blocks, floored
from hwprof.surrogates.validation import Scores, score
from hwprof.workspace import Workspace

CANDIDATES = 12
"""Blocks of each type among which those to measure are chosen."""

FEWEST_CHECKS = 3
"""Fewer have no rank correlation."""

_SEED_OF_CHECKS = 1 << 20
"""Checks are drawn apart from candidates, whatever the seed."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a user asks for.

    Attributes:
        source: target whose surrogate is moved; kernels, scheme and so on are those of ``setup``.
        setup: the board to measure on, and how.
        source_placement: of the surrogate that is moved; None for its board's default.
        samples: blocks to measure.
        checks: further blocks, drawn at random, to measure and to compare with predictions.
    """

    source: str
    setup: Setup
    source_placement: Placement | None = None
    samples: int = 10
    checks: int = 24
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Checks:
    """How near predictions of measured blocks came that nothing was learned from.

    Attributes:
        one_scalar: of the source's predictions times one factor.
        coverage_percent: blocks inside the transfer's interval.
    """

    n: int
    transfer: Scores
    one_scalar: Scores
    coverage_percent: float

    def to_json(self) -> dict[str, object]:
        """The object ``checks`` that ``hwprof transfer --json`` prints."""
        return {
            "n": self.n,
            "transfer": self.transfer.to_json(),
            "one_scalar": self.one_scalar.to_json(),
            "coverage_percent": self.coverage_percent,
        }


@dataclass(frozen=True, slots=True)
class TransferReport:
    """What a transfer found.

    Attributes:
        rows: the blocks measured to learn from, in the order they were chosen.
        refused: blocks that the board has no room for.
        scalar: the factor that one scalar would be.
        interval_percent: median width upwards over the candidates.
    """

    source: str
    context: str
    rows: tuple[Measurement, ...]
    refused: int
    scalar: float
    interval_percent: float
    checks: Checks | None

    def to_json(self) -> dict[str, object]:
        """The object that ``hwprof transfer --json`` prints."""
        return {
            "source": self.source,
            "context": self.context,
            "samples": [{"block_key": row.block_key, "cycles": row.cycles} for row in self.rows],
            "refused": self.refused,
            "scalar": self.scalar,
            "interval_percent": self.interval_percent,
            "checks": self.checks.to_json() if self.checks else None,
        }


def transfer_surrogate(workspace: Workspace, plan: Plan) -> tuple[TransferReport, Path]:
    """Move a surrogate to the board of ``plan.setup`` and save it in the workspace.

    What is measured is stored as rows too.

    Returns:
        What was found, and the artefact's folder.

    Raises:
        ArtefactError: there is no surrogate to move.
        ConfigurationError: the board has a surrogate already, or too few samples are asked for.
        LinkError: the board failed.
    """
    source = load_source(workspace, plan)
    configs = draw_candidates(list(source.types), CANDIDATES, plan.seed)
    everyone = Design.of(configs, source_coefficients(source))
    with Bench(plan.setup) as bench, MeasurementStore(workspace.store, create=True) as store:
        _check_free(workspace, bench.origin.context)
        board = _Board(bench, store)
        rows = measure_chosen(configs, everyone, plan.samples, board)
        checks = [row for row in map(board.measure, _draw_checks(source, plan)) if row]
    design = everyone.take(list(rows))
    moved = Transfer.fit(design, _cycles(rows.values()), source.interval_level)
    artefact = _artefact(source, (moved, everyone), list(rows.values()), plan.seed)
    own = save_artefact(artefact, workspace.artefacts)
    save_table(_table(artefact, rows.values()), own / LUT_FILE)
    tried = _try(source, moved, checks)
    report = TransferReport(
        source=plan.source,
        context=describe(artefact.context),
        rows=tuple(rows.values()),
        refused=board.refused,
        scalar=moved.scalar,
        interval_percent=float(100 * np.expm1(np.median(moved.half_widths(everyone)))),
        checks=tried,
    )
    return report, own


def load_source(workspace: Workspace, plan: Plan) -> Artefact:
    """The surrogate to move: of the source target, with the kernels and scheme of the setup.

    Raises:
        ArtefactError: nothing was fitted for it.
        ConfigurationError: several contexts answer.
    """
    setup = plan.setup
    question = Question(
        plan.source,
        setup.kernels,
        setup.scheme,
        plan.source_placement,
        timing=setup.timing or DEFAULT_TIMING,
        cache_state=setup.cache_state,
    )
    entries = choose_entries(question, list_entries(artefact_roots(workspace)))
    code = installed_code(question, read_context(entries[0].folder))
    return load_artefact(entries[0].folder, code)


def draw_candidates(types: Sequence[str], count: int, seed: int) -> list[BlockConfig]:
    """Random blocks of each registered type among ``types`` that cost something."""
    drawn = [
        config
        for kind in sorted(types)
        if kind in BLOCK_TYPES
        for config in sample(kind, count, method="random", seed=seed)
    ]
    free = (block_features(drawn).X.sum(axis=1) == 0).tolist()
    return [config for config, is_free in zip(drawn, free, strict=True) if not is_free]


def _draw_checks(source: Artefact, plan: Plan) -> list[BlockConfig]:
    """As many blocks of each type as are asked for in all, then every n-th of them."""
    types = [kind for kind in source.types if kind in BLOCK_TYPES]
    each = -(-plan.checks // max(len(types), 1))
    drawn = draw_candidates(types, each, plan.seed + _SEED_OF_CHECKS) if each else []
    order = np.random.default_rng(plan.seed).permutation(len(drawn))[: plan.checks]
    return [drawn[i] for i in order]


def source_coefficients(source: Artefact) -> Vector:
    """Cycles per count that all block types of the source share, (n_features,)."""
    return source.prior.regressor.arrays()["coefficients"].astype(np.float64)


class Measures(Protocol):
    """Measures blocks."""

    def measure(self, config: BlockConfig) -> Measurement | None:
        """A row of the block, None where the board cannot run it or its row is no data point."""


class _Board:
    """Measures blocks and keeps their rows; counts those that it has no room for."""

    def __init__(self, bench: Bench, store: MeasurementStore) -> None:
        self._bench = bench
        self._store = store
        self.refused = 0

    def measure(self, config: BlockConfig) -> Measurement | None:
        try:
            program = self._bench.lower(block_graph(config))
            row = self._bench.measure(program, block_type=config.block_type, block_key=config.key)
        except ModelError:
            self.refused += 1
            return None
        self._store.add(row)
        self.refused += bool(row.error)
        return None if row.error else row


def measure_chosen(
    configs: Sequence[BlockConfig], design: Design, count: int, board: Measures
) -> dict[int, Measurement]:
    """Rows by candidate; what the board refuses is no candidate, and another is chosen.

    Raises:
        ConfigurationError: the board runs fewer candidates than are to be measured.
    """
    usable = list(range(len(configs)))
    rows: dict[int, Measurement] = {}
    while len(rows) < count:
        measured = [usable.index(number) for number in rows]
        (place,) = choose_blocks(design.take(usable), 1, measured)
        number = usable[place]
        row = board.measure(configs[number])
        if row is None:
            usable.remove(number)
        else:
            rows[number] = row
    return rows


def _check_free(workspace: Workspace, context: Context) -> None:
    own = workspace.artefacts / context_slug(context)
    if not (own / HEAD_FILE).is_file() or load_artefact(own).provenance.transferred_from:
        return
    raise ConfigurationError(
        f"a transfer takes no fitted surrogate's place; {own} has one for {describe(context)}; use "
        "it, or another --workspace."
    )


def _cycles(rows: Iterable[Measurement]) -> Vector:
    return np.array([row.cycles for row in rows], dtype=np.float64)


def _artefact(
    source: Artefact, moved: tuple[Transfer, Design], rows: Sequence[Measurement], seed: int
) -> Artefact:
    transfer, everyone = moved
    origin = rows[0].origin
    widths = transfer.half_widths(everyone)
    base = floored(source_coefficients(source))
    level = source.interval_level

    def model(kind: str) -> FittedModel:
        inside = everyone.types == kind if kind else np.ones(len(widths), dtype=np.bool_)
        regressor = PhysicalPrior()
        regressor.coefficients_ = base * transfer.multipliers(kind)
        return FittedModel(regressor, float(np.quantile(widths[inside], level)), len(rows))

    return Artefact(
        context=origin.context,
        stamp=Stamp(
            FEATURE_VERSION,
            origin.context.timing_model,
            origin.code_sha256 or origin.firmware_sha256,
        ),
        interval_level=level,
        prior=model(""),
        macs=None,
        types={str(kind): model(str(kind)) for kind in np.unique(everyone.types)},
        correction=NetworkCorrection(),
        provenance=Provenance(
            rows=dict(Counter(row.block_type for row in rows)),
            excluded={},
            seed=seed,
            n_folds=0,
            firmware_sha256=origin.firmware_sha256,
            transferred_from=describe(source.context),
        ),
    )


def _table(artefact: Artefact, rows: Iterable[Measurement]) -> LookupTable:
    return LookupTable(
        context=artefact.context,
        metric=CYCLES_METRIC,
        unit="cycle",
        values={row.block_key: float(row.cycles) for row in rows},
        code_sha256=artefact.stamp.code_sha256,
        provenance={"rows": artefact.prior.n, "seed": artefact.provenance.seed},
    )


def _try(source: Artefact, moved: Transfer, rows: Sequence[Measurement]) -> Checks | None:
    if len(rows) < FEWEST_CHECKS:
        return None
    design = Design.of([parse_key(row.block_key) for row in rows], source_coefficients(source))
    return try_transfer(moved, design, _cycles(rows))


def try_transfer(moved: Transfer, design: Design, cycles: Vector) -> Checks:
    """Scores of a transfer, and of one scalar, on blocks that it did not learn from."""
    ratio, _ = moved.predict(design)
    errors = np.abs(np.log(cycles / (design.priced * ratio)))
    return Checks(
        n=len(cycles),
        transfer=score(cycles, design.priced * ratio),
        one_scalar=score(cycles, design.priced * moved.scalar),
        coverage_percent=float(100 * (errors <= moved.half_widths(design)).mean()),
    )
