"""A surrogate moved to another board by a handful of measurements.

``_terms`` says what may differ between two boards, and how far; ``_posterior`` what measured blocks
tell of it; ``_choice`` which block to measure next. Residuals learned on the source are not taken
along: they hold what its caches do.
"""

from hwprof.surrogates.transfer._choice import choose_block
from hwprof.surrogates.transfer._posterior import MIN_SAMPLES, Transfer
from hwprof.surrogates.transfer._terms import UNKNOWN, Design, LineCosts, Terms

__all__ = [
    "MIN_SAMPLES",
    "UNKNOWN",
    "Design",
    "LineCosts",
    "Terms",
    "Transfer",
    "choose_block",
]
