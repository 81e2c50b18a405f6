"""The contract that all 24 keep, and the values of those that need no PyTorch."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kendalltau

from hwprof.errors import ArtefactError, ConfigurationError, UnknownNameError
from hwprof.networks import cifar10_cnn, person_detector
from hwprof.search.performance import (
    STRATEGIES,
    Evidence,
    encoding_of,
    get_strategy,
    load_fitted,
    strategies,
)
from hwprof.search.performance._models import curve_columns
from hwprof.search.spaces import PersonDetection
from hwprof.testing.strategies import StrategyContract

TITLES = """
    FLOPs, params, grad_norm, SNIP, GraSP, SynFlow, Fisher, jacob_cov, NASWOT, Zen, l2_norm, ZiCo,
    early-stop AP, early-stop loss, SoTL, SoTL-E, curve fit, LcSVR, Bayesian ridge,
    Gaussian process, random forest, gradient boosting, SVR, MLP ensemble
"""
WITHOUT_TORCH = [name for name, row in STRATEGIES.items() if row.kind != "zero-cost"]
MODELS = [name for name, row in STRATEGIES.items() if row.needs.samples]
OF_ENCODING = [name for name in MODELS if not STRATEGIES[name].needs.curve_epochs]


def _evidence(count=40, seed=0):
    """Designs whose loss falls faster the more FLOPs they have; their APs."""
    space, generator = PersonDetection(), np.random.default_rng(seed)
    numbers = generator.choice(space.size, count, replace=False).tolist()
    epochs = np.arange(1, 11)
    designs = []
    for architecture in space.architectures(numbers):
        ease = encoding_of(architecture)["log_flops"] - 18
        losses = 2 - ease / 4 + 3 * epochs**-0.7 + generator.normal(0, 0.01, 10)
        one = Evidence(
            architecture, curve=tuple(losses), early_ap=ease / 10, early_loss=float(losses[-1])
        )
        designs.append(one)
    return designs, np.array([one.columns["log_flops"] / 20 for one in designs])


@pytest.fixture(scope="module")
def designs():
    """Forty designs with their quality."""
    return _evidence()


def test_there_are_24_in_the_order_of_the_table():
    """One row each, every one with a source and a name of its own."""
    assert [row.title for row in STRATEGIES.values()] == re.split(r",\s+", TITLES.strip())
    assert all(row.source and row.name == name for name, row in STRATEGIES.items())


def test_the_registry_imports_no_torch():
    """Who takes no zero-cost proxy needs no PyTorch."""
    code = "import sys, hwprof.search.performance; sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


class TestContract(StrategyContract):
    """All that need no PyTorch; zero-cost ones keep it in ``training/test_zero_cost.py``."""

    @pytest.fixture(params=WITHOUT_TORCH)
    def strategy(self, request):
        """One after the other."""
        return STRATEGIES[request.param]

    def test_it_is_found_again_by_its_document(self, strategy, designs):
        """A document says whose it is."""
        evidence, quality = designs
        fitted = strategy.fit(evidence, quality)

        again = load_fitted(fitted.document())

        assert again.strategy.name == strategy.name
        np.testing.assert_array_equal(again.scores(evidence), fitted.scores(evidence))


class TestValues:
    """Numbers that can be checked by hand."""

    @pytest.mark.parametrize(
        ("name", "score"),
        [
            ("early-stop-ap", 0.25),
            ("early-stop-loss", -2.5),
            ("sotl", -(5 + 4 + 3.5 + 3.25)),
            ("sotl-e", -3.25),
        ],
    )
    def test_early_values(self, name, score):
        """Losses count against a design; what comes after the early epochs does not count."""
        one = Evidence(person_detector(), curve=(5, 4, 3.5, 3.25, 1), early_ap=0.25, early_loss=2.5)

        assert get_strategy(name, early_epochs=4).fit([], []).scores([one]) == [score]

    @pytest.mark.parametrize("decay", [0.3, 1.0, 2.0])
    def test_a_power_law_is_found_again(self, decay):
        """From six epochs of 1.5 + 2 t^-c, its value at epoch 30."""
        curve = tuple(1.5 + 2 * epoch**-decay for epoch in range(1, 7))

        (score,) = (
            STRATEGIES["curve-fit"].fit([], []).scores([Evidence(person_detector(), curve=curve)])
        )

        assert score == pytest.approx(-(1.5 + 2 * 30**-decay), rel=1e-4)

    def test_a_curve_that_rises_is_taken_to_stay(self):
        """No power law rises; the best of them is the mean."""
        one = Evidence(person_detector(), curve=(1, 2, 3, 4, 5, 6))

        assert STRATEGIES["curve-fit"].fit([], []).scores([one]) == pytest.approx([-3.5])

    def test_counts(self):
        """FLOPs are twice the MACs; parameters have batch normalisation's."""
        seed = Evidence(person_detector())

        assert STRATEGIES["flops"].fit([], []).scores([seed]) == [2 * seed.architecture.macs]
        assert STRATEGIES["params"].fit([], []).scores([seed]) == [
            seed.architecture.parameters_with_batch_norm
        ]

    def test_columns_of_a_curve(self):
        """LcSVR sees losses, slopes and bends."""
        assert curve_columns(np.array([9.0, 5.0, 3.0, 2.0])) == {
            "loss_1": 9,
            "loss_2": 5,
            "loss_3": 3,
            "loss_4": 2,
            "slope_1": -4,
            "slope_2": -2,
            "slope_3": -1,
            "bend_1": 2,
            "bend_2": 1,
        }

    def test_encodings(self):
        """A detector by its parameters and FLOPs, a network without parameters by its size."""
        detector, other = person_detector(), cifar10_cnn()

        assert encoding_of(detector) == {
            "k": 5,
            "g": 1,
            "c": 96,
            "width": 320,
            "aspect": 0.8,
            "log_flops": pytest.approx(np.log(2 * detector.macs)),
        }
        assert encoding_of(other)["log_flops"] == pytest.approx(np.log(2 * other.macs))
        assert encoding_of(other)["rows"] == 32


