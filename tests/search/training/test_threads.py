"""Where results must not depend on how many threads there are, there is one."""

from __future__ import annotations

import pytest
import torch

from hwprof.search.training.threads import one_thread


@pytest.fixture
def several_threads():
    """Three, until the test ends."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("several_threads")
def test_a_block_has_one_thread_and_gives_the_others_back():
    """Also where it ends in an error."""
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 3
    with pytest.raises(KeyError), one_thread():
        raise KeyError
    assert torch.get_num_threads() == 3


@pytest.mark.usefixtures("several_threads")
def test_a_function_has_one_thread_every_time():
    """As it is called, not as it is made."""
    count = one_thread()(torch.get_num_threads)
    assert [count(), torch.get_num_threads(), count()] == [1, 3, 1]
