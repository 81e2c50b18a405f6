"""Bootstrap of AP50: equal to pycocotools on every draw, and wide where pictures are few."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwprof.errors import ConfigurationError
from hwprof.search.training.bootstrap import Difference, Matches, paired_samples
from hwprof.search.training.boxes import Detections
from hwprof.search.training.data import Picture
from hwprof.search.training.evaluation import average_precision


def labelled(count: int, seed: int = 1) -> list[Picture]:
    """Pictures of 100 x 80 with up to three objects each; some of them crowds."""
    generator = np.random.default_rng(seed)
    pictures = []
    for number in range(count):
        objects = number % 4
        corner = generator.uniform(0, 40, (objects, 2))
        boxes = np.concatenate([corner, corner + generator.uniform(10, 40, (objects, 2))], axis=1)
        crowd = generator.random(objects) < 0.15
        pictures.append(Picture(Path(f"{number}.png"), 100, 80, boxes.astype(np.float32), crowd))
    return pictures


def guesses(pictures: list[Picture], noise: float, seed: int = 2) -> list[Detections]:
    """Objects moved by some pixels, and boxes of nothing; scores of few levels tie."""
    generator = np.random.default_rng(seed)
    found = []
    for number, picture in enumerate(pictures):
        extra = 0 if number % 5 == 0 else 3
        moved = picture.boxes + generator.normal(0, noise, picture.boxes.shape)
        corner = generator.uniform(0, 50, (extra, 2))
        wrong = np.concatenate([corner, corner + 20], axis=1)
        boxes = np.concatenate([moved, wrong]) / [100, 80, 100, 80]
        scores = generator.integers(2, 10, len(boxes)) / 10
        scores[len(moved) :] -= 0.1
        order = np.argsort(-scores, kind="stable")
        found.append(Detections(boxes[order].astype(np.float32), scores[order].astype(np.float32)))
    return found


@pytest.mark.parametrize("noise", [1.0, 4.0, 9.0])
def test_a_draw_has_the_precision_that_pycocotools_gives(noise: float):
    """On the pictures as they are and on draws with repeated ones, to the last digit."""
    pictures = labelled(40)
    found = guesses(pictures, noise)
    matches = Matches.of(pictures, found)
    assert matches.ap50() == pytest.approx(average_precision(pictures, found).ap50, abs=1e-15)
    for seed in range(4):
        drawn = np.sort(np.random.default_rng(seed).integers(0, 40, 40))
        expected = average_precision([pictures[i] for i in drawn], [found[i] for i in drawn])
        assert 0 < expected.ap50 < 1
        assert matches.ap50(drawn) == pytest.approx(expected.ap50, abs=1e-15)


def test_pictures_without_objects_and_nothing_found_are_zero():
    """As the evaluation says it; a draw without objects too."""
    pictures = labelled(8)
    nothing = Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))
    assert Matches.of(pictures, [nothing] * 8).ap50() == 0
    matches = Matches.of(pictures, guesses(pictures, 1.0))
    assert matches.ap50(np.array([0, 4, 4])) == 0


def test_a_clear_difference_is_resolved_and_none_is_not():
    """The better detector is better beyond its interval; the same detector differs by nothing."""
    pictures = labelled(60)
    good, poor = (Matches.of(pictures, guesses(pictures, noise)) for noise in (1.0, 9.0))
    better, worse, again = paired_samples([[good], [poor], [good]], replicates=200)
    lead = better.less(worse)
    assert lead.is_resolvable
    assert lead.value == better.value - worse.value
    assert 0 < lead.low < lead.value < lead.high
    assert better.less(again) == Difference(0, 0, 0)
    assert not better.less(again).is_resolvable
    assert worse.less(better).is_resolvable
    around = better.interval()
    assert around.low < around.value < around.high


def test_few_pictures_resolve_less():
    """An interval shrinks with the pictures, and pairing shrinks that of a difference."""

    def width(count: int) -> float:
        pictures = labelled(count)
        (samples,) = paired_samples([[Matches.of(pictures, guesses(pictures, 4.0))]])
        interval = samples.interval()
        return interval.high - interval.low

    assert width(20) > width(180) > 0


def test_trainings_widen_the_interval():
    """Seeds that differ are a second source of chance; the value is their mean."""
    pictures = labelled(80)
    trainings = [Matches.of(pictures, guesses(pictures, noise)) for noise in (1.0, 9.0)]
    one, both = paired_samples([trainings[:1], trainings], replicates=200)
    assert both.value == pytest.approx(np.mean([t.ap50() for t in trainings]))
    assert both.samples.std() > 2 * one.samples.std()


def test_a_call_is_repeatable_and_draws_do_not_depend_on_the_trainings():
    """The same seed draws the same pictures, whoever else is compared."""
    pictures = labelled(30)
    one, other = (Matches.of(pictures, guesses(pictures, noise)) for noise in (2.0, 6.0))
    alone = paired_samples([[one]], replicates=50)[0]
    beside = paired_samples([[other, other], [one]], replicates=50)[1]
    np.testing.assert_array_equal(alone.samples, beside.samples)
    assert not np.array_equal(
        alone.samples, paired_samples([[one]], replicates=50, seed=1)[0].samples
    )


@pytest.mark.parametrize("kind", ["no trainings", "other pictures"])
def test_what_cannot_be_paired_is_refused(kind: str):
    """One sentence."""
    pictures = labelled(12)
    one = Matches.of(pictures, guesses(pictures, 2.0))
    fewer = Matches.of(pictures[:9], guesses(pictures[:9], 2.0))
    detectors = {"no trainings": [[one], []], "other pictures": [[one], [fewer]]}[kind]
    with pytest.raises(ConfigurationError, match="trained at least once, on the same pictures"):
        paired_samples(detectors)
