"""How many threads PyTorch computes with: one, so that sums round the same wherever they run.

Several add up in another order. Weights and calibrated ranges then differ in the sixth digit, and
the int8 network that is made of them in whole steps, and its average precision with it. Cores are
used by several processes instead, which more threads would slow down.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """For a block or, as a decorator, for a function."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
