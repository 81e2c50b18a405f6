"""Pictures become the input that a board gives its network."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from hwprof.errors import ConfigurationError
from hwprof.search.training.images import as_input, read_pixels, stretched


def test_blue_comes_first(tmp_path):
    """FastestDet is trained on blue, green, red."""
    Image.new("RGB", (3, 2), (10, 20, 30)).save(tmp_path / "p.png")

    pixels = read_pixels(tmp_path / "p.png")

    assert pixels.shape == (3, 2, 3)
    assert pixels[:, 0, 0].tolist() == [30, 20, 10]


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "CMYK"])
def test_other_kinds_of_pictures_have_three_channels(tmp_path, mode):
    """Grey, transparent and palette pictures are read as colours."""
    suffix = "jpg" if mode == "CMYK" else "png"
    Image.new(mode, (5, 4)).save(tmp_path / f"p.{suffix}")

    assert read_pixels(tmp_path / f"p.{suffix}").shape == (3, 4, 5)


@pytest.mark.parametrize("content", [b"", b"text", b"\x89PNG\r\n\x1a\n cut off"])
def test_what_is_no_picture_is_one_sentence(tmp_path, content):
    """A broken file is named."""
    (tmp_path / "p.png").write_bytes(content)

    with pytest.raises(ConfigurationError, match=r"p\.png' is no picture"):
        read_pixels(tmp_path / "p.png")


def test_a_broken_tail_is_one_sentence(tmp_path):
    """A picture whose end is missing is no picture."""
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "p.jpg")
    whole = (tmp_path / "p.jpg").read_bytes()
    (tmp_path / "p.jpg").write_bytes(whole[: len(whole) // 2])

    with pytest.raises(ConfigurationError, match=r"p\.jpg' is no picture"):
        read_pixels(tmp_path / "p.jpg")


@pytest.mark.parametrize(
    ("side", "reason"), [(9_000, "9000 x 9000"), (10_000, "exceeds limit"), (14_000, "bomb")]
)
def test_a_bomb_of_pixels_is_not_unpacked(tmp_path, side, reason):
    """A small file that says it is huge is refused by what it says."""
    Image.new("1", (side, side)).save(tmp_path / "p.png")

    with pytest.raises(ConfigurationError, match=f"is no picture .*{reason}.* 67,108,864 pixels"):
        read_pixels(tmp_path / "p.png")


def test_stretching_follows_pixel_centres():
    """Bilinear between centres, no smoothing: two pixels over four places."""
    row = torch.tensor([[[0, 100]]] * 3, dtype=torch.uint8)

    assert stretched(row, 1, 4)[0, 0].tolist() == [0, 25, 75, 100]


def test_input_is_between_0_and_1():
    """255 is 1."""
    assert as_input(torch.tensor([0, 51, 255], dtype=torch.uint8)).tolist() == pytest.approx(
        [0, 0.2, 1]
    )
