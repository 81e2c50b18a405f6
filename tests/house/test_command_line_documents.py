"""Every command has help and a place in the README."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from hwprof.cli import COMMANDS, main

from .conftest import CHECKOUT


def _options_without_help(command: click.Command) -> list[str]:
    options = (p for p in command.params if isinstance(p, click.Option))
    return [option.opts[0] for option in options if not (option.help or option.show_default)]


@pytest.mark.parametrize("name", COMMANDS)
def test_command_prints_its_help(name: str) -> None:
    """Asking a command for help explains it and exits 0."""
    result = CliRunner().invoke(main, [name, "--help"])

    assert result.exit_code == 0, result.output
    assert len(result.output.splitlines()) > 4


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_says_what_it_does(name: str) -> None:
    """An option has a sentence, or at least a default that explains it."""
    command = main.get_command(click.Context(main), name)

    assert command is not None
    assert _options_without_help(command) == []


@pytest.mark.parametrize("name", COMMANDS)
def test_readme_names_the_command(name: str) -> None:
    """A reader of the README learns that the command exists."""
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")

    assert f"| `hwprof {name}` |" in readme


def test_help_lists_commands_in_the_order_of_the_work() -> None:
    """The top-level help lists every command in workflow order."""
    output = CliRunner().invoke(main, ["--help"]).output

    positions = [output.index(f"\n  {name} ") for name in COMMANDS]
    assert positions == sorted(positions)


def test_unknown_command_is_refused() -> None:
    """A mistyped command exits 2 without a traceback."""
    result = CliRunner().invoke(main, ["profil"])

    assert result.exit_code == 2
    assert result.output.startswith("Error: No such command 'profil'")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run", "image.elf"], "Missing option '--call'; 'hwprof run --help' says what it takes."),
        (["run", "image.elf", "--call"], "requires an argument; 'hwprof --help'"),
        (["inspect", "--cache-state", "cool"], "'cool' is not one of 'cold', 'warm'; 'hwprof insp"),
        (["schemes", "--budget"], "No such option '--budget'. Did you mean '--target'?"),
        (["--nothing"], "No such option '--nothing'; 'hwprof --help' says"),
    ],
)
def test_wrong_usage_is_one_sentence(arguments: list[str], sentence: str) -> None:
    """As every other mistake: rule, value got, way out, on one line."""
    result = CliRunner().invoke(main, arguments, prog_name="hwprof")

    assert result.exit_code == 2
    assert sentence in result.output
    assert result.output.count("\n") == 1


def test_a_group_alone_shows_its_help() -> None:
    """Somebody who does not know its commands yet made no mistake."""
    assert "serve" in CliRunner().invoke(main, ["board"]).output
