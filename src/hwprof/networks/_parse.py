"""Networks written as text: ``person-detector:k=5,g=1,c=96,width=320,aspect=0.8``."""

from __future__ import annotations

from inspect import signature
from typing import TYPE_CHECKING

from hwprof.errors import ConfigurationError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hwprof.architecture import Architecture


def parse(text: str, networks: Mapping[str, Callable[..., Architecture]]) -> Architecture:
    """Build the network that a name and its parameters describe.

    A name may be written with ``_`` for ``-``; parameters left out keep their defaults.

    Raises:
        UnknownNameError: no such network or parameter; the message suggests the nearest.
        ConfigurationError: an item is not ``name=number``, or the network refuses its value.
    """
    name, _, rest = text.partition(":")
    name = name.strip().replace("_", "-")
    if name not in networks:
        raise UnknownNameError("network", name, networks)
    build = networks[name]
    kinds = {key: type(parameter.default) for key, parameter in signature(build).parameters.items()}
    values: dict[str, float] = {}
    for item in filter(str.strip, rest.split(",")):
        key, number = _item(name, item, kinds)
        if key in values:
            raise ConfigurationError(f"{key} of {name} is given twice in {text!r}; keep one.")
        values[key] = number
    return build(**values)


def _item(network: str, item: str, kinds: Mapping[str, type]) -> tuple[str, float]:
    key, _, value = (part.strip() for part in item.partition("="))
    if key not in kinds:
        raise UnknownNameError(f"parameter of {network}", key, kinds)
    try:
        number: float = kinds[key](value)
    except ValueError as error:
        kind = "a whole number" if kinds[key] is int else "a number"
        raise ConfigurationError(
            f"{key} of {network} is {kind}, written {key}={kinds[key](1)}; got {item.strip()!r}."
        ) from error
    return key, number
