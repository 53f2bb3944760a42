"""What a role may see of the live stream: an agent his own events, changes of files and tickets, and the queues' counts;
leaders and inspectors all; an administrator all, with personal numbers masked.
Back-office users work on orders, not on calls, and see no stream.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cti_server.domain.facts import (
    PII,
    AnnouncementMade,
    CallTransferred,
    CustomerChanged,
    Fact,
    ListenFact,
    TicketChanged,
    agent_id_of,
)
from cti_server.domain.users import Role, User
from cti_server.logs import mask
from cti_server.web.wire import Board, BoardCall, BoardRows, Consult, Me


@dataclass(frozen=True, slots=True)
class View:
    """`numbers` = personal fields are readable; `agent_id` set = only that agent's events."""

    everything: bool
    numbers: bool
    agent_id: str | None = None


WATCHERS: dict[Role, View] = {
    "agent": View(everything=False, numbers=True),
    "leader": View(everything=True, numbers=True),
    "inspector": View(everything=True, numbers=True),
    "admin": View(everything=True, numbers=False),
}


def may_watch() -> frozenset[Role]:
    return frozenset(WATCHERS)


def view_of(user: User) -> View:
    """Raises KeyError for a role outside `may_watch`."""
    view = WATCHERS[user.role]
    return View(view.everything, view.numbers, user.agent_id)


def concerns(fact: Fact) -> tuple[str, ...]:
    """The agents whose event this is. It depends on the fact alone, so a replay shows what was shown live."""
    if isinstance(fact, AnnouncementMade):
        return fact.agents
    if isinstance(fact, ListenFact):
        return (fact.subject,) if fact.told else ()
    agent_id = fact.by if isinstance(fact, CallTransferred) else agent_id_of(fact)
    return () if agent_id is None else (agent_id,)


def about(fact: Fact) -> frozenset[str]:
    """Ids of the files and tickets that changed. Whoever shows one of them has to read it again, so everybody hears of it."""
    match fact:
        case TicketChanged(ticket_id=ticket_id, customers=customers):
            return frozenset({ticket_id, *customers})
        case CustomerChanged(customer_id=customer_id):
            return frozenset({customer_id})
    return frozenset()


def masked(data: dict[str, Any]) -> dict[str, Any]:
    """The fields with personal ones masked as in the logs."""
    return {name: mask(value) if name in PII and value else value for name, value in data.items()}


def board_for(view: View, board: Board) -> Board:
    if not view.everything:
        return board.model_copy(update={"agents": [], "calls": []})
    if not view.numbers:
        return board.model_copy(update=_masked_rows(board))
    return board


def rows_for(view: View, rows: BoardRows) -> BoardRows:
    """As `board_for`; what an agent may not see does not come to him as `gone` either."""
    if not view.everything:
        return rows.model_copy(update={"agents": [], "calls": [], "gone": []})
    if not view.numbers:
        return rows.model_copy(update=_masked_rows(rows))
    return rows


def _masked_call(call: BoardCall) -> BoardCall:
    return call.model_copy(update={"caller": mask(call.caller), "customer_name": None})


def _masked_rows(board: Board) -> dict[str, Any]:
    """Callers' numbers, and those of whoever an agent consults."""
    return {
        "calls": [_masked_call(call) for call in board.calls],
        "agents": [_masked_agent(agent) for agent in board.agents],
    }


def _masked_agent(agent: Me) -> Me:
    consult = _masked_consult(agent.consult) if agent.consult else None
    return agent.model_copy(update={"consult": consult, "parties": [_masked_consult(party) for party in agent.parties]})


def _masked_consult(consult: Consult) -> Consult:
    return consult.model_copy(update={"target": mask(consult.target)}) if consult.to == "number" else consult
