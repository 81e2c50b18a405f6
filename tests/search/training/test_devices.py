"""A device is used before a training relies on it."""

from __future__ import annotations

import pytest
import torch

from hwprof.errors import ConfigurationError
from hwprof.search.training.devices import repeatable, training_device

MISSING = "no-such-device", "meta", "cpu:cpu", ""


def test_the_processor_is_always_there():
    """A training on the CPU needs nothing."""
    assert training_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", MISSING)
def test_other_names_are_one_sentence(name):
    """What is no device, or none to train on, is refused with a way out."""
    with pytest.raises(ConfigurationError, match=rf"'{name}' cannot be used \(.+\); use cpu\."):
        training_device(name)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has what is asked for in vain")
def test_a_gpu_that_is_not_there_is_one_sentence():
    """A build or a machine without a GPU says so before anything is read."""
    with pytest.raises(ConfigurationError, match=r"'cuda' cannot be used"):
        training_device("cuda")


def test_settings_are_given_back():
    """Deterministic convolutions last as long as the training."""
    before = torch.backends.cudnn.deterministic

    with repeatable():
        inside = torch.backends.cudnn.deterministic

    assert (inside, torch.backends.cudnn.deterministic) == (True, before)
