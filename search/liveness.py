"""Who is at a trial, and whether they still are: a killed worker's trial is marked as failed.

Optuna's heartbeat serves ``optimize`` alone; here each trial keeps the process that runs it. What
a process on another host is at nobody here can know: its trials stay as they are.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

_WORKER = "worker"
_UNSIGNED_FOR = timedelta(minutes=1)
"""A trial that nobody has signed for so long belongs to a process that died before it could."""


def sign(trial: optuna.Trial) -> None:
    """Keep with a trial that this process runs it."""
    trial.set_user_attr(
        _WORKER,
        {"host": socket.gethostname(), "pid": os.getpid(), "started": _started(os.getpid())},
    )


def release_lost(study: optuna.Study) -> int:
    """Mark the running trials whose process is gone as failed; returns how many."""
    from optuna.trial import TrialState

    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    lost = [trial for trial in running if _is_lost(trial)]
    for trial in lost:
        study.tell(trial.number, state=TrialState.FAIL, skip_if_finished=True)
    return len(lost)


def _is_lost(trial: FrozenTrial) -> bool:
    worker = trial.user_attrs.get(_WORKER)
    if worker is None:
        begun = trial.datetime_start
        return begun is not None and datetime.now(begun.tzinfo) - begun > _UNSIGNED_FOR
    return not _is_alive(worker)


def _is_alive(worker: Mapping[str, object]) -> bool:
    if worker.get("host") != socket.gethostname():
        return True
    pid = int(str(worker.get("pid")))
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's, and so there
        pass
    return worker.get("started") == _started(pid)


def _started(pid: int) -> int:
    """When a process began, in the kernel's ticks: its number may be another's by now.

    Field 22 of /proc/PID/stat (proc(5)), behind the name, which may hold anything; 0 on systems
    without it.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0
    return int(text.rpartition(")")[2].split()[19])
