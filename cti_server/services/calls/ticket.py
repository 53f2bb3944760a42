"""The ticket a channel carries, so that a caller keeps his place when we die (architecture.md, decision 3).

    CTI_CALL_ID   the key of the call (inherited by the agent's leg)
    CTI_STAGE     menu | waiting | talking
    CTI_QUEUE     the queue he waits in: the dialplan's fallback goes by it
    CTI_TICKET    JSON: language, where the flow stands, and the visit while there is one

Whoever meets the channel next reads it: this server again, another node, or the fallback queue.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import structlog

from cti_server.domain.ids import AgentId, QueueName, VisitId
from cti_server.services.calls.live import Visit

Stage = Literal["menu", "waiting", "talking"]
STAGES: dict[str, Stage] = {"menu": "menu", "waiting": "waiting", "talking": "talking"}
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Ticket:
    stage: Stage
    language: str
    flow: Mapping[str, Any]
    """The flow's last checkpoint, {} before the first."""
    visit: Visit | None = None
    dialled: AgentId | None = None
    """The agent whose phone rings or rang last: with DIALSTATUS this tells a talk we did not see."""
    script: str = "call"
    """Which session wrote it: a caller sent on by a transfer still carries the ticket of his first wait."""


def variables(ticket: Ticket) -> dict[str, str]:
    """The channel variables that carry it; inherited so that a transferred caller keeps them."""
    body: dict[str, Any] = {"l": ticket.language, "f": dict(ticket.flow), "s": ticket.script}
    if ticket.visit is not None:
        body["v"] = _visit_out(ticket.visit)
    if ticket.dialled is not None:
        body["a"] = ticket.dialled
    return {
        "CTI_STAGE": ticket.stage,
        "CTI_QUEUE": ticket.visit.queue if ticket.visit else "",
        "CTI_TICKET": json.dumps(body, separators=(",", ":")),
    }


def read(stage: str, text: str) -> Ticket:
    """The inverse; a torn or foreign ticket counts as none (logged), the caller starts at the menu."""
    try:
        body = json.loads(text) if text else {}
        visit = _visit_in(body["v"]) if body.get("v") else None
        dialled = AgentId(str(body["a"])) if body.get("a") else None
        flow = dict(body.get("f") or {})
        return Ticket(STAGES[stage or "menu"], str(body.get("l", "")), flow, visit, dialled, str(body.get("s", "call")))
    except (ValueError, KeyError, TypeError, AttributeError):
        log.warning("ticket_unreadable", stage=stage[:20])
        return Ticket("menu", "", {})


def _visit_out(visit: Visit) -> list[Any]:
    return [visit.visit_id, visit.queue, visit.priority, visit.entered_at, visit.skills, visit.preferred]


def _visit_in(body: list[Any]) -> Visit:
    visit_id, queue, priority, entered_at, skills, preferred = body
    return Visit(
        VisitId(str(visit_id)),
        QueueName(str(queue)),
        int(priority),
        int(entered_at),
        tuple((str(name), int(level)) for name, level in skills),
        AgentId(str(preferred)) if preferred else None,
    )
