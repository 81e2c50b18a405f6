"""What every performance strategy must keep: a class of tests to inherit from.

A strategy of your own proves itself on three designs or more that have what it needs::

    class TestMyStrategy(StrategyContract):
        @pytest.fixture
        def strategy(self):
            return MyStrategy()

        @pytest.fixture
        def designs(self):
            return evidence, quality
"""

# ruff: noqa: S101 - a kit of tests asserts

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pytest

from hwprof.errors import ConfigurationError
from hwprof.search.performance import Evidence, PerformanceStrategy

Designs: TypeAlias = tuple[Sequence[Evidence], npt.NDArray[np.float64]]
"""Evidence of n designs, and their qualities (n,)."""


class StrategyContract:
    """Tests of a strategy; a subclass named ``Test...`` has fixtures ``strategy``, ``designs``."""

    def test_it_says_who_published_it(self, strategy: PerformanceStrategy) -> None:
        """A table can name it, and where it is from."""
        assert strategy.name
        assert strategy.title
        assert strategy.source

    def test_a_design_alone_scores_as_among_others(
        self, strategy: PerformanceStrategy, designs: Designs
    ) -> None:
        """Scores are (n,) float64, and one has no part in another's."""
        evidence, quality = designs
        fitted = strategy.fit(evidence, quality)
        together = fitted.scores(evidence)

        alone = np.concatenate([fitted.scores([one]) for one in evidence])

        assert together.dtype == np.float64
        np.testing.assert_allclose(alone, together, rtol=1e-12)

    def test_a_document_scores_as_what_wrote_it(
        self, strategy: PerformanceStrategy, designs: Designs
    ) -> None:
        """A fit goes through JSON and loses no digit."""
        evidence, quality = designs
        fitted = strategy.fit(evidence, quality)

        again = strategy.restored(json.loads(json.dumps(fitted.document())))

        assert again.strategy.name == strategy.name
        np.testing.assert_array_equal(again.scores(evidence), fitted.scores(evidence))

    def test_no_design_no_score(self, strategy: PerformanceStrategy, designs: Designs) -> None:
        """Nothing asked, nothing answered."""
        fitted = strategy.fit(*designs)

        assert fitted.scores([]).shape == (0,)

    def test_fitting_twice_gives_the_same(
        self, strategy: PerformanceStrategy, designs: Designs
    ) -> None:
        """Where chance enters, it is seeded."""
        evidence, quality = designs

        first, second = (strategy.fit(evidence, quality).scores(evidence) for _ in range(2))

        np.testing.assert_array_equal(first, second)

    def test_what_it_does_not_need_it_does_not_miss(
        self, strategy: PerformanceStrategy, designs: Designs
    ) -> None:
        """An architecture alone is enough exactly where ``needs`` asks for nothing beside it."""
        evidence, quality = designs
        fitted = strategy.fit(evidence, quality)
        bare = Evidence(evidence[0].architecture, encoding=evidence[0].encoding)
        needs = strategy.needs

        if needs.probe or needs.curve_epochs or needs.validation:
            with pytest.raises(ConfigurationError, match=f"^{strategy.title} needs .* of '"):
                fitted.scores([bare])
        else:
            np.testing.assert_array_equal(fitted.scores([bare]), fitted.scores(evidence[:1]))
