"""Processes that cannot write: what a full disk and media without permission do to a program."""

from __future__ import annotations

import os


def limit_files(size_bytes: int) -> None:
    """Let no file of this process grow beyond this; the system refuses as where a disk is full."""
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, size_bytes))


def drop_privilege() -> None:
    """Root may write what nobody may write; not without this capability (capabilities(7))."""
    import ctypes

    if os.geteuid() == 0:
        drop_from_bounding_set, dac_override = 24, 1
        ctypes.CDLL(None).prctl(drop_from_bounding_set, dac_override, 0, 0, 0)
