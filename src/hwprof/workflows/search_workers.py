"""Several processes that run the trials of one study.

Each builds its problem from the request and opens its own board. What a process finished is in
the storage, so that one which is killed takes nothing with it: the others go on.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING

from hwprof.errors import HwprofError
from hwprof.search.loop import join_search
from hwprof.search.strategies import get_strategy
from hwprof.workflows.search_latency import SearchBoard
from hwprof.workflows.search_plan import Say
from hwprof.workflows.search_problem import make_problem
from hwprof.workflows.search_request import SearchRequest
from hwprof.workspace import Workspace

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

Told = Callable[[int], None]
"""Told how many more trials are done."""


@dataclass(slots=True)
class _Counter:
    """Sums what one worker says, and passes on what no other had said before."""

    told: Told
    most: int = 0

    def __call__(self, done: int) -> None:
        if done > self.most:
            self.told(done - self.most)
            self.most = done


def run_workers(
    request: SearchRequest, workspace: Workspace, told: Told, *, say: Say = lambda _: None
) -> None:
    """Run the trials of a request in its number of processes; the study exists already.

    Returns when all processes have ended, also where some were killed, which ``say`` is told:
    whoever called looks at the study and does what is left.

    Raises:
        HwprofError: the first that a worker ended with; what others finished is kept.
    """
    context = get_context("spawn")
    listening: dict[Connection, SpawnProcess] = {}
    for number in range(request.workers):
        here, there = context.Pipe(duplex=False)
        process = context.Process(target=_work, args=(request, workspace, number, there))
        process.start()
        there.close()
        listening[here] = process
    try:
        errors = _listen(listening, _Counter(told))
    except BaseException:
        for process in listening.values():
            process.terminate()
        raise
    finally:
        for process in listening.values():
            process.join()
    for process in listening.values():
        if process.exitcode:
            say(f"a worker ended with {_cause(process.exitcode)}; its trials are done by the rest")
    if errors:
        raise errors[0]


def _cause(exitcode: int) -> str:
    """Why a process ended, as multiprocessing says it: signals are negative."""
    return f"exit code {exitcode}" if exitcode > 0 else signal.Signals(-exitcode).name


def _listen(listening: dict[Connection, SpawnProcess], count: _Counter) -> list[HwprofError]:
    """Hear all workers out: numbers of trials done, and errors; a closed line is the end of one."""
    errors: list[HwprofError] = []
    lines = set(listening)
    while lines:
        for line in wait(list(lines)):
            if not isinstance(line, Connection):
                continue
            try:
                said = line.recv()
            except EOFError:
                lines.discard(line)
                line.close()
                continue
            if isinstance(said, HwprofError):
                errors.append(said)
            else:
                count(said)
    return errors


def _work(request: SearchRequest, workspace: Workspace, number: int, line: Connection) -> None:
    done = 0

    def advance(more: int) -> None:
        nonlocal done
        done += more
        line.send(done)

    try:
        with SearchBoard(request.setup) as board:
            join_search(
                make_problem(request, board, workspace),
                get_strategy(request.strategy),
                request.options,
                storage=request.place(workspace),
                worker=str(number),
                progress=advance,
            )
    except HwprofError as error:
        line.send(error)
    except KeyboardInterrupt:
        pass  # its trial is marked; the parent was interrupted too and says so
    finally:
        line.close()
