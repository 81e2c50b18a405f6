"""What tests ask of every page that hwprof writes: alone, well-formed, shown by a browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

_POLICY = "style-src 'unsafe-inline'"
_LIMIT_S = 120


def foreign_references(page: str) -> list[str]:
    """Everything in a page that a browser would fetch from elsewhere, or run."""
    places = re.findall(r'(?:src|href|xlink:href)="(?!#|data:)[^"]*"', page)
    return [*places, *re.findall(r"url\((?!#)[^)]*\)", page), *re.findall(r"<script", page)]


def dangling_references(page: str) -> set[str]:
    """Identifiers that a page refers to and does not have, or has more than once."""
    ids = re.findall(r'\bid="([^"]+)"', page)
    references = re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)|aria-labelledby="([^"]+)"', page)
    used = {name for group in references for name in group if name}
    return (used - set(ids)) | {name for name in ids if ids.count(name) > 1}


def shown_sizes(page: Path, scratch: Path, selector: str) -> list[tuple[float, float]]:
    """Width and height in pixels that Chromium, without a network, gives to what is selected.

    Raises:
        AssertionError: the browser reported something on its console.
    """
    probe = scratch / "probe.html"
    # A copy that may run one script, which writes the boxes where they can be read.
    script = (
        "<script>document.body.dataset.boxes = JSON.stringify("
        f"[...document.querySelectorAll('{selector}')].map(one => {{"
        "const box = one.getBoundingClientRect(); return [box.width, box.height]}))</script></body>"
    )
    text = page.read_text(encoding="utf-8").replace("</body>", script)
    probe.write_text(
        text.replace(_POLICY, f"{_POLICY}; script-src 'unsafe-inline'"), encoding="utf-8"
    )
    done = subprocess.run(  # noqa: S603 - arguments are ours
        [
            shutil.which("chromium") or "chromium", "--headless", "--no-sandbox", "--disable-gpu",
            "--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr", "--v=0",
            f"--user-data-dir={scratch / 'profile'}", "--dump-dom", probe.as_uri(),
        ],
        capture_output=True, text=True, check=True, timeout=_LIMIT_S,
    )  # fmt: skip
    if "CONSOLE" in done.stderr:
        raise AssertionError(done.stderr)
    found = re.search(r'data-boxes="([^"]*)"', done.stdout)
    if found is None:
        raise AssertionError(done.stdout)
    return [(float(width), float(height)) for width, height in json.loads(found.group(1))]
