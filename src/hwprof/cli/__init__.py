"""The command line: one module for each command, imported when that command runs."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from keyword import iskeyword
from typing import IO, Any

import click

from hwprof.errors import HwprofError, PausedError

# In the order of the work, which is the order of the help text.
COMMANDS = {
    "inspect": "Show layers, costs and the bottleneck of a model.",
    "sample": "Write block configurations as ONNX files.",
    "profile": "Measure a model, or everything that was sampled.",
    "quarantine": "Show rows that are kept and not used, or take them back.",
    "import": "Bring measurements of any board, from a table.",
    "fit": "Fit one surrogate for each block type.",
    "transfer": "Move a surrogate to another board by a few measurements.",
    "predict": "Predict a model's latency, with an interval.",
    "advise": "Say what to change about a model that is too slow.",
    "space": "Show what a space's networks cost, and which parameter matters.",
    "search": "Search a space for architectures that meet a latency budget.",
    "estimators": "Find which guess at accuracy to trust, and search by it.",
    "report": "Write a page on how far to trust the predictions.",
    "export": "Write the measurements as CSV.",
    "frame": "Say what a whole frame takes, from the camera's picture to the boxes.",
    "schemes": "Compare quantisation schemes on one network.",
    "run": "Run a function of any Cortex-M7 binary on a virtual board.",
    "targets": "List boards with clock, memories and known error.",
    "doctor": "Examine a board, from its port to the cycles of known blocks.",
    "calibrate": "Say where a board differs from its virtual board, and predict for it.",
    "explain": "Name the likeliest cause why a measured table differs from the model.",
    "board": "Run a virtual board for other programs.",
    "firmware": "List the firmware images, and load one onto a board.",
    "quickstart": "Run the whole pipeline, small, on the virtual RT1170.",
}


class _MistakeError(click.ClickException):
    """A user's mistake, told in one sentence."""

    exit_code = 2


class _PausedError(click.ClickException):
    """A campaign was paused and can go on; EX_TEMPFAIL of sysexits.h invites to try again."""

    exit_code = 75

    def show(self, file: IO[Any] | None = None) -> None:
        """The sentence, which is no error."""
        click.echo(self.format_message(), file=file, err=True)


class _WorkflowGroup(click.Group):
    """Lists commands in workflow order and imports a command's module when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        function = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name
        command = getattr(importlib.import_module(f"hwprof.cli._{cmd_name}"), function)
        if not isinstance(command, click.Command):
            raise TypeError(f"hwprof.cli._{cmd_name}.{cmd_name} is no click command.")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        with _mistakes():
            return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        with _mistakes():
            return super().invoke(ctx)


@contextmanager
def _mistakes() -> Iterator[None]:
    try:
        yield
    except PausedError as error:
        raise _PausedError(str(error)) from error
    except HwprofError as error:
        raise _MistakeError(_printable(str(error))) from error
    except click.exceptions.NoArgsIsHelpError:
        raise
    except click.UsageError as error:
        raise _MistakeError(_usage(error)) from error


def _printable(text: str) -> str:
    """A message, escaped where it does not print: words from files must not drive a terminal."""
    return "".join(
        letter
        if letter.isprintable() or letter == "\n"
        else letter.encode("unicode_escape").decode()
        for letter in text
    )


def _usage(error: click.UsageError) -> str:
    """What click says in three lines, as one sentence with a way out."""
    text = error.format_message()
    if text.endswith("?"):  # it suggests one
        return text
    command = error.ctx.command_path if error.ctx else "hwprof"
    return f"{text.rstrip('.')}; '{command} --help' says what it takes."


@click.group(cls=_WorkflowGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hwprof")
def main() -> None:
    """Know what a neural network costs on a microcontroller before you own the board."""
