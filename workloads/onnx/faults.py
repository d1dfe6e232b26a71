"""What is wrong with a model file: `file:1:1: node NAME (Operator): what is wrong`."""

from typing import NoReturn

from workloads.faults import Fault, SpecError


class ModelError(ValueError):
    """Something about a model, without its file: (where in the model, what is wrong)."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


def refuse(field: str, message: str) -> NoReturn:
    """Raise ModelError."""
    raise ModelError(field, message)


def told(file: str, error: ModelError) -> SpecError:
    """The fault of a file; models have no lines, so it stands at its beginning."""
    return SpecError([Fault(file, 1, 1, error.field, error.message)])
