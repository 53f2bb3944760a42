"""What an agent leaves behind of a call besides the call itself: a note, a disposition code, tickets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cti_server.domain.calls import CallRecord
from cti_server.domain.ids import MINUTE, AgentId, CallId, Micros, VisitId
from cti_server.errors import InvalidValue

NOTE_LIMIT = 10_000
"""Characters (code points) of a note."""
REPEAT_WITHIN: Micros = 24 * 60 * MINUTE
"""Who called within this long before counts as a repeat caller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One agent's note about one call. `version` grows by one with each change; 0 = nothing saved yet."""

    call_id: CallId
    agent_id: AgentId
    text: str = ""
    version: int = 0
    saved_at: Micros = 0


def note_text(text: str) -> str:
    """The text as it is kept: line ends as LF. Raises InvalidValue when it is too long or holds control characters."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if len(text) > NOTE_LIMIT:
        raise InvalidValue(f"a note has at most {NOTE_LIMIT} characters, this one {len(text)}", field="text")
    if any((char < " " and char not in "\n\t") or char == "\x7f" for char in text):
        raise InvalidValue("a note has no control characters but line end and tab", field="text")
    return text


def took_part(record: CallRecord, agent_id: AgentId) -> bool:
    """The call was offered to him, he talked, or he placed it."""
    return visit_of(record, agent_id) is not None


def visit_of(record: CallRecord, agent_id: AgentId) -> VisitId | None:
    """The last visit in which he talked; the last one offered to him, or placed by him, when he never did."""
    visits = record.visits[::-1]
    talked = (visit.visit_id for visit in visits if any(talk.agent_id == agent_id for talk in visit.talks))
    others = (
        visit.visit_id
        for visit in visits
        if visit.placed_by == agent_id or any(offer.agent_id == agent_id for offer in visit.offers)
    )
    return next(talked, None) or next(others, None)


def disposition_of(record: CallRecord, agent_id: AgentId, visit_id: str | None) -> str | None:
    found = (d.code for d in record.dispositions if d.agent_id == agent_id and d.visit_id == visit_id)
    return next(found, None)


def earlier_calls(calls: Iterable[tuple[str, Micros]], record: CallRecord) -> list[Micros]:
    """When he called within `REPEAT_WITHIN` before this call; `calls` are (call id, time)."""
    since = record.started - REPEAT_WITHIN
    return [at for call_id, at in calls if call_id != record.call_id and since <= at <= record.started]
