"""Names a firmware by its sources, and writes firmware_stub/images/manifest.json.

``make firmware`` calls it. Only the standard library and the cross-compiler are needed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

MANIFEST = Path(__file__).resolve().parents[1] / "firmware_stub" / "images" / "manifest.json"
MANIFEST_FORMAT = 1
FIRMWARE_ID_DIGITS = 16

# Who may be behind a call through a pointer, as a pattern of function names: the tables of the
# firmware's sources. A new caller without a row here stops the build, so the bound stays one.
INDIRECT_CALLS: Mapping[str, str] = {
    "hwp_session_serve": r"hello|begin|chunk|place|prepare|run|read|abort_all",
    "answer": r"hello|begin|chunk|place|prepare|run|read|abort_all",
    "hwp_run_record": r"run_.*",
    "hwp_record_check": r"rules_.*",
    "hwp_record_output_bytes": r"rules_.*",
    "make_constant": r"make_data|make_fill|make_from_pool",
    "read_constants": r"make_data|make_fill|make_from_pool",
    "hwp_program_prepare": r"read_.*",
}
# newlib's copy and fill routines come without a call graph; they push at most eight registers.
LIBRARY_STACK_BYTES = {"memcpy": 32, "memmove": 32, "memset": 32, "strlen": 32}


class ManifestError(Exception):
    """The build left something that cannot be described."""


def firmware_id(sources: Iterable[Path]) -> str:
    """First digits of the SHA-256 over names and bytes of the sources."""
    digest = hashlib.sha256()
    for path in sorted(sources):
        digest.update(f"{path.as_posix()}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:FIRMWARE_ID_DIGITS]


# --- stack ---------------------------------------------------------------------------------------

_NODE = re.compile(r'node: \{ title: "([^"]+)" label: "([^"]*)"')
_EDGE = re.compile(r'edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"')
_FRAME = re.compile(r"(\d+) bytes \((static|dynamic|dynamic,bounded)\)")
_INDIRECT = "__indirect_call"


class CallGraph:
    """Stack frames and calls that GCC wrote with -fcallgraph-info=su."""

    def __init__(self, files: Iterable[Path]) -> None:
        self._frame_bytes: dict[str, int] = dict(LIBRARY_STACK_BYTES)
        self._calls: dict[str, set[str]] = {}
        for path in files:
            self._read(path.read_text())

    def _read(self, text: str) -> None:
        for name, label in _NODE.findall(text):
            frame = _FRAME.search(label)
            if frame is None:
                continue
            if frame[2] == "dynamic":
                raise ManifestError(f"{name} has a stack frame without a bound")
            plain = _plain(name)  # static functions of two files may share it: take the worse
            self._frame_bytes[plain] = max(int(frame[1]), self._frame_bytes.get(plain, 0))
        for caller, callee in _EDGE.findall(text):
            self._calls.setdefault(_plain(caller), set()).add(_plain(callee))

    def known(self, functions: Iterable[str]) -> list[str]:
        """Those functions whose frames the compiler described."""
        return [name for name in functions if name in self._frame_bytes]

    def bound_bytes(self, function: str, callers: tuple[str, ...] = ()) -> int:
        """Most stack that a call of ``function`` can take."""
        if function in callers:
            raise ManifestError(f"{function} is recursive: {' -> '.join(callers)}")
        if function not in self._frame_bytes:
            caller = callers[-1] if callers else "nobody"
            raise ManifestError(f"the stack frame of {function}, called by {caller}, is unknown")
        deeper = (
            self.bound_bytes(callee, (*callers, function)) for callee in self._callees(function)
        )
        return self._frame_bytes[function] + max(deeper, default=0)

    def _callees(self, function: str) -> set[str]:
        callees = self._calls.get(function, set())
        if _INDIRECT not in callees:
            return callees
        if function not in INDIRECT_CALLS:
            raise ManifestError(
                f"{function} calls through a pointer; name its targets in INDIRECT_CALLS"
            )
        pattern = re.compile(INDIRECT_CALLS[function])
        targets = {name for name in self._frame_bytes if pattern.fullmatch(name)}
        return (callees - {_INDIRECT}) | targets


def _plain(title: str) -> str:
    """Function name without the file that GCC puts before static ones and suffixes of clones."""
    return title.rpartition(":")[2].partition(".")[0]


# --- image ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Toolchain:
    """The cross-compiler and its companions."""

    compiler: str

    @cached_property
    def version(self) -> str:
        """First line of what the compiler says of itself."""
        return self._output(self.compiler, "--version").splitlines()[0]

    def section_bytes(self, image: Path) -> dict[str, int]:
        """Size of each section."""
        text = self._output(self._tool("size"), "-A", "-d", str(image))
        return {
            m[1]: int(m[2]) for m in re.finditer(r"^(\.\S+)\s+(\d+)\s+\d+$", text, re.MULTILINE)
        }

    def section(self, image: Path, name: str) -> bytes:
        """Content of one section."""
        command = [self._tool("objcopy"), "-O", "binary", f"--only-section={name}"]
        return subprocess.run(
            [*command, str(image), "/dev/stdout"], check=True, capture_output=True
        ).stdout

    def symbols(self, image: Path) -> dict[str, int]:
        """Address of each symbol."""
        lines = self._output(self._tool("nm"), str(image)).splitlines()
        return {name: int(address, 16) for address, _, name in map(str.split, lines)}

    def undefined(self, image: Path) -> list[str]:
        """Symbols that another file has to define."""
        return self._output(self._tool("nm"), "-u", "-j", str(image)).split()

    def _tool(self, name: str) -> str:
        return re.sub(r"gcc$", name, self.compiler)

    def _output(self, *command: str) -> str:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _defined(header: str, name: str) -> int:
    """Value of a macro that the firmware's headers define as a number."""
    match = re.search(rf"^#define {name} (\w+?)u?$", header, re.MULTILINE)
    if match is None:
        raise ManifestError(f"{name} is defined in no header")
    return int(match[1], 0)


