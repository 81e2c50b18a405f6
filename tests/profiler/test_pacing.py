"""How long to wait, how often to ask, and how long frames are."""

from __future__ import annotations

import random

import pytest

from hwprof.profiler.pacing import SHORTEST_FRAME_BYTES, FrameSize, Patience, Retries

PATIENCE = Patience(first_s=0.25, answer_s=2.0, attempts=3, damaged=5)


def settled(error_rate: float, frames: int = 2000) -> float:
    """Mean payload of frames behind the first hundred on a line that damages bytes at a rate."""
    chance, size, seen = random.Random(1), FrameSize(4096), []
    for _ in range(frames):
        seen.append(size.bytes)
        if chance.random() < (1 - error_rate) ** (size.bytes + 15):
            size.arrived(size.bytes)
        else:
            size.damaged()
    return sum(seen[100:]) / len(seen[100:])


@pytest.mark.parametrize(
    ("error_rate", "least", "most"), [(0.0, 4096, 4096), (1e-4, 200, 2500), (0.01, 20, 60)]
)
def test_frames_are_as_long_as_the_line_carries(error_rate: float, least: int, most: int):
    """Efficient lengths are some sqrt(overhead / error rate); halving and growing stay near."""
    assert least <= settled(error_rate) <= most


def test_frames_have_a_shortest_length_and_keep_words_whole():
    """Overhead bounds what shortening can win."""
    size = FrameSize(1024)
    for _ in range(20):
        size.damaged()
        assert size.bytes % 4 == 0
    assert size.bytes == SHORTEST_FRAME_BYTES


def test_a_short_frame_says_nothing_of_long_ones():
    """The last piece of a transfer does not make frames longer."""
    size = FrameSize(4096)
    size.damaged()
    size.arrived(100)
    assert size.bytes == 2048


def test_a_board_that_takes_more_gets_more_from_a_good_line_only():
    """Until HELLO frames have 1,024 bytes; after damage the limit changes nothing at once."""
    good, bad = FrameSize(1024), FrameSize(1024)
    bad.damaged()
    for size in (good, bad):
        size.raise_limit(4096)
    assert (good.bytes, bad.bytes) == (4096, 512)


def test_waits_double_up_to_the_longest():
    """A slow board is asked less and less often."""
    retries, waits = Retries(PATIENCE), []
    for _ in range(5):
        waits.append(retries.wait_s)
        retries.failed(heard=True)
    assert waits == [0.25, 0.5, 1.0, 2.0, 2.0]


def test_silence_ends_sooner_than_damage():
    """Bytes show that somebody is there; an answer begins the count anew."""
    silent = Retries(PATIENCE)
    assert [silent.failed(heard=False) for _ in range(3)] == [False, False, True]
    heard = Retries(PATIENCE)
    assert [heard.failed(heard=True) for _ in range(5)] == [False] * 4 + [True]
    silent.answered()
    assert not silent.failed(heard=False)
