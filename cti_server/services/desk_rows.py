"""Domain records as the JSON the screen reads (shapes: web/wire.py)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any

from cti_server.domain.agents import Agent, AgentState
from cti_server.domain.calls import CallRecord, MenuStep
from cti_server.domain.facts import Recorded, to_dict
from cti_server.domain.visit_records import VisitRecord

Row = dict[str, Any]
Texts = Callable[[MenuStep], Mapping[str, str]]
"""What a choice is called, by language; {} = only by its own label."""
SYSTEM = {"hold": "talking", "busy_elsewhere": "busy"}
"""States the screen names otherwise: hold is a flag of talking."""


def agent_row(agent: Agent, state: AgentState) -> Row:
    return {
        "agent_id": agent.agent_id,
        "name": agent.name,
        "intent": state.intent,
        "reason": state.reason or None,
        "by": state.by if state.by != agent.agent_id else "",
        "system": SYSTEM.get(state.system, state.system),
        "since": state.since,
        "deadline": state.deadline if state.system in ("offered", "wrap_up") else None,
        "call_id": state.call_id,
        "visit_id": state.visit_id,
        "offer_id": state.offer_id,
        "held": state.system == "hold",
        "consult": asdict(state.consult) if state.consult else None,
        "parties": [asdict(party) for party in state.parties],
        "queues": sorted(agent.queues),
        "levels": dict(agent.queues),
    }


def path_rows(steps: Iterable[MenuStep], texts: Texts) -> list[Row]:
    return [{"node": s.node, "key": s.key, "label": s.label, "labels": dict(texts(s)), "at": s.at} for s in steps]


def pop_row(
    record: CallRecord, visit: VisitRecord | None, state: AgentState, card: Mapping[str, Any] | None, texts: Texts
) -> Row:
    return {
        "call_id": record.call_id,
        "visit_id": visit.visit_id if visit else None,
        "offer_id": state.offer_id,
        "caller": record.caller,
        "did": record.did,
        "queue": (visit.queue or None) if visit else None,
        "language": record.language or None,
        "entered_at": visit.entered_at if visit else None,
        "answered_at": visit.answered_at if visit else None,
        "direction": record.direction,
        "dialling": _dialling(visit),
        "path": path_rows(record.menu, texts),
        "digits": [{"node": s.node, "digits": s.digits} for s in record.digits if s.digits],
        "customer": dict(card) if card else None,
    }


def _dialling(visit: VisitRecord | None) -> str | None:
    """How far a placed call has come, or why it was not answered; None when it was, or the caller called us."""
    if visit is None or visit.placed_by is None or visit.talks:
        return None
    return visit.not_reached or ("ringing" if visit.party_rang_at is not None else "dialling")


def call_row(record: CallRecord) -> Row:
    last = record.visits[-1] if record.visits else None
    unseen = record.unseen
    return {
        "call_id": record.call_id,
        "at": record.started,
        "ended_at": record.ended,
        "caller": record.caller,
        "did": record.did,
        "direction": record.direction,
        "customer_id": record.customer_id,
        "queue": unseen.queue if unseen else (last.queue or None) if last else None,
        "outcome": unseen.outcome if unseen else last.result if last else None,
        "agent_id": record.last_agent,
        "wait_micros": unseen.wait if unseen else sum(visit.wait or 0 for visit in record.visits),
        "talk_micros": unseen.talk if unseen else sum(visit.talk for visit in record.visits),
        "unknown_end": record.unknown_end,
        "unseen": unseen is not None,
    }


def event_row(recorded: Recorded) -> Row:
    return {
        "event": recorded.id,
        "kind": type(recorded.fact).__name__,
        "at": recorded.fact.at,
        "data": to_dict(recorded.fact),
    }
