"""Plans and sessions."""

from __future__ import annotations

import ctypes
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from . import _library
from ._errors import InvalidArgument

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class PlanInfo:
    """Facts about a plan.

    Attributes:
        architecture: such as ``EVSSM``.
        windows: ``released`` or ``whole``: how the scan cuts pictures.
        digest: 64 hexadecimal digits; two plans with the same digest compute the same.
        parameter_count: parameters of the network.
        weights_bytes: bytes of packed weights, mapped from the file.
        minimum_side: the smallest height and width of a picture.
        maximum_side: the largest height and width.
        maximum_pixels: the most pixels.
    """

    architecture: str
    windows: str
    digest: str
    parameter_count: int
    weights_bytes: int
    minimum_side: int
    maximum_side: int
    maximum_pixels: int


class CancelFlag:
    """Stops the runs that it is given to, from any thread; they end within a few hundredths of their time."""

    def __init__(self) -> None:
        self._value = ctypes.c_int32(0)

    def set(self) -> None:
        self._value.value = 1

    def is_set(self) -> bool:
        return self._value.value != 0


class _Handle:
    """A pointer of the library that is closed once, and not used in a process forked from the one that made it."""

    def __init__(self, close: str) -> None:
        self.pointer = ctypes.c_void_p()
        self._close = close
        self._process = os.getpid()

    def use(self) -> ctypes.c_void_p:
        if not self.pointer:
            raise InvalidArgument("It is closed.", "python.closed", 64)
        if os.getpid() != self._process:
            raise InvalidArgument(
                "The process has forked; open the plan in the process that runs it (a pickled Plan does).",
                "python.forked",
                64,
            )
        return self.pointer

    def close(self) -> None:
        if self.pointer and os.getpid() == self._process:
            getattr(_library.library(), self._close)(self.pointer)
        self.pointer = ctypes.c_void_p()


class Session:
    """Threads, and memory for pictures of one size at a time; serves one thread at a time. Made by `Plan.session`."""

    def __init__(self, plan: _Handle, threads: int, instruction_set: str | None, max_memory: int) -> None:
        self._handle = _Handle("evssm_session_close")
        options = _library.SessionOptions(
            ctypes.sizeof(_library.SessionOptions),
            _within(threads, 31, "threads"),
            instruction_set.encode() if instruction_set else None,
            _within(max_memory, 64, "max_memory"),
        )
        _library.call("evssm_session_create", plan.use(), ctypes.byref(options), ctypes.byref(self._handle.pointer))

    def bind(self, height: int, width: int) -> None:
        """Lays out memory for pictures of this size ahead of the first run."""
        _library.call(
            "evssm_session_bind", self._handle.use(), _within(height, 63, "height"), _within(width, 63, "width")
        )

    def run(
        self,
        array: npt.ArrayLike,
        out: Floats | None = None,
        *,
        timeout: float | None = None,
        cancel: CancelFlag | None = None,
    ) -> Floats:
        """Restores a picture of shape (3, H, W), or N of them (N, 3, H, W); see `Plan.run`."""
        source = _source(array)
        result = _target(out, source)
        options = _library.RunOptions(ctypes.sizeof(_library.RunOptions), _deadline(timeout))
        if cancel is not None:
            options.cancel = ctypes.pointer(cancel._value)
        height, width = source.shape[-2:]
        handle = self._handle.use()
        self.bind(height, width)
        for picture, restored in zip(source.reshape(-1, 3, height, width), result.reshape(-1, 3, height, width)):
            _library.call(
                "evssm_session_run",
                handle,
                picture.ctypes.data,
                picture.size,
                restored.ctypes.data,
                restored.size,
                ctypes.byref(options),
            )
        return result

    def close(self) -> None:
        """Stops the threads and frees the memory."""
        self._handle.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_handle"):
            self.close()


