"""Plots as SVG that takes its colour of text and lines from the page it is put into."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

INK = "#010203"
"""Stands for the page's text colour until the SVG is written."""

COLOURS = ("#2f7ed8", "#d9622b", "#2a9d6f", "#a457c7", "#b8860b", "#d1396b")


@dataclass(frozen=True, slots=True)
class Plot:
    """One picture.

    Attributes:
        svg: markup to be put into a page as it is; made here, nothing in it is a file's but
            text that matplotlib has escaped.
        says: what it shows, for those who do not see it.
    """

    svg: str
    says: str


def plain_ticks(*axes: Axis) -> None:
    """Powers of ten as 10 k and 1 M, and nothing between them."""
    from matplotlib.ticker import EngFormatter, NullFormatter

    for axis in axes:
        axis.set_major_formatter(EngFormatter())
        axis.set_minor_formatter(NullFormatter())


@contextmanager
def figure(width: float, height: float) -> Iterator[Figure]:
    """A figure in the page's ink, with text as text."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    inked = ("text.color", "axes.edgecolor", "axes.labelcolor", "axes.titlecolor")
    style: dict[Any, Any] = dict.fromkeys((*inked, "xtick.color", "ytick.color"), INK)
    style |= {
        "svg.fonttype": "none",
        "font.family": "sans-serif",
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "text.parse_math": False,
    }
    with mpl.rc_context(style):
        yield Figure(figsize=(width, height), layout="constrained")


def plot(drawn: Figure, name: str, says: str) -> Plot:
    """The figure as an element of a page; equal figures give equal text.

    Args:
        name: of its own on the page; identifiers inside the SVG begin with it.
    """
    import matplotlib as mpl

    text = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name}):  # ids of one page's pictures must differ
        drawn.savefig(
            text, format="svg", transparent=True, metadata={"Date": None, "Creator": None}
        )
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', svg)
    svg = re.sub(r'(xlink:href="#|href="#|url\(#)(?=[^"])', rf"\1{name}-", svg)
    svg = svg.replace("<svg", f'<svg role="img" aria-label="{escape(says)}"', 1)
    return Plot(svg.replace(INK, "currentColor"), says)
