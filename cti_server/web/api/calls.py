"""Calls as kept: list, one record with its timeline, a number's history."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from cti_server.domain.ids import Micros
from cti_server.domain.users import Role
from cti_server.errors import Forbidden
from cti_server.web.parts import Ask
from cti_server.web.routes import Route
from cti_server.web.wire import Args, CallRecord, CallRow, Event, Plain

READS_CALLS: frozenset[Role] = frozenset({"agent", "leader", "inspector"})
READS_HISTORY: frozenset[Role] = READS_CALLS | {"back_office"}
LISTENS = frozenset({"ListenStarted", "ListenModeChanged", "ListenEnded"})
LATEST: Micros = 253_402_300_799_000_000


class CallFilter(Args):
    agent_id: Plain | None = Field(None, max_length=32)
    number: Plain | None = Field(None, max_length=32)
    queue: Plain | None = Field(None, max_length=40)
    since: int | None = Field(None, ge=0, le=LATEST)
    limit: int = Field(50, ge=1, le=500)


class OneCall(Args):
    call_id: Plain = Field(max_length=64)


class OfNumber(Args):
    number: Plain = Field(min_length=2, max_length=32)
    limit: int = Field(20, ge=1, le=200)


async def calls(ask: Ask, args: CallFilter) -> Any:
    if ask.user.role == "agent":
        args = args.model_copy(update={"agent_id": _own(ask)})
    return await ask.parts.desk.calls(**args.model_dump())


def _own(ask: Ask) -> str:
    if ask.user.agent_id is None:
        raise Forbidden("this login takes no calls", reason="no_agent")
    return ask.user.agent_id


async def call(ask: Ask, args: OneCall) -> CallRecord:
    """An agent reads only calls he had a part in."""
    record = CallRecord.model_validate(await ask.parts.desk.call(args.call_id))
    if ask.user.role != "agent":
        return record
    if not _took_part(record, _own(ask)):
        raise Forbidden("you had no part in this call", reason="other_agent")
    return record.model_copy(update={"timeline": [event for event in record.timeline if _may_know(event)]})


def _may_know(event: Event) -> bool:
    """An agent is told of a listener live and afterwards, or neither (docs/decisions/0090)."""
    return event.kind not in LISTENS or bool(event.data.get("told"))


def _took_part(record: CallRecord, agent_id: str) -> bool:
    return record.agent_id == agent_id or any(event.data.get("agent_id") == agent_id for event in record.timeline)


async def history(ask: Ask, args: OfNumber) -> Any:
    await ask.audit("history_read", args.number)
    return await ask.parts.desk.history(args.number, args.limit)


ROUTES = (
    Route(
        method="GET",
        path="/calls",
        handle=calls,
        summary="Calls, newest first; agents see their own",
        roles=READS_CALLS,
        args=CallFilter,
        answer=list[CallRow],
    ),
    Route(
        method="GET",
        path="/calls/{call_id}",
        handle=call,
        summary="One call's record and timeline",
        roles=READS_CALLS,
        args=OneCall,
        answer=CallRecord,
    ),
    Route(
        method="GET",
        path="/history",
        handle=history,
        summary="Calls of one number, newest first (audited)",
        roles=READS_HISTORY,
        args=OfNumber,
        answer=list[CallRow],
    ),
)