class TestTwoKinds:
    """Ten designs of quality 0 and ten of 1, which one column tells apart: it is -1 or 1.

    So is the standardised quality, 0.5 deviations from its mean; what each model makes of that can
    be worked out.
    """

    QUALITY = np.repeat([0.0, 1.0], 10)

    @pytest.fixture
    def kinds(self):
        """Their evidence; a curve of one kind is the other's plus one, so slopes are equal."""
        falling = np.array([5.0, 4, 3.5, 3.25, 3.2, 3.1])
        return [
            Evidence(person_detector(), encoding={"x": x}, curve=tuple(falling + 1 - x))
            for x in self.QUALITY
        ]

    def scored(self, name, kinds):
        """Of one design of each kind."""
        return STRATEGIES[name].fit(kinds, self.QUALITY).scores([kinds[0], kinds[-1]])

    @pytest.mark.parametrize("name", ["bayesian-ridge", "gaussian-process"])
    def test_what_fits_all_samples_says_so(self, name, kinds):
        """A line goes through both kinds, and so does a smooth function with hardly any noise."""
        assert self.scored(name, kinds) == pytest.approx([0, 1], abs=2e-3)

    def test_a_line_goes_on(self, kinds):
        """Bayesian ridge extrapolates: halfway between the kinds is half, three steps on is 3."""
        fitted = STRATEGIES["bayesian-ridge"].fit(kinds, self.QUALITY)
        others = [Evidence(person_detector(), encoding={"x": x}) for x in (0.5, 3)]

        assert fitted.scores(others) == pytest.approx([0.5, 3], abs=1e-3)

    def test_a_gaussian_process_knows_nothing_far_away(self, kinds):
        """There its answer is the mean."""
        fitted = STRATEGIES["gaussian-process"].fit(kinds, self.QUALITY)

        assert fitted.scores([Evidence(person_detector(), encoding={"x": 1e6})]) == [0.5]

    def test_each_tree_of_a_forest_has_a_leaf_for_each_kind(self, kinds):
        """A leaf of one kind has its mean, and so has the mean of such leaves."""
        assert self.scored("random-forest", kinds) == pytest.approx([0, 1], abs=1e-12)

    def test_boosting_halves_the_rest_every_sixteen_rounds(self, kinds):
        """A round takes 0.05 n / (n + 1) of what is left, n = 8 samples of a kind in its draw.

        After 200 rounds 0.5 (1 - 0.044)^200 = 6e-5 are left; draws vary.
        """
        left = np.abs(self.scored("gradient-boosting", kinds) - [0, 1])

        assert (left > 2e-5).all()
        assert (left < 2e-4).all()

    @pytest.mark.parametrize("name", ["svr", "lcsvr"])
    def test_support_vectors_stop_at_the_tube(self, name, kinds):
        """The flattest function stays epsilon = 0.1 short of both, in deviations of 0.5."""
        assert self.scored(name, kinds) == pytest.approx([0.05, 0.95], abs=1e-3)

    def test_networks_are_pulled_to_the_mean(self, kinds):
        """Their penalty costs a part of the difference, as a ridge's would, and not all of it."""
        low, high = self.scored("mlp", kinds)

        assert 0 < low < 0.1
        assert 0.9 < high < 1


