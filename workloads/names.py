"""Unknown names, answered with the nearest existing ones."""

from collections.abc import Iterable
from difflib import get_close_matches


class UnknownName(LookupError):
    """A name that is not there; the message offers the nearest names that are."""

    def __init__(self, message: str, nearest: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.nearest = nearest
        """Existing names alike the one asked for, most alike first; empty where none is."""


def nearest(asked: str, names: Iterable[str]) -> tuple[str, ...]:
    """At most three of `names` alike `asked`, most alike first; case does not count."""
    by_fold = {name.casefold(): name for name in sorted(names, reverse=True)}
    folded = asked.casefold()
    close = get_close_matches(folded, sorted(by_fold), n=3, cutoff=0.6)
    parts = [fold for fold in sorted(by_fold) if len(folded) > 2 and folded in fold]
    return tuple(by_fold[fold] for fold in dict.fromkeys((*close, *parts)))[:3]


def nearest_name(what: str, asked: str, names: Iterable[str]) -> UnknownName:
    """The exception to raise when no `what` is named `asked`; `what` is a noun such as "soc"."""
    known = sorted(names)
    close = nearest(asked, known)
    if close:
        hint = "did you mean " + " or ".join(repr(name) for name in close) + "?"
    elif known:
        hint = "there is " + ", ".join(known)
    else:
        hint = "there is none"
    return UnknownName(f"no {what} named {asked!r}; {hint}", close)
