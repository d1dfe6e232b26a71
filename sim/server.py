"""The cloud's server: one request's work at a time, first come first served."""

from collections import deque

from simpy import Environment, Event

from sim.clock import Ended, after
from sim.meter import Meter
from sim.program import Activity
from sim.timeline import Timeline


class Server:
    """A FIFO queue in front of one server."""

    def __init__(self, env: Environment, meter: Meter, timeline: Timeline) -> None:
        self.env, self.meter, self.timeline = env, meter, timeline
        self._serving = False
        self._waiting: deque[tuple[Activity, Ended]] = deque()

    def serve(self, activity: Activity, ended: Ended) -> None:
        """Do the work after all that came before."""
        if self._serving:
            self._waiting.append((activity, ended))
            return
        self._serving = True
        start_s = self.env.now

        def served(event: Event) -> None:
            self.meter.charge(activity.loads, activity.seconds)
            self.timeline.add(
                activity.resource, activity.label, start_s, self.env.now, activity.loads
            )
            self._serving = False
            if self._waiting:
                self.serve(*self._waiting.popleft())
            ended(event)

        after(self.env, activity.seconds, served)
