"""Every proxy against its formula, worked out beside it for a network of two weights."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from hwprof.blocks import GraphBuilder
from hwprof.errors import ConfigurationError
from hwprof.graph import Activation, Conv2d, Unary, UnaryFunction
from hwprof.networks import person_detector
from hwprof.search.performance import STRATEGIES, Evidence
from hwprof.search.training.data import read_pictures
from hwprof.search.training.loss import Targets
from hwprof.search.training.module import GraphModule
from hwprof.search.training.seed import SeedNetwork, fresh
from hwprof.search.training.zero_cost import PROXIES, DetectorProbes, Minibatch, Probe
from hwprof.testing.pictures import draw_coco_set
from hwprof.testing.strategies import StrategyContract

A, B = 1.5, -2.0
"""The weights: y = B relu(A x) on each of 2 x 3 pixels."""
X = np.array(
    [
        [1.0, -2.0, 3.0, 0.5, -1.0, 2.0],
        [-1.0, 2.0, 0.5, -4.0, 1.0, 1.5],
        [2.0, 1.0, -1.0, 3.0, -2.0, -0.5],
    ]
)
WANTED = 0.25
STEPS = (0.0, 0.25)  # added to all inputs of each minibatch; changes no sign
NOTHING = Targets(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), torch.zeros(0) > 0)
SMALL = person_detector(k=3, g=8, c=24, width=220, aspect=0.5625)


def _two_weights(
    function: UnaryFunction | None = None, weights: tuple[float, float] = (A, B)
) -> GraphModule:
    """The network, its batch normalisation changing nothing; perhaps a function behind it."""
    builder = GraphBuilder()
    tensor = builder.input("x", (2, 3, 1))
    one = {"kernel_h": 1, "kernel_w": 1, "out_channels": 1}
    tensor = builder.add("net", "first", Conv2d(**one, activation=Activation.RELU), tensor)
    tensor = builder.add("net", "second", Conv2d(**one), tensor)
    if function is not None:
        tensor = builder.add("net", "function", Unary(function=function), tensor)
    network = GraphModule(builder.finish("two weights", [tensor]))
    for (_, unit), weight in zip(network.named_units(), weights, strict=True):
        torch.nn.init.constant_(unit.conv.weight, weight)
        unit.norm.eps = 0.0
    return network.eval()


def _minibatches(inputs=X):
    shaped = torch.tensor(inputs, dtype=torch.float32).reshape(-1, 1, 2, 3)
    return [Minibatch(shaped + step, NOTHING) for step in STEPS]


def _loss(output, _targets):
    """Half the mean squared distance from WANTED."""
    return (output - WANTED).square().mean() / 2


def _probe(network=_two_weights, inputs=X):
    return Probe(network, lambda: _minibatches(inputs), loss=_loss)


def _gradients(step=0.0):
    """DL/da and dL/db by the chain rule."""
    passed = np.maximum(X + step, 0)
    rest = A * B * passed - WANTED
    return np.mean(rest * B * passed), np.mean(rest * A * passed)


def _grasp():
    passed = np.maximum(X, 0)
    rest = A * B * passed - WANTED
    mixed = np.mean(A * B * passed**2 + rest * passed)
    hessian = np.array([[np.mean((B * passed) ** 2), mixed], [mixed, np.mean((A * passed) ** 2)]])
    return -np.array([A, B]) @ hessian @ np.array(_gradients())


def _fisher():
    """Of an input the sum over pixels of activation times gradient; the first layer's is b h r."""
    output = A * B * np.maximum(X, 0)
    sums = (output * (output - WANTED) / X.size).sum(axis=1)
    return 2 * np.mean(sums**2) / 2  # h dL/dh = h b dL/dy = y dL/dy: both layers are alike


def _jacob_cov():
    """Jacobians are a b where an input is positive, so correlations are those of its signs."""
    signs = (X > 0) - (X > 0).mean(axis=1, keepdims=True)
    signs /= np.linalg.norm(signs, axis=1, keepdims=True)
    shifted = np.linalg.eigvalsh(signs @ signs.T) + 1e-5
    return -np.sum(np.log(shifted) + 1 / shifted)