class Plan:
    """A compiled network. May be used from several threads; a pickled plan opens the same file again.

    Args:
        path: the plan file.
        threads: threads that work on a picture; 0: one a processor. The result does not depend on it.
        instruction_set: None for the best of this processor, or such as ``avx2``.
        max_memory: the most bytes of memory that a picture may take; None for no limit.
        trusted_key: an Ed25519 public key (32 bytes) that must have signed the plan.

    Raises:
        FileNotFoundError, BadPlan, InvalidArgument: all of them are `evssm.Error`.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        threads: int = 0,
        instruction_set: str | None = None,
        max_memory: int | None = None,
        trusted_key: bytes | None = None,
    ) -> None:
        self.path = os.fspath(path)
        self._arguments: dict[str, Any] = {
            "threads": threads,
            "instruction_set": instruction_set,
            "max_memory": max_memory,
            "trusted_key": trusted_key,
        }
        self._lock = threading.Lock()
        self._idle: list[Session] = []
        self._handle = _Handle("evssm_plan_close")
        options = _library.PlanOptions(ctypes.sizeof(_library.PlanOptions))
        if trusted_key is not None:
            if len(trusted_key) != 32:
                raise InvalidArgument("A trusted key has 32 bytes.", "python.trusted-key", 64)
            options.trusted_key = (ctypes.c_uint8 * 32).from_buffer_copy(trusted_key)
        encoded = os.fsencode(self.path)
        if b"\0" in encoded:
            raise InvalidArgument("The path contains a zero byte.", "python.path", 64)
        _library.call("evssm_plan_open", encoded, ctypes.byref(options), ctypes.byref(self._handle.pointer))

    @property
    def info(self) -> PlanInfo:
        """What the plan is."""
        facts = _library.PlanFacts(ctypes.sizeof(_library.PlanFacts))
        _library.call("evssm_plan_inspect", self._handle.use(), ctypes.byref(facts))
        return PlanInfo(
            architecture=facts.architecture.decode(),
            windows=facts.windows.decode(),
            digest=facts.digest.decode(),
            parameter_count=facts.parameter_count,
            weights_bytes=facts.weights_bytes,
            minimum_side=facts.minimum_side,
            maximum_side=facts.maximum_side,
            maximum_pixels=facts.maximum_pixels,
        )

    def memory(self, height: int, width: int) -> int:
        """Bytes that a picture of this size takes while it is restored, without the weights. Allocates nothing."""
        result = ctypes.c_uint64()
        _library.call(
            "evssm_plan_memory",
            self._handle.use(),
            _within(height, 63, "height"),
            _within(width, 63, "width"),
            _within(self._arguments["threads"], 31, "threads"),
            ctypes.byref(result),
        )
        return result.value

    def session(self) -> Session:
        """A session of its own, for a thread that restores many pictures."""
        arguments = self._arguments
        return Session(self._handle, arguments["threads"], arguments["instruction_set"], arguments["max_memory"] or 0)

    @contextmanager
    def _borrowed(self) -> Iterator[Session]:
        with self._lock:
            session = self._idle.pop() if self._idle else None
        session = session or self.session()
        try:
            yield session
        finally:
            with self._lock:
                self._idle.append(session)

    def run(
        self,
        array: npt.ArrayLike,
        out: Floats | None = None,
        *,
        timeout: float | None = None,
        cancel: CancelFlag | None = None,
    ) -> Floats:
        """Restores a picture.

        Args:
            array: (3, H, W), or N pictures of one size as (N, 3, H, W); red, green and blue in [0, 1]. A float32 array
                in row-major order is read in place; other floating-point arrays are copied.
            out: an array of the same shape for the result: float32, row-major, writable, apart from ``array``.
            timeout: seconds after which to give up.
            cancel: a flag that stops the run.

        Returns:
            ``out``, or a new array. Values are not clamped.

        Raises:
            InvalidArgument: the shape, type or size is not one that the plan runs.
            DeadlineExceeded, Cancelled: the run was stopped; ``out`` is then worth nothing.
        """
        with self._borrowed() as session:
            return session.run(array, out, timeout=timeout, cancel=cancel)

    def restore(
        self, picture: npt.ArrayLike, *, timeout: float | None = None, cancel: CancelFlag | None = None
    ) -> Bytes:
        """Restores an 8-bit picture (H, W, 3), as image libraries give it, and returns one of the same shape."""
        pixels = np.asarray(picture)
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
            raise InvalidArgument(
                f"restore takes uint8 pictures of shape (H, W, 3), not {pixels.dtype} {pixels.shape}; "
                "use run for floating-point ones.",
                "python.picture",
                64,
            )
        planes = np.ascontiguousarray(pixels.transpose(2, 0, 1), dtype=np.float32)
        planes /= np.float32(255)
        result = self.run(planes, timeout=timeout, cancel=cancel)
        np.clip(result, 0, 1, out=result)
        result *= np.float32(255)
        result += np.float32(0.5)
        return np.ascontiguousarray(np.nan_to_num(result, nan=0.0).astype(np.uint8).transpose(1, 2, 0))

    def close(self) -> None:
        """Frees all sessions that are not in use, and the plan once the others end."""
        with self._lock:
            idle, self._idle = self._idle, []
        for session in idle:
            session.close()
        self._handle.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopen, (self.path, self._arguments)

    def __enter__(self) -> Plan:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_handle"):
            self.close()

    def __repr__(self) -> str:
        return f"Plan({self.path!r})"


def _reopen(path: str, arguments: dict[str, Any]) -> Plan:
    return Plan(path, **arguments)


def _within(value: int, bits: int, name: str) -> int:
    if not 0 <= value < 1 << bits:
        raise InvalidArgument(f"{name} is {value}; it must be at least 0 and below 2^{bits}.", "python.range", 64)
    return value


def _deadline(timeout: float | None) -> int:
    """In nanoseconds of the monotonic clock; 0 for none."""
    if timeout is None or timeout == float("inf"):
        return 0
    if not timeout >= 0:
        raise InvalidArgument(f"The timeout is {timeout}; it must not be negative.", "python.timeout", 64)
    return min(time.monotonic_ns() + int(timeout * 1e9), (1 << 64) - 1)


def _source(array: npt.ArrayLike) -> Floats:
    values = np.asarray(array)
    if values.dtype.kind != "f" or values.ndim not in (3, 4) or values.shape[-3] != 3 or values.shape[0] == 0:
        raise InvalidArgument(
            f"run takes floating-point arrays of shape (3, H, W) or (N, 3, H, W), not {values.dtype} {values.shape}; "
            "use restore for 8-bit pictures.",
            "python.array",
            64,
        )
    return np.ascontiguousarray(values, dtype=np.float32)


def _target(out: Floats | None, source: Floats) -> Floats:
    if out is None:
        return np.empty_like(source)
    if not isinstance(out, np.ndarray) or out.dtype != np.float32 or out.shape != source.shape:
        raise InvalidArgument(f"out must be a float32 array of shape {source.shape}.", "python.out", 64)
    if not out.flags.c_contiguous or not out.flags.writeable or np.shares_memory(out, source):
        raise InvalidArgument("out must be row-major, writable and apart from the input.", "python.out", 64)
    return out
