"""How many threads PyTorch computes with."""

from __future__ import annotations

import torch


def hold_to_one_thread() -> None:
    """For processes that share the cores: more threads than cores slow each other down."""
    torch.set_num_threads(1)
