"""The C interface (evssm.h) in ctypes. Calls release the global interpreter lock."""

from __future__ import annotations

import ctypes
import os
from ctypes import (
    POINTER,
    Structure,
    byref,
    c_char,
    c_char_p,
    c_int,
    c_int32,
    c_int64,
    c_size_t,
    c_uint8,
    c_uint32,
    c_uint64,
    c_void_p,
)
from pathlib import Path
from typing import Any

from ._errors import BY_STATUS, Error

ABI_VERSION = 1


class ErrorText(Structure):
    _fields_ = [("status", c_int), ("code", c_char * 64), ("message", c_char * 1024)]


class PlanOptions(Structure):
    _fields_ = [("struct_size", c_size_t), ("trusted_key", POINTER(c_uint8))]


class PlanFacts(Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("architecture", c_char_p),
        ("windows", c_char_p),
        ("digest", c_char_p),
        ("parameter_count", c_uint64),
        ("weights_bytes", c_uint64),
        ("minimum_side", c_int64),
        ("maximum_side", c_int64),
        ("maximum_pixels", c_int64),
    ]


class SessionOptions(Structure):
    _fields_ = [
        ("struct_size", c_size_t),
        ("threads", c_int32),
        ("instruction_set", c_char_p),
        ("max_memory", c_uint64),
    ]


class RunOptions(Structure):
    _fields_ = [("struct_size", c_size_t), ("deadline", c_uint64), ("cancel", POINTER(c_int32))]


_SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "evssm_abi_version": (c_uint32, []),
    "evssm_plan_open": (c_int, [c_char_p, POINTER(PlanOptions), POINTER(c_void_p), POINTER(ErrorText)]),
    "evssm_plan_close": (None, [c_void_p]),
    "evssm_plan_inspect": (c_int, [c_void_p, POINTER(PlanFacts), POINTER(ErrorText)]),
    "evssm_plan_memory": (c_int, [c_void_p, c_int64, c_int64, c_int32, POINTER(c_uint64), POINTER(ErrorText)]),
    "evssm_session_create": (c_int, [c_void_p, POINTER(SessionOptions), POINTER(c_void_p), POINTER(ErrorText)]),
    "evssm_session_close": (None, [c_void_p]),
    "evssm_session_bind": (c_int, [c_void_p, c_int64, c_int64, POINTER(ErrorText)]),
    "evssm_session_run": (
        c_int,
        [c_void_p, c_void_p, c_size_t, c_void_p, c_size_t, POINTER(RunOptions), POINTER(ErrorText)],
    ),
}


def _load() -> ctypes.CDLL:
    """The library beside this file, or the one that EVSSM_LIBRARY names."""
    path = os.environ.get("EVSSM_LIBRARY") or str(Path(__file__).with_name("libevssm.so.1"))
    library = ctypes.CDLL(path)
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
    version = library.evssm_abi_version()
    if version != ABI_VERSION:
        raise Error(f"{path} has version {version} of the interface; this package needs {ABI_VERSION}.")
    return library


_library: ctypes.CDLL | None = None


def library() -> ctypes.CDLL:
    """Loads libevssm at its first use."""
    global _library
    if _library is None:
        _library = _load()
    return _library


def call(name: str, *arguments: Any) -> None:
    """Calls a function that returns a status, with room for its error; raises what it reports."""
    error = ErrorText()
    status = getattr(library(), name)(*arguments, byref(error))
    if status == 0:
        return
    raise BY_STATUS.get(status, Error)(
        error.message.decode("utf-8", "replace"), error.code.decode("ascii", "replace"), status
    )
