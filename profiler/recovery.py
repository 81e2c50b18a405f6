"""A board that was lost, found again: after a line that broke off, a reset, another host's rate."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from hwprof.errors import BoardError, LinkError
from hwprof.profiler import baud, hello
from hwprof.profiler.exchange import Exchange, SilentBoardError
from hwprof.profiler.links import Capability
from hwprof.profiler.protocol import BoardInfo

_T = TypeVar("_T")
_OUT_OF_SEQUENCE = 3  # error code: the board has forgotten what it was told


class Recovery:
    """Keeps one board on the other end of a link.

    Args:
        on_lost: called when the board may have forgotten what it was told.
    """

    def __init__(self, exchange: Exchange, on_lost: Callable[[], None]) -> None:
        self._exchange = exchange
        self._link = exchange.link
        self._on_lost = on_lost
        self._first: tuple[str, str] = ("", "")  # firmware and identity of the board that was met

    def meet(self) -> BoardInfo:
        """Find the board that all that follows is about, at the best rate of its line.

        Raises:
            As ``find``.
        """
        info = self.find()
        self._first = (info.firmware_id, info.identity)
        self._exchange.baud = baud.raise_baud(self._exchange, info.baud)
        self._exchange.on_reopened = self._check_identity
        return info

    def find(self) -> BoardInfo:
        """Ask who is there, at other rates as well if nobody answers.

        Raises:
            SilentBoardError, LinkError: no answer.
            ProtocolError: the board's firmware is of another version.
        """
        try:
            return hello.ask(self._exchange)
        except SilentBoardError:
            if Capability.BAUD not in self._link.capabilities:
                raise
            baud.find_baud(self._exchange)
            return hello.ask(self._exchange)

    def insist(self, action: Callable[[], _T]) -> _T:
        """Do something that a lost board keeps from being done, after it is back again.

        Raises:
            LinkError: the board was restarted too often, cannot be, or is another one now.
            BoardError: it refuses, and has forgotten nothing.
        """
        was_reset = False
        for left in reversed(range(self._exchange.patience.recoveries + 1)):
            try:
                if was_reset:
                    self._find_again()
                return action()
            except SilentBoardError as error:
                self._reset(error, left)
                was_reset = True
            except BoardError as error:
                if error.code != _OUT_OF_SEQUENCE or not left:
                    raise
            self._on_lost()
        raise AssertionError  # the last round returns or raises

    def _reset(self, error: SilentBoardError, left: int) -> None:
        """Restart a board that fell silent, if that is still allowed and the link can."""
        if Capability.RESET not in self._link.capabilities:
            raise error
        if not left:
            raise LinkError(
                f"{self._link.target} fell silent and stayed so through "
                f"{self._exchange.patience.recoveries} resets; check its power and its firmware."
            ) from error
        self._link.reset_board()
        self._exchange.forget()
        self._exchange.baud = 0

    def _find_again(self) -> None:
        info = self.find()
        self._check_same(info.firmware_id, info.identity)
        self._exchange.baud = baud.raise_baud(self._exchange, info.baud)

    def _check_identity(self) -> None:
        """The board behind a line that was opened again is the one of before."""
        self._check_same(*hello.ask_identity(self._exchange))

    def _check_same(self, firmware_id: str, identity: str) -> None:
        if (firmware_id, identity) != self._first:
            first_firmware, first_identity = self._first
            raise LinkError(
                f"{self._link.target} leads to another board now, {identity} with firmware "
                f"{firmware_id} instead of {first_identity} with {first_firmware}; start anew "
                "with this one."
            )
