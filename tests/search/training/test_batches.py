"""What trainings are shown: windows on pictures, and features of them."""

from __future__ import annotations

import pytest
import torch

from hwprof.blocks import GraphBuilder
from hwprof.errors import ConfigurationError
from hwprof.graph import MaxPool
from hwprof.search.training.batches import FeatureBatches, PictureBatches, views_that_fit
from hwprof.search.training.data import read_pictures
from hwprof.search.training.module import GraphModule
from hwprof.testing.pictures import draw_coco_set

from .conftest import SIZE


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Five drawn pictures, of which the last has no object."""
    return read_pictures(draw_coco_set(tmp_path_factory.mktemp("five"), train=5, val=0, size=SIZE))


@pytest.fixture
def backbone():
    """A network without weights that makes maps of the pictures."""
    builder = GraphBuilder()
    pool = MaxPool(kernel_h=16, kernel_w=16, stride_h=16, stride_w=16)
    node = builder.add("b", "pool", pool, builder.input("image", (*SIZE, 3)))
    return GraphModule(builder.finish("pool", [node]))


def _generator():
    return torch.Generator().manual_seed(0)


def test_pictures_come_with_their_objects(pictures):
    """Targets are numbered by their place in the batch, whatever the picture's number."""
    batches = PictureBatches(pictures, SIZE)

    pixels, targets = batches.take(torch.tensor([4, 2, 0]), _generator())

    assert pixels.shape == (3, 3, *SIZE)
    assert pixels.dtype == torch.float32
    assert set(targets.picture.tolist()) <= {1, 2}
    assert len(targets.boxes) == len(targets.crowd) > 0


def test_features_are_the_backbones_of_its_windows(pictures, backbone):
    """Each view is what the backbone computes of the window drawn for it, in half precision."""
    source = PictureBatches(pictures, SIZE)
    features = FeatureBatches(backbone, source, views=1, seed=5)
    pixels, targets = source.take(torch.arange(5), torch.Generator().manual_seed(5))

    held, objects = features.take(torch.arange(5), _generator())

    assert torch.equal(held, backbone(pixels).half().float())
    torch.testing.assert_close(objects.boxes, targets.boxes)
    assert objects.picture.tolist() == targets.picture.tolist()


def test_every_view_is_shown(pictures, backbone):
    """One of several windows is drawn each time, with its own objects."""
    features = FeatureBatches(backbone, PictureBatches(pictures, SIZE), views=3)
    generator = _generator()

    shown = [features.take(torch.tensor([1]), generator) for _ in range(30)]

    views = {tuple(maps.flatten().tolist()) for maps, _ in shown}
    assert len(views) == 3
    assert len({tuple(t.boxes.flatten().tolist()) for _, t in shown}) == 3
    assert len(features) == 5


def test_the_cache_is_bounded(pictures, backbone):
    """More than may be held is refused with the sizes, before it is computed."""
    source = PictureBatches(pictures, SIZE)

    with pytest.raises(
        ConfigurationError, match=r"8 windows on 5 pictures take 5,760 bytes, .*--train-backbone\.$"
    ):
        FeatureBatches(backbone, source, views=8, most_bytes=5_000)


@pytest.mark.parametrize(("bound", "views"), [(5_760, 8), (5_759, 7), (1_440, 2), (100, 1)])
def test_so_many_views_fit(pictures, backbone, bound, views):
    """Features of as many windows as fit take no more than the bound; one is always asked for."""
    one = FeatureBatches(backbone, PictureBatches(pictures, SIZE), views=1)

    fitting = views_that_fit(8, len(pictures), one.nbytes // len(pictures), bound)

    assert fitting == views
    assert one.nbytes * fitting <= max(bound, one.nbytes)


def test_the_cache_knows_its_size(pictures, backbone):
    """Two bytes for each value of each window's features."""
    features = FeatureBatches(backbone, PictureBatches(pictures, SIZE), views=2)

    assert features.nbytes == 2 * 5 * 3 * (SIZE[0] // 16) * (SIZE[1] // 16) * 2


def test_pictures_are_bounded(pictures):
    """More pixels than may be held are refused before one is read."""
    with pytest.raises(ConfigurationError, match=r"5 pictures of 80 x 120 take 144,000 bytes"):
        PictureBatches(pictures, SIZE, most_bytes=100_000)
