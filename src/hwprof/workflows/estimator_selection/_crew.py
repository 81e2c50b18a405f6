"""Several processes that train; the first Ctrl-C lets each finish what it has in hand."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any, Literal, TypeAlias, cast

from hwprof.architecture import Architecture
from hwprof.errors import ConfigurationError, PausedError
from hwprof.workflows.estimator_selection._records import SampleRecord, Trained
from hwprof.workflows.estimator_selection._trainings import TrainingPlan, Trainings

Work: TypeAlias = Literal["sample", "full"]
Done = Callable[[int], None]


class Crew:
    """Trains designs in ``workers`` processes, or in this one.

    Args:
        trainings: of this process; used where there is one worker.
        is_paused: whether somebody wishes to pause.
    """

    def __init__(
        self,
        plan: TrainingPlan,
        trainings: Trainings,
        *,
        workers: int,
        is_paused: Callable[[], bool] = lambda: False,
    ) -> None:
        self._plan, self._trainings = plan, trainings
        self._workers = workers
        self._is_paused = is_paused

    def samples(self, designs: Sequence[Architecture], done: Done) -> list[SampleRecord]:
        """Stage one's records, in the order of the designs.

        Raises:
            PausedError: somebody wished to pause; what was trained is kept.
            ConfigurationError: a process ended by itself, or a design cannot be trained.
        """
        return cast("list[SampleRecord]", self._run("sample", designs, done))

    def full(self, designs: Sequence[Architecture], done: Done) -> list[Trained]:
        """Full trainings, likewise."""
        return cast("list[Trained]", self._run("full", designs, done))

    def _run(self, work: Work, designs: Sequence[Architecture], done: Done) -> list[object]:
        run = self._here if min(self._workers, len(designs)) < 2 else self._elsewhere
        results: dict[int, object] = {}
        for number, result in run(work, designs):
            results[number] = result
            done(1)
        if len(results) < len(designs):
            raise PausedError(
                f"paused with {len(results)} of {len(designs)} trained; all of it is kept, and "
                "the same command goes on."
            )
        return [results[number] for number in range(len(designs))]

    def _here(self, work: Work, designs: Sequence[Architecture]) -> Iterator[tuple[int, object]]:
        for number, design in enumerate(designs):
            if self._is_paused():
                return
            yield number, getattr(self._trainings, work)(design)

    def _elsewhere(
        self, work: Work, designs: Sequence[Architecture]
    ) -> Iterator[tuple[int, object]]:
        waiting = list(enumerate(designs))[::-1]
        running: dict[Future[object], int] = {}
        context = _Context()
        pool = ProcessPoolExecutor(
            min(self._workers, len(designs)),
            mp_context=context,
            initializer=_begin,
            initargs=(self._plan,),
        )
        try:
            while running or (waiting and not self._is_paused()):
                while waiting and len(running) < self._workers and not self._is_paused():
                    number, design = waiting.pop()
                    running[pool.submit(_work, work, design)] = number
                ended, _ = wait(running, timeout=1, return_when=FIRST_COMPLETED)
                for future in ended:
                    yield running.pop(future), future.result()
        except BrokenProcessPool as error:
            raise ConfigurationError(
                "a training process ended by itself, as when memory runs out; the same command "
                f"goes on; give fewer --workers than {self._workers}."
            ) from error
        except BaseException:
            context.terminate()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


class _Context(SpawnContext):
    """Begins the processes of one pool, and ends these alone: the caller may have others."""

    def __init__(self) -> None:
        super().__init__()
        self._begun: list[SpawnProcess] = []

    def Process(self, *args: Any, **kwargs: Any) -> SpawnProcess:  # type: ignore[override]  # noqa: N802
        process = SpawnProcess(*args, **kwargs)
        self._begun.append(process)
        return process

    def terminate(self) -> None:
        """End what runs of them."""
        for process in self._begun:
            if process.is_alive():
                process.terminate()


_OWN: list[Trainings] = []
"""The trainings of a worker process."""


def _begin(plan: TrainingPlan) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    _OWN.append(Trainings(plan))


def _work(work: Work, design: Architecture) -> object:
    return getattr(_OWN[0], work)(design)
