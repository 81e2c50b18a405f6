"""Where a training computes: the processor, or one GPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from hwprof.errors import ConfigurationError

_KINDS = ("cpu", "cuda", "mps", "xpu")


def training_device(name: str) -> torch.device:
    """The device of a name such as ``cpu``, ``cuda`` or ``cuda:1``, checked by using it.

    Raises:
        ConfigurationError: it is no such name, or this PyTorch or this machine does not have it.
    """
    try:
        device = torch.device(name)
        if device.type not in _KINDS:
            raise ValueError("nothing is trained there")
        torch.zeros(1, device=device)
    except Exception as error:  # each kind of device fails with an exception of its own
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ConfigurationError(
            f"training runs on one of {', '.join(_KINDS)}, as far as PyTorch here has them; "
            f"{name!r} cannot be used ({reason}); use cpu."
        ) from error
    return device


@contextmanager
def repeatable() -> Iterator[None]:
    """Let GPUs choose those of their convolutions that round the same every time."""
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True):
        yield
