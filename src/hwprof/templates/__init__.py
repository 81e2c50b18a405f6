"""Block types without code: a subgraph of somebody's model, and what varies in it.

A template is data. It builds the subgraph again with other kernels, strides, groups, channels and
extents, reads as JSON (docs/FORMATS.md, "Block template"), and finds itself in other models.
"""

from __future__ import annotations

from hwprof.templates._cut import Subgraph, cut
from hwprof.templates._document import read_template, template_document
from hwprof.templates._match import find_blocks
from hwprof.templates._template import TemplateBlock
from hwprof.templates._vary import QUANTITIES, Variation, parse_variation

__all__ = [
    "QUANTITIES",
    "Subgraph",
    "TemplateBlock",
    "Variation",
    "cut",
    "find_blocks",
    "parse_variation",
    "read_template",
    "template_document",
]
