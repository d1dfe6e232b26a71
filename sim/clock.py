"""Acting at a later instant: the one way in which the engine waits."""

from collections.abc import Callable

from simpy import Environment, Event

Ended = Callable[[Event], None]


def after(env: Environment, seconds: float, action: Ended) -> None:
    """Call `action` with the clock's event once `seconds` have passed."""
    when(env.timeout(seconds), action)


def when(event: Event, action: Ended) -> None:
    """Call `action` with the event once it fires."""
    assert event.callbacks is not None, "the event has fired already"
    event.callbacks.append(action)
