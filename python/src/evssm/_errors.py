"""What calls raise."""

from __future__ import annotations


class Error(Exception):
    """A call of libevssm failed.

    Attributes:
        code: a stable identifier, such as ``plan.digest-mismatch``.
        status: the value of ``evssm_status`` (evssm.h).
    """

    def __init__(self, message: str, code: str = "", status: int = 70) -> None:
        super().__init__(message)
        self.code = code
        self.status = status

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message} [{self.code}]" if self.code else message

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.args[0], self.code, self.status)


class Cancelled(Error):
    """The run was stopped by its cancel flag."""


class DeadlineExceeded(Error, TimeoutError):
    """The run was stopped by its timeout."""


class Busy(Error):
    """Another thread uses the session."""


class InvalidArgument(Error, ValueError):
    """An argument is out of range, or an array has the wrong shape or type."""


class BadPlan(Error, ValueError):
    """The file is no plan, is damaged, or is not signed with the trusted key."""


class NoFile(Error, FileNotFoundError):
    """There is no such file."""


class OutOfMemory(Error, MemoryError):
    """Memory or threads are not to be had, or ``max_memory`` is too small."""


class InputOutput(Error, OSError):
    """The system could not read the file."""


BY_STATUS: dict[int, type[Error]] = {
    1: Cancelled,
    2: DeadlineExceeded,
    3: Busy,
    64: InvalidArgument,
    65: BadPlan,
    66: NoFile,
    69: OutOfMemory,
    74: InputOutput,
}
