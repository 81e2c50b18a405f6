"""The fastest rate at which a board and its host understand each other."""

from __future__ import annotations

import time

from hwprof.errors import BoardError, LinkError
from hwprof.profiler.exchange import Exchange
from hwprof.profiler.links import Capability
from hwprof.profiler.protocol import MessageType, words

DEFAULT_BAUD = 115_200  # after power-on
# Above, a receiver of four words overflows while a board decodes a frame.
RATES = (921_600, 460_800, 230_400)
_FURTHER_PROOFS = 2  # descriptions that must come unharmed, some 230 bytes each
_REFUSED = 2  # error code


def raise_baud(exchange: Exchange, baud: int) -> int:
    """Try faster rates, the fastest first, and stay at the first that carries frames unharmed.

    Args:
        baud: the present rate, as the board says; 0 where its line has none.

    Returns:
        The rate from now on.

    Raises:
        SilentBoardError, LinkError: the line failed.
    """
    if not baud or Capability.BAUD not in exchange.link.capabilities:
        return baud
    for rate in RATES:
        if rate > baud * 1.1 and _offered(exchange, rate) and _carries(exchange, rate, baud):
            return rate
    return baud


def find_baud(exchange: Exchange) -> None:
    """Set the link to the rate at which a board answers that another host has left there.

    Raises:
        LinkError: the line failed, or has no rate.
    """
    for rate in (DEFAULT_BAUD, *RATES):
        exchange.link.set_baud(rate)
        if _understood(exchange):
            return


def _offered(exchange: Exchange, rate: int) -> bool:
    try:
        exchange.request(MessageType.BAUD, words(rate))
    except BoardError as error:
        if error.code != _REFUSED:
            raise
        return False
    return True


def _carries(exchange: Exchange, rate: int, before: int) -> bool:
    """Whether the line works at a rate that the board has gone to; if not, both go back."""
    try:
        exchange.link.set_baud(rate)
    except LinkError:  # the host's port has no such rate
        _wait_out_the_trial(exchange, before)
        return False
    if not _understood(exchange):
        _wait_out_the_trial(exchange, before)
        return False
    if all(_understood(exchange) for _ in range(_FURTHER_PROOFS)):
        return True
    exchange.request(MessageType.BAUD, words(before))
    exchange.link.set_baud(before)
    return False


def _wait_out_the_trial(exchange: Exchange, before: int) -> None:
    """The board goes back by itself when no frame arrives."""
    exchange.link.set_baud(before)
    time.sleep(exchange.patience.trial_s)
    exchange.forget()


def _understood(exchange: Exchange) -> bool:
    sequence = exchange.post(MessageType.HELLO, b"")
    return exchange.answer(MessageType.HELLO, sequence, exchange.patience.first_s) is not None
