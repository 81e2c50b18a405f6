"""A host survives whatever a board says; ``scripts/fuzz_host.py`` tries more of it."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwprof.testing.hostile import ask_everything, parse_everything, stream_of

scripts = st.binary(max_size=300)


def test_a_hostile_board_without_a_script_is_a_good_one():
    """What is tried behind it is the script's doing."""
    assert ask_everything(b"") == "done"
    assert parse_everything(stream_of(b"")) >= 8  # four frames, each decoded as what it is


@given(scripts)
def test_any_stream_is_parsed_or_refused(script: bytes):
    """No bytes from a line raise anything but hwprof's own errors."""
    parse_everything(script)
    parse_everything(stream_of(script))


@settings(max_examples=150, deadline=None)
@given(scripts)
def test_any_board_is_used_or_given_up(script: bytes):
    """A session with a hostile board ends, and in an error of hwprof's if not well."""
    assert ask_everything(script).endswith(("done", "Error"))


@pytest.mark.parametrize("seed", range(3))
def test_scripts_reach_every_end(seed: int):
    """The tries are not all refused at the door: sessions end well, in refusals and in silence."""
    chance = random.Random(seed)
    ends = {ask_everything(chance.randbytes(chance.randrange(120))) for _ in range(120)}
    assert ends >= {"done", "BoardError", "ProtocolError"}
