"""What compiled hooks need of the host: an address of their own, bytes, calls into Unicorn.

Without numba's compiler (NUMBA_DISABLE_JIT=1, for coverage) the same names are plain Python.
"""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any, Protocol

from llvmlite import ir
from numba import config, types
from numba.extending import intrinsic

from hwprof.firmware_stub.virtual.compiling import compiled_callback

_BYTE = ir.IntType(8)
_INT32, _INT64 = ir.IntType(32), ir.IntType(64)


@intrinsic
def _peek(_typing: Any, address: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        pointer = builder.inttoptr(arguments[0], _BYTE.as_pointer())
        return builder.zext(builder.load(pointer), _INT64)

    return types.int64(address), generate


@intrinsic
def _words(_typing: Any, address: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], _INT64.as_pointer())

    return types.CPointer(types.int64)(address), generate


@intrinsic
def _stop(_typing: Any, function: Any, engine: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> None:
        target, handle = arguments
        kind = ir.FunctionType(_INT32, [_BYTE.as_pointer()])
        builder.call(
            builder.inttoptr(target, kind.as_pointer()),
            [builder.inttoptr(handle, _BYTE.as_pointer())],
        )

    return types.void(function, engine), generate


@intrinsic
def _pass_registers(  # noqa: PLR0917 - Unicorn's signature
    _typing: Any, function: Any, engine: Any, names: Any, values: Any, count: Any
) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> None:
        target, *pointers, number = arguments
        kind = ir.FunctionType(_INT32, [_BYTE.as_pointer()] * 3 + [_INT32])
        builder.call(
            builder.inttoptr(target, kind.as_pointer()),
            [builder.inttoptr(p, _BYTE.as_pointer()) for p in pointers]
            + [builder.trunc(number, _INT32)],
        )

    return types.void(function, engine, names, values, count), generate


def _peek_in_python(address: int) -> int:
    return ctypes.c_uint8.from_address(int(address)).value


def _words_in_python(address: int) -> Any:
    return ctypes.cast(int(address), ctypes.POINTER(ctypes.c_int64))


def _stop_in_python(function: int, engine: int) -> None:
    ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(int(function))(int(engine))


def _pass_registers_in_python(  # noqa: PLR0917 - Unicorn's signature
    function: int, engine: int, names: int, values: int, count: int
) -> None:
    kind = ctypes.CFUNCTYPE(ctypes.c_int, *(ctypes.c_void_p,) * 3, ctypes.c_int)
    kind(int(function))(int(engine), int(names), int(values), int(count))


_COMPILED = not config.DISABLE_JIT

peek = _peek if _COMPILED else _peek_in_python
"""The byte at an address of the host."""
words_at = _words if _COMPILED else _words_in_python
"""A pointer to int64 for ``carray``."""
stop = _stop if _COMPILED else _stop_in_python
"""Call ``function(engine)``, Unicorn's uc_emu_stop."""
pass_registers = _pass_registers if _COMPILED else _pass_registers_in_python
"""Call ``function(engine, names, values, count)``: uc_reg_read_batch, uc_reg_write_batch."""


class Hook(Protocol):
    """A function that C can call."""

    @property
    def address(self) -> int:
        """Where C finds it."""


class _PythonHook:
    def __init__(self, pointer: Any) -> None:
        self._pointer = pointer  # keeps the callback alive

    @property
    def address(self) -> int:
        return ctypes.cast(self._pointer, ctypes.c_void_p).value or 0


_STATE = types.CPointer(types.int64)
_STATE_IN_PYTHON = ctypes.POINTER(ctypes.c_int64)
_BLOCK = types.void(types.int64, types.uint64, types.uint32, _STATE)
_BLOCK_IN_PYTHON = ctypes.CFUNCTYPE(
    None, ctypes.c_int64, ctypes.c_uint64, ctypes.c_uint32, _STATE_IN_PYTHON
)
_ACCESS = types.void(types.int64, types.int32, types.uint64, types.int32, types.int64, _STATE)
_ACCESS_IN_PYTHON = ctypes.CFUNCTYPE(
    None,
    ctypes.c_int64,
    ctypes.c_int32,
    ctypes.c_uint64,
    ctypes.c_int32,
    ctypes.c_int64,
    _STATE_IN_PYTHON,
)


def block_hook(function: Callable[..., None]) -> Hook:
    """Make Unicorn's UC_HOOK_BLOCK callback of ``function(engine, address, size, state)``."""
    return _hook(function, _BLOCK, _BLOCK_IN_PYTHON)


def access_hook(function: Callable[..., None]) -> Hook:
    """Make a UC_HOOK_MEM callback of ``function(engine, kind, address, size, value, state)``."""
    return _hook(function, _ACCESS, _ACCESS_IN_PYTHON)


def _hook(function: Callable[..., None], signature: Any, kind_in_python: Any) -> Hook:
    if not _COMPILED:
        return _PythonHook(kind_in_python(function))
    hook: Hook = compiled_callback(signature, function)
    return hook
