"""The bus: recorded facts go from the one recorder to every subscriber, in order, in this process.

Delivery is synchronous: a subscriber takes the fact into its own queue or state and returns; it never blocks or awaits.
A subscriber that raises is logged and does not disturb the others.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog

from cti_server.clock import Clock
from cti_server.domain.facts import Fact, Recorded

Subscriber = Callable[[Recorded], None]
log = structlog.get_logger(__name__)


class Bus:
    """`record` stamps a fact with its id and hands it to every subscriber. `subscribe` returns the undo."""

    def __init__(self, clock: Clock, server: str, last_id: int = 0) -> None:
        self._clock = clock
        self.server = server
        self._last_id = last_id
        self._subscribers: list[Subscriber] = []

    @property
    def last_id(self) -> int:
        return self._last_id

    def start_after(self, last_id: int) -> None:
        """Continue a stored timeline even if the clock went back while we were down."""
        self._last_id = max(self._last_id, last_id)

    def record(self, fact: Fact) -> Recorded:
        self._last_id = max(self._last_id + 1, self._clock.now())
        recorded = Recorded(self._last_id, self.server, fact)
        for subscriber in tuple(self._subscribers):
            try:
                subscriber(recorded)
            except Exception:
                log.exception("subscriber_failed", kind=type(fact).__name__)
        return recorded

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        self._subscribers.append(subscriber)

        def undo() -> None:
            if subscriber in self._subscribers:
                self._subscribers.remove(subscriber)

        return undo
