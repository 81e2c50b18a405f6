"""Object files and archives: which of them a program needs, and what it still lacks.

The archive format is that of GNU ar, whose members have headers of 60 bytes with decimal sizes;
names longer than 15 characters stand in a member called ``//``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from hwprof.errors import ConfigurationError
from hwprof.firmware_stub.virtual.elf import (
    COMMON,
    GLOBAL,
    RELOCATABLE,
    UNDEFINED,
    WEAK,
    ElfFile,
    ElfSymbol,
)

ARCHIVE_MAGIC = b"!<arch>\n"
_HEADER_BYTES = 60
_NAME, _SIZE, _END = slice(0, 16), slice(48, 58), slice(58, 60)
MAX_MEMBERS = 1 << 14


@dataclass(frozen=True, slots=True)
class Definition:
    """A symbol and the number of the object that defines it."""

    owner: int
    symbol: ElfSymbol


@dataclass(slots=True)
class Program:
    """Objects that belong together.

    Attributes:
        definitions: by name, a strong one before a weak one.
        lacking: names that are referred to and that no object defines; weak ones left out.
    """

    objects: list[ElfFile] = field(default_factory=list)
    definitions: dict[str, Definition] = field(default_factory=dict)
    lacking: dict[str, None] = field(default_factory=dict)

    def add(self, elf: ElfFile) -> None:
        """Take an object in.

        Raises:
            ConfigurationError: it defines a name that another object defines as well.
        """
        self.objects.append(elf)
        for symbol in _global_symbols(elf):
            if symbol.section == UNDEFINED:
                if symbol.binding == GLOBAL and symbol.name not in self.definitions:
                    self.lacking.setdefault(symbol.name)
                continue
            self.lacking.pop(symbol.name, None)
            self._define(Definition(len(self.objects) - 1, symbol))

    def _define(self, new: Definition) -> None:
        name = new.symbol.name
        old = self.definitions.get(name)
        if old is None or _gives_way(old.symbol):
            self.definitions[name] = new
        elif not _gives_way(new.symbol):
            owners = " and in ".join(self.objects[d.owner].name for d in (old, new))
            raise ConfigurationError(
                f"a program defines a symbol once; {name!r} is in {owners}; leave one out."
            )


def _gives_way(symbol: ElfSymbol) -> bool:
    return symbol.binding == WEAK or symbol.section == COMMON


def _global_symbols(elf: ElfFile) -> Iterator[ElfSymbol]:
    return (s for s in elf.symbols if s.binding in (GLOBAL, WEAK) and s.name)


def gather(files: Sequence[tuple[str, bytes]], roots: Iterable[str] = ()) -> Program:
    """All object files of a list, and of its archives the members that these need.

    Args:
        files: name and bytes of object files and archives; an archive serves all of them.
        roots: names that are needed as well.

    Raises:
        ConfigurationError: a file is neither, or two define the same name.
    """
    program, members = Program(), dict[str, ElfFile]()
    for name, data in files:
        if not is_archive(data):
            program.add(object_file(data, name))
            continue
        for member in archive_members(data, name):
            for symbol in _global_symbols(member):
                if symbol.section not in (UNDEFINED, COMMON):
                    members.setdefault(symbol.name, member)
    _complete(program, members, tuple(roots))
    return program


def _complete(program: Program, members: dict[str, ElfFile], roots: tuple[str, ...]) -> None:
    """Take members in until nothing more is lacking that one of them has."""
    while True:
        lacking = [name for name in (*roots, *program.lacking) if name not in program.definitions]
        found = next((members[name] for name in lacking if name in members), None)
        if found is None:
            return
        program.add(found)


def is_archive(data: bytes) -> bool:
    """Whether a file is an archive of object files."""
    return data.startswith(ARCHIVE_MAGIC)


def object_file(data: bytes, name: str) -> ElfFile:
    """An object file.

    Raises:
        ConfigurationError: it is no 32-bit Arm object file.
    """
    elf = ElfFile(data, name)
    if elf.kind != RELOCATABLE:
        raise ConfigurationError(
            f"what is linked is an object file or an archive; {name} is linked already; run it "
            "by itself."
        )
    return elf


def archive_members(data: bytes, name: str) -> Iterator[ElfFile]:
    """The object files of an archive; members of other kinds are passed over.

    Raises:
        ConfigurationError: a header is damaged, or there are absurdly many.
    """
    at, long_names = len(ARCHIVE_MAGIC), b""
    for _ in range(MAX_MEMBERS):
        if at >= len(data):
            return
        header = data[at : at + _HEADER_BYTES]
        size = header[_SIZE].strip()
        content = at + _HEADER_BYTES
        if header[_END] != b"`\n" or not size.isdigit() or content + int(size) > len(data):
            raise ConfigurationError(
                f"an archive has whole members; {name} is damaged at byte {at:,}; make it again."
            )
        member = data[content : content + int(size)]
        if header[_NAME].startswith(b"// "):
            long_names = member
        elif member.startswith(b"\x7fELF"):
            yield object_file(member, f"{name}({_member_name(header[_NAME], long_names)})")
        at = content + int(size) + int(size) % 2
    raise ConfigurationError(
        f"an archive has at most {MAX_MEMBERS:,} members; {name} has more; take out what is needed."
    )


def _member_name(field: bytes, long_names: bytes) -> str:
    text = field.rstrip()
    if text.startswith(b"/") and text[1:].isdigit():
        text = long_names[int(text[1:]) :].partition(b"\n")[0]
    return text.rstrip(b"/").decode("ascii", "backslashreplace")
