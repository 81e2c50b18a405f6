"""How well unseen networks are predicted: several families, against the virtual RT1170.

    python benchmarks/network_error.py --workspace build/network-error --json

Predicts by the surrogates of that workspace or those that ship, and runs each network whole on
the virtual board; measured rows stay in the workspace, so an interrupted run goes on. No network
is among those that the shipped correction was fitted on.

Beside the surrogates stand what one would do without: one coefficient for each MAC, the nearest
measured block of a table, and gradient boosting on the features of whole networks. A family left
out is predicted with a correction fitted on the networks of the other families. Asked for: MAPE
at most 3 %, Spearman at least 0.99, families left out at most 6 %, 90 % intervals that cover 87
to 93 %.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hwprof import Architecture, predict_latency
from hwprof.firmware_stub.stamp import code_sha256
from hwprof.luts import load_table
from hwprof.networks import parse_architecture
from hwprof.profiler.bench import Bench, Setup
from hwprof.profiler.store import MeasurementStore
from hwprof.surrogates.artefact import LUT_FILE, Artefact, load_artefact
from hwprof.surrogates.catalogue import Question, artefact_roots, choose_entries, list_entries
from hwprof.surrogates.correction import fit_correction
from hwprof.surrogates.features import block_features, parameter_table
from hwprof.surrogates.keys import parse_key
from hwprof.surrogates.network_rows import MeasuredNetworks, measured_networks
from hwprof.surrogates.predictions import LatencyPrediction
from hwprof.surrogates.predictor import Predictor
from hwprof.surrogates.pricing import SurrogatePricer
from hwprof.surrogates.regressors import NearestSample
from hwprof.surrogates.validation import assign_folds, score
from hwprof.workflows.measure_networks import FAMILIES, draw_networks, measure_networks
from hwprof.workspace import Workspace

FloatArray = npt.NDArray[np.float64]
Prediction = LatencyPrediction[FloatArray]

_FITTED_ON = 64
"""At least as many as scripts/make_artefacts.py measures from its seed, 0, for the correction."""
_FOLDS = 10


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Networks, what they take, and what families they are of."""

    architectures: tuple[Architecture, ...]
    families: npt.NDArray[np.str_]
    modelled_us: FloatArray

    def of(self, chosen: npt.NDArray[np.bool_]) -> Judged:
        architectures = np.array(self.architectures, dtype=object)[chosen]
        return Judged(tuple(architectures), self.families[chosen], self.modelled_us[chosen])


