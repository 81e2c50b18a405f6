"""The search as a whole, from a problem to what is printed."""

import json

import pytest

from hwprof.networks import parse_architecture, person_detector
from hwprof.search.estimators import FlopsProxy, GivenLatency, LatencyEstimate
from hwprof.search.loop import SearchOptions
from hwprof.search.problem import Problem
from hwprof.search.spaces import Dimension, SearchSpace
from hwprof.search.strategies import get_strategy
from hwprof.workflows.verified_search import verified_search

ROW = {
    *("arch", "predicted_us", "low_us", "high_us", "board_us", "board_kind"),
    "chance_within_budget",
    *("task", "task_name", "details", "amounts"),
}
CHANNELS = tuple(range(24, 97, 8))


class Heads(SearchSpace):
    """The width of the head."""

    name = "heads"

    @property
    def dimensions(self):
        return (Dimension("channels", tuple(map(str, CHANNELS))),)

    @property
    def seed_point(self):
        return (len(CHANNELS) - 1,)

    def architecture(self, point):
        return person_detector(c=CHANNELS[point[0]])


def by_macs(architectures):
    """Three microseconds for a thousand MACs."""
    return [3e-3 * architecture.macs for architecture in architectures]


def by_silicon(architecture):
    """A third slower than ``by_macs`` says."""
    return LatencyEstimate.exactly(4e-3 * architecture.macs, "measured")


def by_model(architecture):
    """The same on a virtual board."""
    return LatencyEstimate.exactly(4e-3 * architecture.macs, "modelled")


@pytest.fixture
def search(tmp_path):
    """Runs a search of the heads."""

    def run(budget_us=None, trials=6, **options):
        problem = Problem(Heads(), FlopsProxy(), GivenLatency("by MACs", by_macs), budget_us)
        return verified_search(
            problem,
            get_strategy("random"),
            SearchOptions(trials=trials),
            storage=tmp_path / "studies",
            **options,
        )

    return run


def test_the_printed_object_keeps_its_contract(search):
    """Programs find the documented entries, in JSON that any reader takes."""
    result = json.loads(json.dumps(search(profile=by_silicon).to_json()))
    assert {
        "space_size",
        "sampler",
        "trials",
        "seed_network",
        "pareto",
        "hypervolume_share",
    } <= set(result)
    rows = [result["seed_network"], *result["pareto"]]
    assert {frozenset(row) for row in rows} == {frozenset(ROW)}
    assert {row["board_kind"] for row in (result, *rows)} == {"measured"}
    modelled = search(profile=by_model).to_json()["seed_network"]
    assert set(modelled) == ROW | {"modelled_us"}
    assert modelled["modelled_us"] == modelled["board_us"] == rows[0]["board_us"]


def test_winners_and_seed_are_run(search):
    """Every row of the front and the seed carry a latency from the board beside the prediction."""
    ran = []
    result = search(profile=lambda a: ran.append(a.name) or by_model(a))
    assert ran == [row.arch for row in (result.seed_network, *result.pareto)]
    assert result.seed_network.error_percent == pytest.approx(-25)


def test_the_seed_is_a_row_like_the_others(search):
    """The seed network stands beside the winners with its score and prediction."""
    seed = search().seed_network
    assert parse_architecture(seed.arch) == person_detector()
    assert (seed.task, seed.task_name) == (155_796_480, "flops-proxy")


def test_without_a_board_nothing_claims_to_be_modelled(search):
    """Rows that were not run say so."""
    result = search()
    assert {row.board_us for row in result.pareto} == {None}
    assert result.seed_network.error_percent is None
    assert result.board_kind is None


def test_a_search_that_saw_everything_has_the_whole_volume(search):
    """Ten heads, forty trials: the front is the exhaustive one."""
    result = search(trials=40)
    assert result.hypervolume_share == pytest.approx(1)
    assert result.exhaustive_front_size == len(result.pareto) == result.distinct == 10


def test_expensive_estimators_forgo_the_whole_space(search):
    """Without the exhaustive front there is no share, and none is made up."""
    assert search(exhaustive=False).hypervolume_share is None


def test_the_front_meets_the_budget(search):
    """Winners are below the budget; the seed is shown whether it is or not."""
    result = search(budget_us=200_000.0)
    assert max(row.predicted_us for row in result.pareto) <= 200_000
    assert result.seed_network.predicted_us > 200_000


def test_stages_report_their_progress(search):
    """Each stage ends at the total that it announced."""
    done = {}
    search(progress=lambda stage, count, total: done.setdefault((stage, total), []).append(count))
    assert {stage: sum(counts) - total for (stage, total), counts in done.items()} == {
        "exhaustive": 0, "search": 0, "verify": 0
    }  # fmt: skip