def _naswot():
    """Of the six ReLUs inputs 1 and 2 switch two alike, 1 and 3 three, 2 and 3 one."""
    return math.log(np.linalg.det([[6, 2, 3], [2, 6, 1], [3, 1, 6]]))


def _zico():
    magnitudes = np.abs([_gradients(step) for step in STEPS])
    return np.log(magnitudes.mean(axis=0) / magnitudes.std(axis=0)).sum()


def _zen(seed=0):
    """Two layers of normal weights, normalised by batch; the scales are standard deviations."""
    generator = torch.Generator().manual_seed(seed)
    scores = []
    for _ in range(4):
        a, b = (torch.randn((1, 1, 1, 1), generator=generator).item() for _ in range(2))
        x, e = (torch.randn((16, 1, 2, 3), generator=generator).numpy() for _ in range(2))
        (y, scales), (moved, _) = (_normalised(a, b, one) for one in (x, x + 0.01 * e))
        change = np.linalg.norm((moved - y).reshape(16, -1), axis=1).mean()
        scores.append(math.log(change) + sum(math.log(scale) for scale in scales))
    return np.mean(scores)


def _normalised(a, b, x):
    hidden, first = _one_normalised(a * x)
    output, second = _one_normalised(b * np.maximum(hidden, 0))
    return output, (first, second)


def _one_normalised(z):
    return (z - z.mean()) / np.sqrt(z.var() + 1e-5), z.std(ddof=1)


EXPECTED = {
    "grad_norm": lambda: abs(_gradients()[0]) + abs(_gradients()[1]),
    "snip": lambda: abs(A * _gradients()[0]) + abs(B * _gradients()[1]),
    "grasp": _grasp,
    "synflow": lambda: math.log(2 * 6 * A * -B),  # each layer's flow is the output, |a b| a pixel
    "fisher": _fisher,
    "jacob_cov": _jacob_cov,
    "naswot": _naswot,
    "zen": _zen,
    "l2_norm": lambda: A - B,
    "zico": _zico,
}


@pytest.mark.parametrize("name", PROXIES)
def test_a_proxy_of_two_weights_is_its_formula(name):
    """What each computes is what its paper says, on a network that can be worked out by hand."""
    assert PROXIES[name](_probe()) == pytest.approx(EXPECTED[name](), rel=1e-4)


@pytest.mark.parametrize("name", ["synflow", "jacob_cov", "zen"])
def test_a_function_behind_the_last_convolution_is_left_out(name):
    """A sigmoid there would saturate; scores are those of the network without it."""
    with_sigmoid = _probe(lambda: _two_weights(UnaryFunction.SIGMOID))

    assert PROXIES[name](with_sigmoid) == PROXIES[name](_probe())


def test_weights_with_a_steady_gradient_have_no_part_in_zico():
    """Equal minibatches leave no weight, and the score of nothing is 0."""
    same = Probe(_two_weights, lambda: [_minibatches()[0]] * 2, loss=_loss)

    assert PROXIES["zico"](same) == 0


@pytest.mark.parametrize(
    ("name", "inputs"),
    [("jacob_cov", np.abs(X)), ("naswot", np.repeat(X[:1], 3, axis=0))],
    ids=["all ReLUs open", "one input three times"],
)
def test_inputs_that_tell_nothing_apart_are_refused(name, inputs):
    """A correlation of constants, or the determinant of equal rows, is no score."""
    evidence = Evidence(SMALL, probe=_probe(inputs=inputs))

    with pytest.raises(ConfigurationError, match=f"{STRATEGIES[name].title} owes a finite score"):
        STRATEGIES[name].fit([], []).scores([evidence])


@pytest.mark.parametrize("name", ["grad_norm", "snip", "grasp", "fisher", "zico"])
def test_pictures_without_labels_are_refused(name):
    """The gradient of a loss needs something to be wrong about."""
    probe = Probe(_two_weights, _minibatches, is_labelled=False)

    with pytest.raises(ConfigurationError, match="needs pictures with labels of 'person-detector"):
        STRATEGIES[name].fit([], []).scores([Evidence(SMALL, probe=probe)])


