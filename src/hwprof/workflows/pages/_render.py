"""Templates filled: one frame for all pages, no scripts, no requests, all text escaped."""

from __future__ import annotations

from importlib.metadata import version
from importlib.resources import files

_BASE = "base.html"


def render(template: str, *, package: str, **values: object) -> str:
    """A page as HTML.

    Args:
        template: file in ``package``, which extends ``base.html`` of this one.
        values: what the template names; ``version`` is hwprof's.
    """
    from jinja2 import DictLoader, Environment, StrictUndefined
    from markupsafe import Markup

    homes = {_BASE: __package__, template: package}
    texts = {
        name: files(home).joinpath(name).read_text(encoding="utf-8") for name, home in homes.items()
    }
    # Pictures are markup that matplotlib made; everything else that is put in is escaped.
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, loader=DictLoader(texts)
    )
    environment.filters["svg"] = Markup
    return environment.get_template(template).render(version=version("hwprof"), **values)