def main() -> None:
    """Draw, measure, predict, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--families", default=",".join(FAMILIES), help="some of the default")
    parser.add_argument("--workspace", type=Path, default=Path("build/network-error"))
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    workspace = Workspace(options.workspace)
    judged, refused = measured(workspace, options)
    artefact = installed_artefact(workspace)
    predicted = predict_latency(judged.architectures, workspace=workspace)
    result = {
        "n": len(judged.architectures),
        "too_large_for_the_board": refused,
        "surrogate": described(judged.modelled_us, predicted),
        "families": {
            str(family): described(
                judged.of(here).modelled_us,
                predict_latency(judged.of(here).architectures, workspace=workspace),
            )
            for family in np.unique(judged.families)
            for here in [judged.families == family]
        },
        "families_left_out": left_out(artefact, judged),
        "baselines": baselines(judged, workspace),
    }
    if options.json:
        print(json.dumps(result, indent=2))
        return
    show(result)


def measured(workspace: Workspace, options: argparse.Namespace) -> tuple[Judged, int]:
    """The drawn networks that the board holds, with their modelled latency."""
    families = options.families.split(",")
    fitted_on = {network.name for network in draw_networks(_FITTED_ON, seed=0)}
    drawn = [
        network
        for network in draw_networks(2 * options.count, seed=options.seed, families=families)
        if network.name not in fitted_on
    ][: options.count]
    setup = Setup()
    report = measure_networks(
        workspace, setup, [network.name for network in drawn], workers=options.workers
    )
    with Bench(setup) as bench, MeasurementStore(workspace.store) as store:
        rows, context = store.frame(), bench.origin.context
    found = measured_networks(rows, context, code_sha256("rt1170", setup.kernels))
    latency_us = dict(zip((one.name for one in found.architectures), found.latency_us, strict=True))
    kept = [network for network in drawn if network.name in latency_us]
    return Judged(
        tuple(parse_architecture(network.name) for network in kept),
        np.array([network.family for network in kept]),
        np.array([latency_us[network.name] for network in kept]),
    ), len(report.refused)


def installed_artefact(workspace: Workspace) -> Artefact:
    """The one that answers for the default context."""
    return load_artefact(
        choose_entries(Question(), list_entries(artefact_roots(workspace)))[0].folder
    )


def described(modelled_us: FloatArray, predicted: Prediction) -> dict[str, Any]:
    """Scores of predictions and of their intervals."""
    inside = (predicted.low_us <= modelled_us) & (modelled_us <= predicted.high_us)
    width = (predicted.high_us - predicted.low_us) / predicted.latency_us
    error = predicted.latency_us / modelled_us - 1
    return {
        "n": len(modelled_us),
        **asdict(score(modelled_us, predicted.latency_us)),
        "bias_percent": 100 * float(error.mean()),
        "worst_percent": 100 * float(np.abs(error).max()),
        "interval_level": predicted.interval_level,
        "coverage_percent": 100 * float(inside.mean()),
        "interval_median_half_width_percent": 50 * float(np.median(width)),
        "covered_macs_percent": float(predicted.covered_macs_percent.min()),
    }


def left_out(artefact: Artefact, judged: Judged) -> dict[str, Any]:
    """Each family by a correction that saw none of its networks, and the mean over families."""
    scores: dict[str, Any] = {}
    for family in np.unique(judged.families):
        here = judged.families == family
        rest = judged.of(~here)
        known = MeasuredNetworks(rest.architectures, rest.modelled_us)
        corrected = artefact.corrected(fit_correction(artefact, known)[0])
        predictor = Predictor(corrected, SurrogatePricer(corrected))
        predicted = predictor.predict_many(judged.of(here).architectures)
        scores[str(family)] = described(judged.of(here).modelled_us, predicted)
    mape = [one["mape_percent"] for one in scores.values()]
    return {"mape_percent": float(np.mean(mape)), "by_family": scores}


def baselines(judged: Judged, workspace: Workspace) -> dict[str, Any]:
    """What one would do without surrogates of blocks."""
    by_macs = predict_latency(judged.architectures, workspace=workspace, method="macs")
    folds = assign_folds([one.name for one in judged.architectures], _FOLDS, 0)
    families = np.unique(judged.families, return_inverse=True)[1]
    found = {
        "macs": by_macs.latency_us,
        "nearest_table_entry": nearest_us(judged, workspace),
        "gradient_boosting": boosted_us(judged, folds),
        "gradient_boosting_family_left_out": boosted_us(judged, families),
    }
    return {
        name: asdict(score(judged.modelled_us, latency_us)) for name, latency_us in found.items()
    }


def nearest_us(judged: Judged, workspace: Workspace) -> FloatArray:
    """Sum over blocks of the nearest measured block of the same type, 0 where there is none."""
    folder = choose_entries(Question(), list_entries(artefact_roots(workspace)))[0].folder
    table = load_table(folder / LUT_FILE)
    blocks = [block.config for one in judged.architectures for block in one.blocks]
    asked, known = list(dict.fromkeys(blocks)), [parse_key(key) for key in table.values]
    parameters = parameter_table([*known, *asked])
    cycles = dict.fromkeys(asked, 0.0)
    for kind in {config.block_type for config in known}:
        rows = [row for row, config in enumerate(known) if config.block_type == kind]
        wanted = [row for row, config in enumerate(asked) if config.block_type == kind]
        values = np.array([table.values[known[row].key] for row in rows])
        nearest = NearestSample().fit(parameters[rows], values)
        found = nearest.predict(parameters[len(known) + np.array(wanted, dtype=int)])
        cycles |= {asked[row]: value for row, value in zip(wanted, found.tolist(), strict=True)}
    us_per_cycle = 1e6 / table.context.clock_hz
    return us_per_cycle * np.array(
        [sum(cycles[block.config] for block in one.blocks) for one in judged.architectures]
    )


def boosted_us(judged: Judged, folds: npt.NDArray[np.int64]) -> FloatArray:
    """Gradient boosting on the summed features of whole networks, held out by fold."""
    import xgboost

    features = np.array(
        [
            block_features([block.config for block in one.blocks]).X.sum(axis=0)
            for one in judged.architectures
        ]
    )
    predicted = np.empty(len(features))
    for fold in np.unique(folds):
        here = folds == fold
        model = xgboost.XGBRegressor(n_estimators=300, max_depth=4, learning_rate=0.1, n_jobs=1)
        model.fit(np.log1p(features[~here]), np.log(judged.modelled_us[~here]))
        predicted[here] = np.exp(model.predict(np.log1p(features[here])))
    return predicted


def show(result: dict[str, Any]) -> None:
    """The result as tables."""
    print(f"{result['n']} networks; {result['too_large_for_the_board']} more did not fit the board")
    rows = {
        "surrogate, corrected": result["surrogate"],
        **{f"  {family}": scores for family, scores in result["families"].items()},
    }
    for name, scores in rows.items():
        print(
            f"{name:34} n {scores['n']:4} MAPE {scores['mape_percent']:7.3f} %  Spearman "
            f"{scores['spearman']:.4f}  interval covers {scores['coverage_percent']:5.1f} %, "
            f"median ±{scores['interval_median_half_width_percent']:.2f} %"
        )
    out = result["families_left_out"]
    print(f"families left out, mean of families {'':8} MAPE {out['mape_percent']:7.3f} %")
    for family, scores in out["by_family"].items():
        print(f"  {family:32} n {scores['n']:4} MAPE {scores['mape_percent']:7.3f} %")
    for name, scores in result["baselines"].items():
        print(f"{name:41} MAPE {scores['mape_percent']:7.3f} %  Spearman {scores['spearman']:.4f}")


if __name__ == "__main__":
    main()