@dataclass(frozen=True)
class ImageEntry:
    """The manifest's entry of one image; field names are those of the file."""

    file: str
    kernels: str
    firmware_id: str
    sha256: str
    flash_file: str
    flash_sha256: str
    kernels_sha256: str
    compiler: str
    flags: str
    protocol_version: int
    program_version: int
    code_bytes: int
    constant_data_bytes: int
    zeroed_data_bytes: int
    stack_bound_bytes: int
    stack_bytes: int
    pool_address: str

    def __str__(self) -> str:
        data_bytes = self.constant_data_bytes + self.zeroed_data_bytes
        return (
            f"{self.file}: {self.code_bytes:,} bytes of code, {data_bytes:,} bytes of data\n"
            f"stack: at most {self.stack_bound_bytes:,} of {self.stack_bytes:,} bytes"
        )


def describe(options: argparse.Namespace) -> ImageEntry:
    """Everything the manifest says of the image that was just built."""
    image: Path = options.image
    tools = Toolchain(options.compiler)
    sizes = tools.section_bytes(image)
    headers = "\n".join(path.read_text() for path in options.sources if path.suffix == ".h")
    calls = CallGraph(options.build.rglob("*.ci"))
    return ImageEntry(
        file=image.name,
        kernels=options.kernels,
        firmware_id=firmware_id(options.sources),
        sha256=hashlib.sha256(image.read_bytes()).hexdigest(),
        flash_file=options.flash_image.name,
        flash_sha256=hashlib.sha256(options.flash_image.read_bytes()).hexdigest(),
        kernels_sha256=hashlib.sha256(tools.section(image, ".kernels")).hexdigest(),
        compiler=tools.version,
        flags=options.flags,
        protocol_version=_defined(headers, "HWP_PROTOCOL_VERSION"),
        program_version=_defined(headers, "HWP_PROGRAM_VERSION"),
        code_bytes=sizes[".vectors"] + sizes[".kernels"] + sizes[".text"],
        constant_data_bytes=sizes[".board"] + sizes[".rodata"],
        zeroed_data_bytes=sizes[".bss"],
        # The jump between the two is in assembly, where no call graph sees it.
        stack_bound_bytes=calls.bound_bytes("reset_handler") + calls.bound_bytes("start"),
        stack_bytes=_defined(headers, "STACK_BYTES"),
        pool_address=f"{tools.symbols(image)['hwp_pool']:#010x}",
    )


