"""The rules of the ACD, each a function of its own. Router keeps the bookkeeping; what is right stands here.

1. `place`: the higher priority first, then who entered first, then who joined first.
2. `eligible`, `rank`: an agent who serves the queue and has the skills; the best level in the queue, then in the skills
   asked for, then the longest idle.
3. `schedule`: what a caller's wait brings: relaxations, end of the wait for his preferred agent, callback, overflow, end.
4. `overflows_at_once`, `refusal`: too many waiting, or nobody signed in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cti_server.domain.facts import MISSES, OfferResult
from cti_server.domain.ids import AgentId, Micros, QueueName, VisitId
from cti_server.domain.queues import Queue, Relaxation, Skills, micros
from cti_server.domain.routing.model import Seat, Waiting
from cti_server.errors import NotFound

Place = tuple[int, Micros, Micros, VisitId]
"""Sorts callers in the order of service."""
Rank = tuple[int, int, Micros, AgentId]
"""Sorts the agents eligible for one caller, best first."""
StepKind = Literal["relax", "open", "callback", "overflow", "timeout"]
BEFORE_MATCHING: frozenset[StepKind] = frozenset({"relax", "open"})


def place(waiting: Waiting) -> Place:
    return (-waiting.priority, waiting.entered_at, waiting.joined_at, waiting.visit_id)


def eligible(seat: Seat, queue: QueueName, skills: Skills) -> bool:
    if queue not in seat.queues:
        return False
    for name, level in skills:  # a plain loop: this runs for every agent and requirement  # noqa: SIM110
        if seat.skills.get(name, 0) < level:
            return False
    return True


def rank(seat: Seat, queue: QueueName, skills: Skills) -> Rank:
    return (-seat.queues[queue], -sum(seat.skills[name] for name, _ in skills), seat.idle_since, seat.agent_id)


def waits_for_preferred(queue: Queue, skills: Skills, preferred: Seat | None) -> bool:
    """A caller keeps himself for his last agent only when that one can be expected to take him."""
    return preferred is not None and preferred.likely and eligible(preferred, queue.name, skills)


def starts_back_off(result: OfferResult) -> bool:
    return result in MISSES


def ends_visit(result: OfferResult) -> bool:
    return result in ("answered", "caller_gone")


@dataclass(frozen=True, slots=True)
class Step:
    """Something a wait of `after` micros brings."""

    after: Micros
    kind: StepKind
    relaxation: Relaxation | None = None


def schedule(queue: Queue) -> tuple[Step, ...]:
    """Soonest first; at the same moment what may find an agent comes before what ends the wait."""
    steps = [Step(micros(r.after_seconds), "relax", r) for r in queue.relaxations]
    single: list[tuple[float, StepKind]] = [
        (queue.preferred_seconds, "open"),
        (queue.callback_after_seconds, "callback"),
        (queue.overflow_after_seconds, "overflow"),
        (queue.max_wait_seconds, "timeout"),
    ]
    steps += [Step(micros(seconds), kind) for seconds, kind in single if seconds]
    return tuple(sorted(steps, key=lambda step: step.after))


def overflows_at_once(queue: Queue, found_waiting: int, agents: int) -> bool:
    too_long = bool(queue.overflow_length) and found_waiting >= queue.overflow_length
    return too_long or (queue.no_agents == "overflow" and not agents)


def refusal(queue: Queue, length: int, agents: int) -> Literal["full", "no_agents"] | None:
    if queue.max_length and length >= queue.max_length:
        return "full"
    return "no_agents" if queue.no_agents == "refuse" and not agents else None


def not_waiting(visit_id: VisitId) -> NotFound:
    return NotFound(f"visit {visit_id} is not waiting", visit_id=visit_id)


def no_queue(queue: QueueName) -> NotFound:
    return NotFound(f"there is no queue {queue}", queue=queue)
