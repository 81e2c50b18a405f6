"""How long to wait for an answer, how often to ask again, and how long a frame may be."""

from __future__ import annotations

from dataclasses import dataclass

SHORTEST_FRAME_BYTES = 20  # of payload: as much again is spent on either end of a frame
_STEP_BYTES = 4
_GROWTH = 8  # an eighth longer for each frame that arrives


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for an answer, and how often to ask again.

    Attributes:
        first_s: the first wait for an answer; each silence doubles it.
        answer_s: the longest wait for requests that only move bytes.
        prepare_s: the same for PREPARE, which reads all weights.
        run_s: silence of a run after which the board counts as lost.
        attempts: requests in a row, none of which brings a byte, after which it counts as lost.
        damaged: requests in a row, whose answers all come damaged, after which the line is given
            up.
        trial_s: until a board gives up a rate at which nothing came (HWP_BAUD_TRIAL_MS).
        recoveries: times that a lost board is restarted and loaded again.
    """

    first_s: float = 0.25
    answer_s: float = 2.0
    prepare_s: float = 20.0
    run_s: float = 300.0
    attempts: int = 12
    damaged: int = 200
    trial_s: float = 1.0
    recoveries: int = 3


class Retries:
    """Failures in a row of one request, or of one step of several.

    Attributes:
        wait_s: how long to wait for the next answer.
    """

    def __init__(self, patience: Patience, longest_s: float | None = None) -> None:
        self._patience = patience
        self._longest_s = patience.answer_s if longest_s is None else longest_s
        self.answered()

    def answered(self) -> None:
        """The line works: begin to count anew."""
        self.wait_s = min(self._patience.first_s, self._longest_s)
        self._silent = self._damaged = 0

    def failed(self, *, heard: bool) -> bool:
        """Count an attempt without an answer, in which bytes came or none; True: give up."""
        self._damaged += 1
        self._silent = 0 if heard else self._silent + 1
        self.wait_s = min(2 * self.wait_s, self._longest_s)
        return self._silent >= self._patience.attempts or self._damaged >= self._patience.damaged


class FrameSize:
    """Payload bytes of a frame that a line carries: half of it after damage, slowly more again.

    A byte error rate e lets a frame of n bytes pass with (1 - e)^n; at e = 1 % frames of 1,024
    bytes never do, and frames of some tens lose least, overhead and repeats together.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.bytes = limit_bytes

    def raise_limit(self, limit_bytes: int) -> None:
        """The board takes more; a line that carried all there was may carry it."""
        if self.bytes == self.limit_bytes:
            self.bytes = limit_bytes
        self.limit_bytes = limit_bytes

    def arrived(self, payload_bytes: int) -> None:
        """A frame of so many payload bytes passed unharmed."""
        if payload_bytes + _STEP_BYTES > self.bytes:
            step_bytes = max(_STEP_BYTES, self.bytes // _GROWTH & -_STEP_BYTES)
            self.bytes = min(self.limit_bytes, self.bytes + step_bytes)

    def damaged(self) -> None:
        """A frame was lost."""
        self.bytes = max(SHORTEST_FRAME_BYTES, self.bytes // 2 & -_STEP_BYTES)