@pytest.mark.parametrize("name", MODELS)
class TestModels:
    """What is learnt, and from what nothing can be."""

    def test_order_of_designs_not_seen(self, name, designs):
        """A quality that follows from the evidence is learnt from 40 designs."""
        others, quality = _evidence(seed=1)

        scores = STRATEGIES[name].fit(*designs).scores(others)

        assert kendalltau(scores, quality).statistic > 0.7

    def test_too_few_designs(self, name, designs):
        """The message says how many it takes."""
        evidence, quality = designs

        with pytest.raises(ConfigurationError, match="from 10 trained designs or more; got 9"):
            STRATEGIES[name].fit(evidence[:9], quality[:9])

    def test_designs_of_one_quality(self, name, designs):
        """Nothing tells them apart."""
        evidence, _ = designs

        with pytest.raises(ConfigurationError, match=r"different quality; all 40 have 0\.25"):
            STRATEGIES[name].fit(evidence, np.full(40, 0.25))

    @pytest.mark.parametrize("broken", [np.nan, np.inf])
    def test_a_quality_that_is_no_number(self, name, broken, designs):
        """A training that failed has no quality."""
        evidence, quality = designs

        with pytest.raises(ConfigurationError, match="got 39 finite of shape"):
            STRATEGIES[name].fit(evidence, [*quality[:39], broken])

    def test_a_quality_too_few(self, name, designs):
        """Each design has one."""
        evidence, quality = designs

        with pytest.raises(ConfigurationError, match=r"each of 40 designs; got 39 finite of shape"):
            STRATEGIES[name].fit(evidence, quality[:39])

    def test_columns_without_difference(self, name, designs):
        """Designs that are all alike teach their mean quality."""
        (one, *_), quality = designs

        scores = STRATEGIES[name].fit([one] * 40, quality).scores([one])

        assert scores == pytest.approx(quality.mean(), abs=0.05)

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("columns", None),
            ("columns", ["k"]),
            ("arrays", {}),
            ("arrays", {"input_mean": {"dtype": "O", "shape": [1], "values": [0]}}),
            ("arrays", {"input_mean": {"dtype": "f", "shape": [2], "values": [0]}}),
            ("strategy", "no such"),
            ("early_epochs", 2),
        ],
    )
    def test_a_document_of_something_else(self, name, field, value, designs):
        """What was not written here is refused in a sentence."""
        document = STRATEGIES[name].fit(*designs).document() | {field: value}

        with pytest.raises(ArtefactError, match="fit it again"):
            load_fitted(document)

    def test_a_deviation_that_is_not_positive(self, name, designs):
        """Nothing can be divided by it."""
        document = STRATEGIES[name].fit(*designs).document()
        document["arrays"]["quality_deviation"]["values"] = [0.0]

        with pytest.raises(ArtefactError, match="quality_deviation of a stored model is positive"):
            load_fitted(document)


@pytest.mark.parametrize("name", OF_ENCODING)
@pytest.mark.parametrize("encoding", [{}, {"k": np.nan}], ids=["missing", "no number"])
def test_a_design_of_another_space(name, encoding, designs):
    """A model asks for the columns that it has learnt from."""
    fitted = STRATEGIES[name].fit(*designs)
    other = Evidence(person_detector(), encoding=encoding)

    with pytest.raises(
        ConfigurationError, match=r"needs a finite '\w+', as the others have it, of"
    ):
        fitted.scores([other])


@pytest.mark.parametrize(
    ("name", "evidence", "message"),
    [
        ("sotl", {}, "SoTL needs 6 losses, one for each epoch, not 0, of"),
        ("lcsvr", {"curve": (1.0,) * 5}, "LcSVR needs 6 losses, one for each epoch, not 5, of"),
        ("curve-fit", {"curve": (1.0,) * 5 + (np.nan,)}, "curve fit needs losses that are finite"),
        ("early-stop-ap", {}, "early-stop AP needs a value on the pictures for selection of"),
        ("early-stop-loss", {}, "needs a value on the pictures for selection of"),
        ("early-stop-loss", {"early_loss": np.nan}, "owes a finite score; of .* it is nan"),
        ("snip", {}, r"SNIP needs a network with its start weights \(a probe\) of 'person-detec"),
    ],
)
def test_what_evidence_lacks_is_named(name, evidence, message, designs):
    """The sentence says what to give, and what to take instead."""
    strategy = STRATEGIES[name]
    fitted = strategy.fit(*designs)

    with pytest.raises(ConfigurationError, match=message):
        fitted.scores([Evidence(person_detector(), **evidence)])


def test_too_few_epochs_for_a_curve():
    """A power law has three numbers."""
    with pytest.raises(ConfigurationError, match="from 4 epochs on; got 3"):
        strategies(early_epochs=3)


def test_an_unknown_strategy():
    """The message suggests the nearest."""
    with pytest.raises(UnknownNameError, match="did you mean sotl"):
        get_strategy("sotle")


def test_needs_in_words():
    """As a table prints them."""
    words = {
        name: str(STRATEGIES[name].needs) for name in ("flops", "zico", "early-stop-ap", "svr")
    }

    assert words == {
        "flops": "nothing",
        "zico": "start weights, 2 labelled minibatches, gradients",
        "early-stop-ap": "validation",
        "svr": "10 trained designs",
    }


def test_the_documented_table_is_the_registry():
    """Name, kind, needs and source of each row stand in docs/ESTIMATORS.md as they are."""
    text = (Path(__file__).parents[3] / "docs" / "ESTIMATORS.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| \d+ \| (.*?) \| `(.*?)` \| (.*?) \| (.*?) \| (.*?) \|$", text, re.MULTILINE
    )

    assert rows == [
        (row.title, row.name, row.kind, str(row.needs), row.source) for row in STRATEGIES.values()
    ]