@dataclass(frozen=True)
class ObjectEntry:
    """The manifest's entry of a relocatable object, which is linked where it is used."""

    file: str
    sources_id: str
    sha256: str
    compiler: str
    flags: str
    code_bytes: int
    constant_data_bytes: int
    zeroed_data_bytes: int
    stack_bound_bytes: int

    def __str__(self) -> str:
        data_bytes = self.constant_data_bytes + self.zeroed_data_bytes
        return (
            f"{self.file}: {self.code_bytes:,} bytes of code, {data_bytes:,} bytes of data, "
            f"at most {self.stack_bound_bytes:,} bytes of stack"
        )


def describe_object(options: argparse.Namespace) -> ObjectEntry:
    """Everything the manifest says of a relocatable object that was just built."""
    tools = Toolchain(options.compiler)
    if tools.undefined(options.object):
        raise ManifestError(
            f"{options.object.name} needs {', '.join(tools.undefined(options.object))}"
        )
    sizes = tools.section_bytes(options.object)
    calls = CallGraph(options.build.rglob("*.ci"))
    functions = tools.symbols(options.object)
    return ObjectEntry(
        file=options.object.name,
        sources_id=firmware_id(options.sources),
        sha256=hashlib.sha256(options.object.read_bytes()).hexdigest(),
        compiler=tools.version,
        flags=options.flags,
        code_bytes=_of_kind(sizes, ".text"),
        constant_data_bytes=_of_kind(sizes, ".rodata"),
        zeroed_data_bytes=_of_kind(sizes, ".bss"),
        stack_bound_bytes=max(calls.bound_bytes(name) for name in calls.known(functions)),
    )


def _of_kind(sizes: Mapping[str, int], kind: str) -> int:
    return sum(size for name, size in sizes.items() if name == kind or name.startswith(f"{kind}."))


def write_manifest(entry: ImageEntry | ObjectEntry) -> None:
    """Put one entry into the manifest, beside those of other files."""
    manifest = json.loads(MANIFEST.read_text()) if MANIFEST.exists() else {}
    kind = "images" if isinstance(entry, ImageEntry) else "objects"
    others = [other for other in manifest.get(kind, []) if other["file"] != entry.file]
    entries = sorted([*others, asdict(entry)], key=lambda listed: str(listed["file"]))
    text = json.dumps({**manifest, "format": MANIFEST_FORMAT, kind: entries}, indent=2)
    MANIFEST.write_text(f"{text}\n")


def _build_id(options: argparse.Namespace) -> None:
    sys.stdout.write(f'#define HWP_BUILD_ID "{firmware_id(options.sources)}"\n')


def _manifest(options: argparse.Namespace) -> None:
    entry = describe(options)
    if entry.stack_bound_bytes > entry.stack_bytes:
        raise ManifestError(f"the stack overflows: {entry}")
    if options.write:
        write_manifest(entry)
    print(entry)


def _object(options: argparse.Namespace) -> None:
    entry = describe_object(options)
    if options.write:
        write_manifest(entry)
    print(entry)


def main(arguments: list[str] | None = None) -> int:
    """Run ``build-id``, ``manifest`` or ``object``."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    build_id = commands.add_parser("build-id", help="print the header that names the firmware")
    manifest = commands.add_parser("manifest", help="describe an image")
    manifest.add_argument("--image", type=Path, required=True)
    manifest.add_argument("--flash-image", type=Path, required=True)
    manifest.add_argument("--kernels", required=True, help="name of its kernel library")
    linkable = commands.add_parser("object", help="describe a relocatable object")
    linkable.add_argument("--object", type=Path, required=True)
    for command in (manifest, linkable):
        command.add_argument("--build", type=Path, required=True, help="folder of its object files")
        command.add_argument("--compiler", default="arm-none-eabi-gcc")
        command.add_argument("--flags", default="")
        command.add_argument("--write", action="store_true", help="update manifest.json")
    for command, action in ((build_id, _build_id), (manifest, _manifest), (linkable, _object)):
        command.add_argument("sources", nargs="+", type=Path)
        command.set_defaults(action=action)
    options = parser.parse_args(arguments)
    try:
        options.action(options)
    except (ManifestError, OSError, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
