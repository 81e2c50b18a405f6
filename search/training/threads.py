"""How many threads PyTorch computes with: one, so that sums round the same wherever they run.

Several add up in another order. Weights and calibrated ranges then differ in the sixth digit, and
the int8 network that is made of them in whole steps: on some ninety pictures its average precision
moves by more than 0.01. Cores are used by several processes instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


def hold_to_one_thread() -> None:
    """For a whole process: more threads than cores slow each other down."""
    torch.set_num_threads(1)


@contextmanager
def one_thread() -> Iterator[None]:
    """For a block or, as a decorator, for a function."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
