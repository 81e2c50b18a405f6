"""Block keys back to configurations: the inverse of ``BlockConfig.key``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from hwprof.blocks import BlockConfig, Value
from hwprof.errors import ConfigurationError
from hwprof.graph import Shape
from hwprof.templates import TemplateBlock

_KEY = re.compile(r"([A-Za-z]\w*)\(([^()\[\]]*)\)\[([0-9x,]+)\]")
_PARAMETER = re.compile(r"([A-Za-z]\w*)=([^=,]+)")
_SHAPE = re.compile(r"([0-9]{1,6})x([0-9]{1,6})x([0-9]{1,6})")
_INTEGER = re.compile(r"-?[0-9]{1,9}")
_MAX_KEY_CHARACTERS = 1000
_NONE: Mapping[str, TemplateBlock] = MappingProxyType({})


def parse_key(key: str, templates: Mapping[str, TemplateBlock] = _NONE) -> BlockConfig:
    """The configuration whose key this is, ``shufflev2(c_out=48,stride=1)[32x40x48]``.

    Args:
        templates: block types of the user's by name; a key of theirs gets its type.

    Raises:
        ConfigurationError: the text is no canonical key.
    """
    config = _parse(key) if len(key) <= _MAX_KEY_CHARACTERS else None
    if config is None or config.key != key:
        raise ConfigurationError(
            "a block key is type(name=value,...)[HxWxC,...] with names in alphabetical order; "
            f"got {key[:80]!r}."
        )
    own = templates.get(config.block_type)
    return replace(config, kind=own) if own else config


def _parse(key: str) -> BlockConfig | None:
    matched = _KEY.fullmatch(key)
    if not matched:
        return None
    block_type, parameters, inputs = matched.groups()
    items = [_PARAMETER.fullmatch(item) for item in parameters.split(",") if parameters]
    shapes = [_SHAPE.fullmatch(item) for item in inputs.split(",")]
    if not all(items) or not all(shapes):
        return None
    params = {item[1]: _value(item[2]) for item in items if item}
    return BlockConfig.of(block_type, [_shape(shape) for shape in shapes if shape], **params)


def _value(text: str) -> Value:
    return int(text) if _INTEGER.fullmatch(text) else text


def _shape(matched: re.Match[str]) -> Shape:
    height, width, channels = (int(extent) for extent in matched.groups())
    return height, width, channels
