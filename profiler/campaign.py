"""A campaign: many tasks measured on one board or several, resumable, each stored once.

Stations lower and run; one process, the caller's, deals the tasks and writes the store. A killed
campaign has lost the tasks under way and nothing else; started again it measures what has no row
yet. Each board is checked against itself (``reference_checks``) before its first task, at
intervals and at the end; one that drifted, or was lost, is dealt no more, and its tasks go to the
others.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hwprof.errors import BoardError, DriftError, LinkError
from hwprof.profiler.bench import Setup
from hwprof.profiler.campaign_lock import only_campaign
from hwprof.profiler.lineup import Post, boards, opened_posts
from hwprof.profiler.reference_block import Reading
from hwprof.profiler.reference_checks import CheckBook, CheckPlan
from hwprof.profiler.stations import Answer, CheckReference, Job, Measure, PassOver, ready
from hwprof.profiler.store import MeasurementStore
from hwprof.profiler.tasks import NetworkTask, Outcome, Task

__all__ = ["CampaignReport", "CheckPlan", "NetworkTask", "Outcome", "Task", "run_campaign"]


@dataclass(frozen=True, slots=True)
class CampaignReport:
    """Every task asked for is in exactly one of the counts.

    Attributes:
        left: tasks not begun, or given up, because the campaign was paused.
        dropped: a sentence for each board that drifted or was lost while others went on.
    """

    asked: int
    measured: int
    already_stored: int
    errors: tuple[Outcome, ...]
    refused: tuple[Outcome, ...]
    left: int = 0
    dropped: tuple[str, ...] = ()

    def __str__(self) -> str:
        text = (
            f"{self.asked} asked, {self.measured} measured, {self.already_stored} already stored, "
            f"{len(self.errors)} wrong, {len(self.refused)} refused"
        )
        if self.left:
            text += f", {self.left} left"
        reasons = [o.refusal for o in self.refused] + [o.row.error for o in self.errors if o.row]
        return "\n".join([text, *self.dropped, *sorted(set(reasons))])


@dataclass(slots=True)
class _Tally:
    measured: int = 0
    already_stored: int = 0
    errors: list[Outcome] = field(default_factory=list)
    refused: list[Outcome] = field(default_factory=list)

    def count(self, outcome: Outcome) -> None:
        if outcome.refusal:
            self.refused.append(outcome)
        elif outcome.row is None:
            self.already_stored += 1
        elif outcome.row.error:
            self.errors.append(outcome)
        else:
            self.measured += 1

    def take_back(self, outcome: Outcome) -> None:
        """Forget a row that went into quarantine, or a refusal by a board that failed."""
        for kept in (self.errors, self.refused):
            if outcome in kept:
                kept.remove(outcome)
                return
        self.measured -= 1


def run_campaign(
    tasks: Sequence[Task | NetworkTask],
    store: MeasurementStore,
    *,
    setup: Setup,
    workers: int = 1,
    checks: CheckPlan | None = None,
    progress: Callable[[Outcome], None] = lambda _: None,
    paused: Callable[[], bool] = lambda: False,
) -> CampaignReport:
    """Measure every task that has no row yet; rows are stored as they come.

    Args:
        workers: processes for virtual boards, each with a board of its own. A board on a line has
            one; ``setup.also`` names further lines.
        progress: called after each task, in the caller's process; a row is on the disk by then.
        paused: asked before each task; once it is true no further one is begun.

    Raises:
        LinkError: no board is left, and tasks are; rows so far are stored.
        DriftError: likewise, and the last board had drifted.
        ConfigurationError: lines that lead to one board, or boards of several contexts.
        StoreError: the store cannot be written, or another campaign does.
    """
    with only_campaign(store.path), opened_posts(boards(setup, workers)) as posts:
        campaign = _Campaign(tasks, store, posts, checks or CheckPlan())
        campaign.begin()
        campaign.run(progress, paused)
        return campaign.report()


class _Campaign:
    """Deals tasks to posts and takes what comes."""

    def __init__(
        self,
        tasks: Sequence[Task | NetworkTask],
        store: MeasurementStore,
        posts: list[Post],
        plan: CheckPlan,
    ) -> None:
        self._asked = len(tasks)
        self._posts = posts
        self._plan = plan
        self._book = CheckBook(store, plan.tolerance)
        self._store = store
        self._tally = _Tally()
        self._queue = deque(tasks)
        self._put_back: list[Task | NetworkTask] = []

    def begin(self) -> None:
        """Check every board, then tell each what need not be measured."""
        self._do_at_all(CheckReference())
        stored = [self._store.measured(post.origin) for post in self._posts]
        self._do_at_all(PassOver(frozenset().union(*stored)))
        # What looks like a stored task is looked at last: a resumed campaign goes on at once.
        known = frozenset().union(*(rows.values() for rows in stored))
        self._queue = deque(sorted(self._queue, key=lambda task: task.block_key in known))

    def run(self, progress: Callable[[Outcome], None], paused: Callable[[], bool]) -> None:
        """Until every task is settled, nobody is left to do them, or the campaign is paused."""
        while True:
            more = bool(self._queue) and not paused()
            for post in self._posts:
                self._ask(post, self._next_job(post, more=more and bool(self._queue)))
            busy = {post.station: post for post in self._posts if post.job is not None}
            if not busy:
                break
            for station in ready(busy):
                self._take(busy[station], progress)
        dropped = [post.dropped for post in self._posts if post.dropped is not None]
        if self._queue and not paused():
            kind = type(dropped[-1]) if isinstance(dropped[-1], DriftError) else LinkError
            raise kind(
                f"{dropped[-1]} {self._asked - len(self._queue)} of {self._asked} tasks are done."
            ) from dropped[-1]

    def _do_at_all(self, job: Job) -> None:
        for post in self._posts:
            self._ask(post, job)
        for post in self._posts:
            if post.job is not None:
                self._take(post, lambda _: None)

    def report(self) -> CampaignReport:
        """The counts as they are now."""
        tally = self._tally
        return CampaignReport(
            self._asked,
            tally.measured,
            tally.already_stored,
            tuple(tally.errors),
            tuple(tally.refused),
            left=len(self._queue),
            dropped=tuple(str(post.dropped) for post in self._posts if post.dropped is not None),
        )

    def _next_job(self, post: Post, *, more: bool) -> Job | None:
        """A check where one is due, or a task while there are ``more``; one job at a time."""
        if post.job is not None or post.dropped is not None:
            return None
        if post.refused is not None or (post.unjudged and (not more or self._is_due(post))):
            return CheckReference()
        return Measure(self._queue.popleft()) if more else None

    def _is_due(self, post: Post) -> bool:
        board_s = sum(
            outcome.row.repeats * outcome.row.latency_us * 1e-6
            for outcome in post.unjudged.values()
            if outcome.row is not None
        )
        return len(post.unjudged) >= self._plan.rows or board_s >= self._plan.board_s

    def _ask(self, post: Post, job: Job | None) -> None:
        if job is None or post.dropped is not None:
            return
        post.job = job
        try:
            post.station.ask(job)
        except LinkError as error:
            self._lose(post, error)

    def _take(self, post: Post, progress: Callable[[Outcome], None]) -> None:
        try:
            answer: Answer = post.station.answer()
        except BoardError as error:
            if not isinstance(post.job, Measure):
                self._lose(post, error)
                return
            # The board said no, or fell over: the task's fault if the board is well otherwise.
            answer = Outcome(post.job.task, refusal=f"{post.job.task.label}: {error}")
            post.refused = answer
        except LinkError as error:
            self._lose(post, error)
            return
        post.job = None
        if isinstance(answer, Reading):
            self._judge(post, answer)
        elif isinstance(answer, Outcome):
            self._keep(post, answer)
            progress(answer)

    def _keep(self, post: Post, outcome: Outcome) -> None:
        if outcome.row is not None and post.check_number is not None:
            key = self._book.add(outcome.row, post.check_number, outcome.wall_s)
            post.unjudged[key] = outcome
        self._tally.count(outcome)

    def _judge(self, post: Post, reading: Reading) -> None:
        verdict = self._book.judge(post.origin, reading, post.check_number)
        for key in verdict.condemned:
            outcome = post.unjudged.get(key)
            if outcome is not None:
                self._tally.take_back(outcome)
                self._queue.append(outcome.task)
        post.unjudged.clear()
        post.check_number = verdict.number
        if verdict.fault:
            self._ask_another(post)
            post.dropped = DriftError(
                f"{post.target} has drifted: {verdict.fault}; {len(verdict.condemned)} rows since "
                "its last good check are in quarantine ('hwprof quarantine' shows them); let it "
                "cool, see to its power and clock, and run the same command again."
            )
        post.refused = None

    def _lose(self, post: Post, error: LinkError) -> None:
        if isinstance(post.job, Measure):
            self._queue.append(post.job.task)
        self._ask_another(post)
        post.job, post.dropped = None, error

    def _ask_another(self, post: Post) -> None:
        """Put back, once, what a board refused that turned out to have failed itself."""
        if post.refused is not None and post.refused.task not in self._put_back:
            self._put_back.append(post.refused.task)
            self._queue.append(post.refused.task)
            self._tally.take_back(post.refused)