@pytest.mark.parametrize(
    "name", ["grad_norm", "snip", "grasp", "synflow", "fisher", "l2_norm", "zico"]
)
def test_a_network_that_training_leaves_alone_is_refused(name):
    """Where training changes no kernel there is none to look at."""
    probe = _probe(lambda: _two_weights().requires_grad_(requires_grad=False))

    with pytest.raises(ConfigurationError, match="'two weights' has none; take a strategy"):
        STRATEGIES[name].fit([], []).scores([Evidence(SMALL, probe=probe)])


def test_a_network_that_nothing_flows_through_ranks_below_all_others():
    """SynFlow is a logarithm; that of nothing is the lowest there is, and still a number."""
    dead = _probe(lambda: _two_weights(weights=(A, 0.0)))
    faint = _probe(lambda: _two_weights(weights=(A, 1e-30)))

    evidence = [Evidence(SMALL, probe=probe) for probe in (dead, faint)]

    low, high = STRATEGIES["synflow"].fit([], []).scores(evidence)

    assert low == math.log(sys.float_info.min)
    assert low < high


class TestContract(StrategyContract):
    """All zero-cost strategies; the others keep it in ``performance/test_strategies.py``."""

    @pytest.fixture(params=PROXIES)
    def strategy(self, request):
        """One after the other."""
        return STRATEGIES[request.param]

    @pytest.fixture
    def designs(self):
        """Networks of other weights, shown other inputs."""
        probes = [
            Probe(
                partial(_two_weights, weights=(A, weight)),
                partial(_minibatches, np.roll(X, by, axis=1)),
                loss=_loss,
            )
            for by, weight in enumerate((B, 0.5, 1.0))
        ]
        return [Evidence(SMALL, probe=probe) for probe in probes], np.arange(3.0)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Eight drawn pictures."""
    return read_pictures(draw_coco_set(tmp_path_factory.mktemp("set"), train=8, val=0))


@pytest.fixture(scope="module")
def start():
    """A seed network of random weights."""
    return SeedNetwork(fresh(person_detector(), seed=1).state_dict())


def test_every_proxy_of_a_detector_depends_on_the_seed_alone(start, pictures):
    """Probes made twice give the same numbers, asked in whatever order."""
    first, second = (DetectorProbes(start, pictures, batch=2).probe(SMALL) for _ in range(2))

    there = {name: proxy(first) for name, proxy in PROXIES.items()}
    back = {name: proxy(second) for name, proxy in reversed(PROXIES.items())}

    assert all(math.isfinite(value) for value in there.values())
    assert there == back


def test_a_frozen_backbone_is_seen_through_its_features(start, pictures):
    """What training leaves alone has no part in a score; what it changes has."""
    frozen, whole = (
        DetectorProbes(start, pictures, frozen=is_frozen, batch=2).probe(SMALL)
        for is_frozen in (True, False)
    )

    assert {name.partition("/")[0] for name, _ in frozen.network().named_units()} == {
        "spp",
        "dethead",
    }
    assert frozen.network().training
    assert whole.network().training
    assert frozen.minibatch.inputs.shape[1] == 336
    assert whole.minibatch.inputs.shape[1:] == (3, 124, 220)
    assert PROXIES["l2_norm"](whole) > PROXIES["l2_norm"](frozen)


def test_a_handful_of_pictures_is_refused(start, pictures):
    """Two minibatches have two pictures each, or there is nothing to compare."""
    with pytest.raises(ConfigurationError, match="got 3 pictures for training"):
        DetectorProbes(start, pictures[:3])


def test_pictures_of_nobody_are_refused_where_a_loss_is_asked(start, pictures):
    """A set whose drawn pictures show no object has no labels; proxies of outputs do without."""
    empty = [replace(one, boxes=one.boxes[:0], crowd=one.crowd[:0]) for one in pictures]
    evidence = [Evidence(SMALL, probe=DetectorProbes(start, empty, batch=2).probe(SMALL))]

    with pytest.raises(ConfigurationError, match="SNIP needs pictures with labels of 'person-det"):
        STRATEGIES["snip"].fit([], []).scores(evidence)
    assert np.isfinite(STRATEGIES["naswot"].fit([], []).scores(evidence)).all()
