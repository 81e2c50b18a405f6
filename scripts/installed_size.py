"""Print what hwprof and every package it needs take on disk, largest first.

Usage: installed_size.py [--json]. Sizes are of the installed files, bytecode included,
in 10^6 bytes.
"""

from __future__ import annotations

import json
import re
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _needs(package: Distribution) -> set[str]:
    requirements = map(Requirement, package.requires or [])
    return {
        _canonical(requirement.name)
        for requirement in requirements
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""})
    }


def runtime_closure(root: str = "hwprof") -> dict[str, Distribution]:
    """The package and everything it needs at run time, by canonical name."""
    found: dict[str, Distribution] = {}
    waiting = {root}
    while waiting:
        name = waiting.pop()
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            raise SystemExit(
                f"{name} is not installed here; run this with the Python of an environment "
                "that has hwprof, as in: .venv/bin/python scripts/installed_size.py"
            ) from None
        waiting |= _needs(found[name]) - found.keys()
    return found


def size_bytes(package: Distribution) -> int:
    """Bytes of the files that a package installed, as its record lists them."""
    paths = [package.locate_file(file) for file in package.files or []]
    return sum(path.stat().st_size for path in paths if path.is_file())  # type: ignore[attr-defined]


def main(arguments: list[str]) -> None:
    """Print one line for each package and the sum."""
    closure = runtime_closure()
    sizes_bytes = {name: size_bytes(package) for name, package in closure.items()}
    if "--json" in arguments:
        print(json.dumps({"packages_bytes": sizes_bytes, "sum_bytes": sum(sizes_bytes.values())}))
        return
    for name, size in sorted(sizes_bytes.items(), key=lambda item: -item[1]):
        print(f"{size / 1e6:8.1f} MB  {name} {closure[name].version}")
    print(f"{sum(sizes_bytes.values()) / 1e6:8.1f} MB  in all, {len(sizes_bytes)} packages")


if __name__ == "__main__":
    main(sys.argv[1:])
