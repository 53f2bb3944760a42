"""The incremental router: every event touches only what it changes; `decide` returns what to do now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from cti_server.domain.facts import OfferResult
from cti_server.domain.ids import AgentId, Micros, QueueName, VisitId
from cti_server.domain.queues import Queue
from cti_server.domain.routing.model import Decision, Seat, Waiting


class Router:
    """Usage: tell it of every change (`join`, `leave`, `seat`, `unseat`, `offer_ended`), then call `decide(now)` and carry
    the decisions out; call `decide` again at `deadline()` even when nothing happened.

    An agent with an open offer, and a visit with one, get no other until `offer_ended`. Unknown ids are ignored in
    `leave`, `unseat` and `offer_ended`: those events may cross on their way.
    """

    def __init__(self, queues: Mapping[QueueName, Queue]) -> None:
        self._queues = dict(queues)

    def join(self, waiting: Waiting, now: Micros) -> None:
        """A caller starts to wait; joining again replaces what was known of him. Raises NotFound for an unknown queue."""
        raise NotImplementedError

    def leave(self, visit_id: VisitId) -> None:
        """The caller left (hang-up, key, callback accepted); an open offer for him is over too."""
        raise NotImplementedError

    def seat(self, seat: Seat) -> None:
        """An agent signed in or anything about him changed."""
        raise NotImplementedError

    def unseat(self, agent_id: AgentId) -> None:
        """The agent signed out."""
        raise NotImplementedError

    def offer_ended(self, visit_id: VisitId, agent_id: AgentId, result: OfferResult, now: Micros) -> None:
        """answered and caller_gone end the visit here; the others put the caller back in his place. A miss
        (no_answer, rejected, unreachable) also starts the back-offs."""
        raise NotImplementedError

    def decide(self, now: Micros) -> list[Decision]:
        raise NotImplementedError

    def deadline(self) -> Micros | None:
        """The next moment `decide` must run even when nothing happens; None = only events matter."""
        raise NotImplementedError

    def position(self, visit_id: VisitId) -> int:
        """1 = next; callers being offered count. Raises NotFound when the visit does not wait here."""
        raise NotImplementedError

    def waiting(self, queue: QueueName) -> tuple[VisitId, ...]:
        """In the order of service."""
        raise NotImplementedError

    def length(self, queue: QueueName) -> int:
        raise NotImplementedError

    def agents(self, queue: QueueName) -> int:
        """Signed-in agents who serve the queue."""
        raise NotImplementedError

    def estimate(self, visit_id: VisitId, now: Micros, handle: Micros) -> Micros | None:
        """Expected further wait: position × `handle` (average handling time of the queue now) ÷ likely agents.
        None when nobody serves the queue."""
        raise NotImplementedError

    def admission(self, queue: QueueName, now: Micros) -> Literal["full", "no_agents"] | None:
        """Why a caller cannot join now; None = he can. Raises NotFound for an unknown queue."""
        raise NotImplementedError
