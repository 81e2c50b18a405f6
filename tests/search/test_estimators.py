"""Task and latency estimators."""

import numpy as np
import pytest

from hwprof.errors import ConfigurationError, UnknownNameError
from hwprof.networks import person_detector
from hwprof.search.design import Design
from hwprof.search.estimators import TASKS, GivenLatency, get_task

NETWORKS = [person_detector(), person_detector(c=24), person_detector(c=24, aspect=1.0)]
DESIGNS = [Design(network) for network in NETWORKS]
EVERY_TASK = pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: task.name)


@EVERY_TASK
def test_a_task_scores_every_architecture(task):
    """One finite number for each, none for none."""
    assert np.isfinite(task.scores(DESIGNS)).all()
    assert task.scores(DESIGNS).shape == (3,)
    assert task.scores([]).shape == (0,)


@EVERY_TASK
def test_a_proxy_says_so(task):
    """Whoever reads a score sees in its name whether a task was measured."""
    assert task.name.endswith("-proxy") == task.is_proxy


@EVERY_TASK
def test_a_larger_head_scores_higher(task):
    """More is better: the seed's head before the smallest."""
    large, small, _ = task.scores(DESIGNS)
    assert large > small


def test_flops_are_twice_the_macs():
    """The seed has 155.80 MFLOPs."""
    (flops,) = get_task("flops-proxy").scores([Design(person_detector())])
    assert flops == 155_796_480


def test_parameters_do_not_see_the_input():
    """The same head on a larger input has the same parameters."""
    _, small, tall = get_task("parameters-proxy").scores(DESIGNS)
    assert small == tall


def test_an_unknown_task_suggests_the_nearest():
    """A misspelt estimator is answered with the one that was probably meant."""
    with pytest.raises(UnknownNameError, match="did you mean flops-proxy"):
        get_task("flop-proxy")


@pytest.mark.parametrize("answer", [[1.0, 2.0], 1.0, [1.0, 2.0, float("nan")]])
def test_a_latency_function_owes_one_number_each(answer):
    """Too few, none and not-a-number are refused by the estimator's name."""
    with pytest.raises(ConfigurationError, match="'broken' owes one finite number for each of 3"):
        GivenLatency("broken", lambda _: answer).latencies_us(NETWORKS)
