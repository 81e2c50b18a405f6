"""Files are read whole or refused, whatever they are."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from hwprof.errors import ModelError
from hwprof.files import FileKind

KIND = FileKind(
    noun="a page", most_bytes=5, error=ModelError, check="look for it", shrink="tear it"
)


def test_a_file_of_the_largest_size_is_read(tmp_path: Path) -> None:
    """The bound belongs to what is allowed."""
    path = tmp_path / "page"
    path.write_bytes(b"12345")

    assert KIND.read(path) == b"12345"


def test_a_larger_file_is_refused_with_its_size(tmp_path: Path) -> None:
    """Rule, value and way out."""
    path = tmp_path / "page"
    path.write_bytes(b"123456789")

    with pytest.raises(ModelError, match=r"^a page has at most 5 bytes; '.*' has 9; tear it\.$"):
        KIND.read(path)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no such device on this system")
def test_a_device_without_an_end_is_refused() -> None:
    """It has no size, and is not read to find out."""
    with pytest.raises(ModelError, match=r"at most 5 bytes; '/dev/zero' has 6"):
        KIND.read("/dev/zero")


def test_a_pipe_is_read(tmp_path: Path) -> None:
    """What another program writes serves as a file."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(b"123",))
    writer.start()

    assert KIND.read(path) == b"123"
    writer.join()


@pytest.mark.parametrize(
    ("name", "reason"),
    [("none", "No such file or directory"), (".", "Is a directory"), ("a\0b", "embedded null")],
)
def test_what_is_no_file_is_told_with_the_reason(tmp_path: Path, name: str, reason: str) -> None:
    """The system's own words are kept."""
    with pytest.raises(ModelError, match=rf"cannot be opened \({reason}.*\); look for it\.$"):
        KIND.read(f"{tmp_path}/{name}")
