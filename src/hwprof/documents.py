"""JSON documents of hwprof's own formats, read without trust: every value is checked and bounded.

The functions raise ``BrokenRuleError``, a ValueError like those of ``json`` itself; the caller
knows which file it reads and turns both into one sentence.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from hwprof.blocks import BlockConfig, Value
from hwprof.graph import Shape
from hwprof.measurement import Context, Placement

MOST_CHARACTERS = 64 << 20
MOST_ITEMS = 200_000
LONGEST_TEXT = 1_024
LARGEST_NUMBER = (1 << 53) - 1  # beyond, other readers of JSON lose digits
SEAL = "sha256"
"""Field of a document that holds the hash of the others."""


class BrokenRuleError(ValueError):
    """A rule of the format that the text breaks."""

    def __init__(self, rule: str) -> None:
        super().__init__(f"it needs {rule}")


def load_object(text: str, format_version: int) -> dict[str, Any]:
    """Parse a document and check its ``format_version``."""
    if len(text) > MOST_CHARACTERS:
        raise BrokenRuleError(f"at most {MOST_CHARACTERS} characters")
    try:
        document = as_object(json.loads(text))
    except RecursionError as error:
        raise BrokenRuleError("brackets nested less deeply") from error
    if document.get("format_version") != format_version:
        raise BrokenRuleError(f"format_version {format_version}")
    return document


def fields_sha256(document: Mapping[str, Any]) -> str:
    """Hash of a document's fields but its seal; neither order nor blanks are part of it."""
    fields = {name: value for name, value in document.items() if name != SEAL}
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


def is_unbroken(document: Mapping[str, Any]) -> bool:
    """Whether a document is as it was sealed; one written before there were seals counts as so."""
    return SEAL not in document or document[SEAL] == fields_sha256(document)


def as_object(value: Any) -> dict[str, Any]:
    """A JSON object."""
    if not isinstance(value, dict):
        raise BrokenRuleError(f"an object where it has {_excerpt(value)}")
    return value


def as_list(value: Any) -> list[Any]:
    """A JSON array of bounded length."""
    if not isinstance(value, list) or len(value) > MOST_ITEMS:
        raise BrokenRuleError(
            f"a list of at most {MOST_ITEMS} items where it has {_excerpt(value)}"
        )
    return value


def as_text(value: Any) -> str:
    """A string of bounded length that prints: terminals obey some characters."""
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or not value.isprintable():
        raise BrokenRuleError(
            f"a text of at most {LONGEST_TEXT} characters that print where it has {_excerpt(value)}"
        )
    return value


def as_name(value: Any) -> str:
    """A text that is not blank."""
    if not as_text(value).strip():
        raise BrokenRuleError(f"a name that is not blank where it has {value[:40]!r}")
    return str(value)


def as_number(value: Any) -> int:
    """A whole number, 0 or more."""
    if type(value) is not int or not 0 <= value <= LARGEST_NUMBER:
        raise BrokenRuleError(f"a whole number where it has {_excerpt(value)}")
    return value


def as_shape(value: Any) -> Shape:
    """Three positive extents (h, w, c)."""
    extents = [as_number(extent) for extent in as_list(value)]
    if len(extents) != 3 or 0 in extents:
        raise BrokenRuleError(f"three positive extents where it has {_excerpt(value)}")
    return (extents[0], extents[1], extents[2])


def as_context(value: Any) -> Context:
    """A measurement's context: words that print, and a clock.

    Raises:
        BrokenRuleError: one is something else.
        KeyError, TypeError: one is missing, or nobody reads it.
    """
    fields = as_object(value)
    clock_hz = as_number(fields["clock_hz"])
    if not clock_hz:
        raise BrokenRuleError("a clock_hz above 0")
    memories = {part: as_text(word) for part, word in as_object(fields["placement"]).items()}
    words = {
        name: as_text(word)
        for name, word in fields.items()
        if name not in ("clock_hz", "placement")
    }
    return Context(clock_hz=clock_hz, placement=Placement(**memories), **words)


def config_document(config: BlockConfig) -> dict[str, Any]:
    """A block configuration as a JSON object."""
    return {
        "type": config.block_type,
        "params": dict(config.params),
        "shapes": [list(shape) for shape in config.inputs],
    }


def as_config(value: Any) -> BlockConfig:
    """The block configuration that ``config_document`` wrote; whether it builds is not checked."""
    document = as_object(value)
    params = as_object(document.get("params"))
    return BlockConfig(
        as_text(document.get("type")),
        tuple(sorted((as_text(name), _as_value(item)) for name, item in params.items())),
        tuple(as_shape(shape) for shape in as_list(document.get("shapes"))),
    )


def _as_value(value: Any) -> Value:
    return as_text(value) if isinstance(value, str) else as_number(value)


def _excerpt(value: Any) -> str:
    text = repr(value) if not isinstance(value, (dict, list)) else type(value).__name__
    return text if len(text) <= 40 else f"{text[:40]}..."
