"""Whether what training needs is installed."""

from __future__ import annotations

from importlib.util import find_spec

from hwprof.errors import ConfigurationError

EXTRA = "hwprof[train]"
_PACKAGES = {"torch": "PyTorch", "pycocotools": "pycocotools", "PIL": "Pillow"}


def require_training() -> None:
    """Call before importing what trains.

    Raises:
        ConfigurationError: PyTorch or another package of the extra is not installed.
    """
    missing = [name for package, name in _PACKAGES.items() if find_spec(package) is None]
    if missing:
        raise ConfigurationError(
            f"training needs {' and '.join(missing)}, which this Python does not have; "
            f"pip install '{EXTRA}'."
        )
