"""Search spaces that a person writes: TOML files.

Format (docs/FORMATS.md, "Search space in TOML"): bounded, nothing in it is executed. Parameters of
one of hwprof's own networks with the values to choose from, or edits of such a network.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hwprof.documents import LARGEST_NUMBER, BrokenRuleError, as_list, as_object, as_text
from hwprof.errors import ConfigurationError, ModelError, UnknownNameError
from hwprof.files import FileKind
from hwprof.networks import parse_architecture
from hwprof.search.spaces._base import SearchSpace
from hwprof.search.spaces._built import (
    MOST_CHOICES,
    BuiltNetworks,
    ParameterAxis,
    joined,
    parameter_defaults,
)
from hwprof.search.spaces._file import (
    FORMAT,
    FORMAT_VERSION,
    EditedNetwork,
    axis_of,
    check_keys,
    text_field,
)

TOML_FILE = FileKind(
    noun="a search space in TOML",
    most_bytes=1 << 20,
    error=ConfigurationError,
    check="docs/SPACES.md shows one",
    shrink="give it fewer choices",
)
_HEAD = ("format", "format_version", "name", "network")
_OF_PARAMETERS = (*_HEAD, "parameters", "together", "seed")
_OF_EDITS = (*_HEAD, "axes")
_RANGE = ("from", "to", "step")
_DECIMALS = 9  # of the values of a range


def load_toml_space(path: Path) -> SearchSpace:
    """The search space in a TOML file.

    Raises:
        ConfigurationError: the file cannot be read, is no TOML or no such space, or a choice is
            no network.
    """
    data = TOML_FILE.read(path)
    try:
        return _space(tomllib.loads(data.decode("utf-8")))
    except RecursionError as error:
        raise ConfigurationError(
            f"{path} is no search space (it needs brackets nested less deeply); {_WAY_OUT}"
        ) from error
    except (ValueError, ModelError) as error:
        if isinstance(error, ConfigurationError) and not isinstance(error, UnknownNameError):
            raise
        reason = str(error).rstrip(".?")
        raise ConfigurationError(f"{path} is no search space ({reason}); {_WAY_OUT}") from error


_WAY_OUT = "docs/SPACES.md shows one."


def _space(document: Mapping[str, Any]) -> SearchSpace:
    if document.get("format", FORMAT) != FORMAT:
        raise BrokenRuleError(f"format {FORMAT!r}")
    if document.get("format_version", FORMAT_VERSION) != FORMAT_VERSION:
        raise BrokenRuleError(f"format_version {FORMAT_VERSION}")
    kinds = [name for name in ("parameters", "axes") if name in document]
    if len(kinds) != 1:
        raise BrokenRuleError("either [parameters] of a network or [[axes]] of edits")
    return _edited(document) if kinds == ["axes"] else _built(document)


def _edited(document: Mapping[str, Any]) -> EditedNetwork:
    check_keys(document, _OF_EDITS, "field")
    axes = [axis_of(as_object(axis)) for axis in as_list(document["axes"])]
    network = parse_architecture(text_field(document, "network"))
    return EditedNetwork(text_field(document, "name"), network, axes)


def _built(document: Mapping[str, Any]) -> BuiltNetworks:
    check_keys(document, _OF_PARAMETERS, "field")
    name, network = text_field(document, "name"), text_field(document, "network")
    written = as_object(document["parameters"])
    defaults = parameter_defaults(network)
    check_keys(written, tuple(defaults), f"parameter of {network}")
    axes, fixed = [], {}
    for parameter, value in written.items():
        field = _Field(parameter, type(defaults[parameter]))
        if isinstance(value, int | float):
            fixed[parameter] = field.number(value)
        else:
            axes.append(ParameterAxis((parameter,), tuple((v,) for v in field.choices(value))))
    seed_table = as_object(document.get("seed", {}))
    check_keys(seed_table, [axis.names[0] for axis in axes], "varied parameter")
    seed = {
        parameter: _Field(parameter, type(defaults[parameter])).number(value)
        for parameter, value in seed_table.items()
    }
    groups = [[as_text(one) for one in as_list(group)] for group in _lists(document, "together")]
    return BuiltNetworks(
        name, network, _joined(network, axes, groups, {**fixed, **seed}), fixed=fixed, seed=seed
    )


def _lists(document: Mapping[str, Any], name: str) -> list[Any]:
    return as_list(document.get(name, []))


def _joined(
    network: str,
    axes: Sequence[ParameterAxis],
    groups: Iterable[Sequence[str]],
    others: Mapping[str, float],
) -> list[ParameterAxis]:
    """The axes, those of each group as one that holds their legal combinations."""
    by_name = {axis.names[0]: axis for axis in axes}
    group_of: dict[str, Sequence[str]] = {}
    for group in groups:
        for name in group:
            if name not in by_name:
                raise UnknownNameError("varied parameter", name, by_name)
            if name in group_of:
                raise BrokenRuleError(f"{name} in one list of 'together'")
            group_of[name] = group
    found = []
    for name, axis in by_name.items():
        group = group_of.get(name, [name])
        if len(group) == 1:
            found.append(axis)
        elif name == next(one for one in by_name if one in group):
            rest = {other: value for other, value in others.items() if other not in group}
            found.append(joined(network, [by_name[one] for one in group], rest))
    return found


@dataclass(frozen=True, slots=True)
class _Field:
    """A parameter's values, as a file writes them.

    Attributes:
        kind: ``int`` where the builder takes whole numbers, else ``float``.
    """

    name: str
    kind: type

    def number(self, value: Any) -> float:
        """One value.

        Raises:
            BrokenRuleError: it is no number, not finite, or not whole where it must be.
        """
        allowed = (int,) if self.kind is int else (int, float)
        if type(value) not in allowed or not abs(value) <= LARGEST_NUMBER:  # nor not a number
            noun = "a whole number" if self.kind is int else "a finite number"
            raise BrokenRuleError(f"{noun} for {self.name} where it has {value!r:.40}")
        number: float = self.kind(value)
        return number

    def choices(self, value: Any) -> list[float]:
        """The values of a list, or of a range ``{from, to, step}`` with both ends.

        Raises:
            BrokenRuleError: it is neither, empty, or has too many.
        """
        if not isinstance(value, dict | list):
            raise BrokenRuleError(
                f"a number, a list or a range for {self.name} where it has {value!r:.40}"
            )
        values = self._range(value) if isinstance(value, dict) else value
        if not 0 < len(values) <= MOST_CHOICES:
            raise BrokenRuleError(
                f"1 to {MOST_CHOICES:,} choices of {self.name} where it has {len(values):,}"
            )
        return [self.number(one) for one in values]

    def _range(self, value: Mapping[str, Any]) -> list[float]:
        check_keys(value, _RANGE, f"field of the range of {self.name}")
        missing = [end for end in ("from", "to") if end not in value]
        if missing:
            raise BrokenRuleError(f"'{missing[0]}' in the range of {self.name}")
        first, last = self.number(value["from"]), self.number(value["to"])
        step = self.number(value.get("step", 1))
        if step <= 0 or last < first:
            raise BrokenRuleError(
                f"a range of {self.name} that ascends by a positive step where it goes from "
                f"{first} to {last} by {step}"
            )
        steps = (last - first) / step
        if steps >= MOST_CHOICES:
            raise BrokenRuleError(
                f"1 to {MOST_CHOICES:,} choices of {self.name} where it has {steps:,.0f}"
            )
        count = math.floor(round(steps, _DECIMALS)) + 1
        values = (first + number * step for number in range(count))
        return [self.kind(round(one, _DECIMALS)) for one in values]
