"""Block keys read back to the configurations they came from."""

from __future__ import annotations

import pytest

from hwprof.blocks import BLOCK_TYPES
from hwprof.errors import ConfigurationError
from hwprof.surrogates.keys import parse_key


@pytest.mark.parametrize("name", BLOCK_TYPES)
def test_round_trip(board, name):
    """The key of a drawn configuration gives it back."""
    for config in board.draw(name, 5, seed=3):
        assert parse_key(config.key) == config


@pytest.mark.parametrize(
    "key",
    [
        "",
        "shufflev2",
        "shufflev2()[]",
        "shufflev2(stride=1,c_out=48)[32x40x48]",
        "shufflev2(c_out=48)[32x40]",
        "shufflev2(c_out=048)[32x40x48]",
        "shufflev2(c_out=48)[32x40x48] ",
        "x" * 5000,
    ],
)
def test_foreign_text(key):
    """Text that is no canonical key is refused."""
    with pytest.raises(ConfigurationError, match="a block key is type"):
        parse_key(key)
