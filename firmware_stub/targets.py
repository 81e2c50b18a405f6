"""What a target string says of its board, without opening anything.

A virtual target is ``virtual:`` and a board reference: the name of a board that ships, or a path
to a board file, either with ``?clock_hz=N`` behind it.
"""

from __future__ import annotations

from hwprof.errors import ConfigurationError, UnknownNameError
from hwprof.firmware_stub.manifest import image_of
from hwprof.firmware_stub.virtual.board_files import SUFFIX, board_data, board_names, load_board
from hwprof.firmware_stub.virtual.description import BoardDescription
from hwprof.measurement import BOARD_DEFAULT, DEFAULT_KERNELS, Placement

VIRTUAL = "virtual"


def virtual_reference(target: str) -> str | None:
    """The board reference of a virtual target, None for a line to silicon."""
    scheme, separator, reference = target.partition(":")
    return reference if separator and scheme == VIRTUAL else None


def is_name(target: str) -> bool:
    """Whether a target is no line to a board but a board's name: one whose rows were imported."""
    return ":" not in target


def virtual_targets() -> list[str]:
    """Targets of the boards that ship."""
    return [f"{VIRTUAL}:{name}" for name in board_names()]


def describe_virtual(reference: str) -> BoardDescription:
    """The board behind ``virtual:<reference>``.

    Raises:
        UnknownNameError: no board of that name ships; the message names targets.
        ConfigurationError: the board file or the clock is not right.
    """
    name = reference.partition("?")[0]
    if not name.endswith(SUFFIX) and name not in board_names():
        raise UnknownNameError("target", f"{VIRTUAL}:{name}", virtual_targets())
    return load_board(reference)


def comparable_reference(target: str, named: str, chosen: str = "") -> str:
    """The virtual board to hold a board against: the chosen one, else the board's own.

    Args:
        target: of the board; a virtual one is compared with itself.
        named: what the board calls itself.
        chosen: board reference that the user asks for; empty for none.

    Raises:
        ConfigurationError: no board file of that name ships.
    """
    reference = chosen or virtual_reference(target) or (named if named in board_names() else "")
    if not reference:
        raise ConfigurationError(
            f"the board calls itself {named!r}, and no board file of that name ships; pass its "
            "file with --board (docs/BOARDS.md)."
        )
    return reference


def check_virtual(reference: str) -> BoardDescription:
    """The board behind ``virtual:<reference>``, if hwprof's firmware can be placed on it.

    Raises:
        UnknownNameError, ConfigurationError: as ``describe_virtual``, and what opening the board
            would raise: a peripheral that the firmware needs is missing, a part does not fit.
    """
    from hwprof.firmware_stub.virtual.firmware import place_image

    board = describe_virtual(reference)
    place_image(image_of(DEFAULT_KERNELS).path, board, board.placement.code)
    return board


def default_placement(target: str) -> Placement:
    """The placement of a target whose user names none; a mere name says nothing of memories.

    Raises:
        UnknownNameError, ConfigurationError: as ``describe_virtual``.
    """
    if is_name(target):
        return BOARD_DEFAULT
    reference = virtual_reference(target)
    return Placement() if reference is None else describe_virtual(reference).placement


def names_board(reference: str, board: str, clock_hz: int) -> bool:
    """Whether a board reference means a board of that name at that clock.

    A reference without a clock means the board at any clock.

    Raises:
        ConfigurationError: the board file cannot be read.
    """
    name, _, query = reference.partition("?")
    if query:
        description = describe_virtual(reference)
        return (description.name, description.clock_hz) == (board, clock_hz)
    return (board_data(name)["name"] if name.endswith(SUFFIX) else name) == board
