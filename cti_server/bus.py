"""The bus: recorded facts go from the one recorder to every subscriber, in order, in this process.

Delivery is synchronous: a subscriber takes the fact into its own queue or state and returns; it never blocks or awaits.
A subscriber that raises is logged and does not disturb the others.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import structlog

from cti_server.clock import Clock
from cti_server.domain.facts import Fact, Recorded

Subscriber = Callable[[Recorded], None]
log = structlog.get_logger(__name__)


class Bus:
    """`record` stamps a fact with its id and hands it to every subscriber. `subscribe` returns the undo.

    A subscriber may record further facts: they are stamped at once and delivered after the one at hand, so that every
    subscriber sees the same order.
    """

    def __init__(self, clock: Clock, server: str, last_id: int = 0) -> None:
        self._clock = clock
        self.server = server
        self._last_id = last_id
        self._subscribers: list[Subscriber] = []
        self._pending: deque[Recorded] = deque()
        self._delivering = False

    @property
    def last_id(self) -> int:
        return self._last_id

    def start_after(self, last_id: int) -> None:
        """Continue a stored timeline even if the clock went back while we were down."""
        self._last_id = max(self._last_id, last_id)

    def record(self, fact: Fact) -> Recorded:
        self._last_id = max(self._last_id + 1, self._clock.now())
        recorded = Recorded(self._last_id, self.server, fact)
        self._pending.append(recorded)
        if not self._delivering:
            self._deliver_pending()
        return recorded

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        self._subscribers.append(subscriber)

        def undo() -> None:
            if subscriber in self._subscribers:
                self._subscribers.remove(subscriber)

        return undo

    def _deliver_pending(self) -> None:
        self._delivering = True
        try:
            while self._pending:
                self._deliver(self._pending.popleft())
        finally:
            self._delivering = False

    def _deliver(self, recorded: Recorded) -> None:
        for subscriber in tuple(self._subscribers):
            try:
                subscriber(recorded)
            except Exception:
                log.exception("subscriber_failed", kind=type(recorded.fact).__name__)
