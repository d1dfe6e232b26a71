"""Faults of what the user gave, and answers that are no: one clear line each, never a traceback.

Exit codes: 0 done; 1 the run's answer is no; 2 the input cannot be understood; 130 interrupted.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DONE, NO, NOT_UNDERSTOOD, INTERRUPTED = 0, 1, 2, 130


class InputFault(ValueError):
    """Input that cannot be understood: lines `where: field: what is wrong, what would be right`."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(one_line(line) for line in lines))


class AnswerIsNo(Exception):
    """The input was understood and the answer is no: goals out of reach, planner not applicable."""

    def __init__(self, status: str) -> None:
        super().__init__(one_line(status))
        self.status = str(self)


def one_line(text: str) -> str:
    """Printable text on one line."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii")
        for letter in text
    )


def command_line(field: str, message: str) -> InputFault:
    """A fault of an option or argument: `command line: --busy: ...`."""
    return InputFault(f"command line: {field}: {message}")


@contextmanager
def given(field: str) -> Iterator[None]:
    """Place what is wrong with a value from the command line; faults of files have their place."""
    try:
        yield
    except InputFault:
        raise
    except (LookupError, ValueError, OverflowError) as error:
        from workloads.faults import SpecError
        from workloads.names import UnknownName

        if isinstance(error, SpecError) or (
            isinstance(error, LookupError) and not isinstance(error, UnknownName)
        ):
            raise
        raise command_line(field, str(error)) from None


@contextmanager
def writing(path: Path, field: str) -> Iterator[None]:
    """Turn what the file system refuses into a fault of the option that named the path."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        named = Path(str(error.filename or path))
        where = path if named.name.startswith(".") else named
        raise command_line(field, f"{where} cannot be written ({reason})") from None
