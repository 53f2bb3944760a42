"""Tickets: what a call leaves behind for somebody to do. Work orders, messages, callback requests, complaints.

order      registered → formed → received → assigned → on_site → fee_told → fee_consented → in_repair → tested → signed
           → (receipted → collected →) archived → visited                                  service-rules.md 4
           postponed_with_consent and material_rejected return to the work, cancelled ends it
message    new → heard → closed
callback   waiting → done | unreachable | cancelled
complaint  registered → accepted | refused | transferred; accepted → decided → closed       service-rules.md 5
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from cti_server.domain.accounts import luhn_valid
from cti_server.domain.ids import MINUTE, CallId, CustomerId, Micros
from cti_server.errors import Conflict, InvalidValue

TicketKind = Literal["order", "message", "callback", "complaint"]
LATEST_DUE: Micros = 90 * 24 * 60 * MINUTE
"""How far ahead something may be due."""
PAST_DUE: Micros = 10 * MINUTE
"""How old a time may be that is entered as due: the agent typed meanwhile."""
FIRST_STATE: Mapping[str, str] = {
    "order": "registered",
    "message": "new",
    "callback": "waiting",
    "complaint": "registered",
}
_WORK = {"postponed_with_consent", "cancelled"}
NEXT: Mapping[str, Mapping[str, set[str]]] = {
    "order": {
        "registered": {"formed", "cancelled"},
        "formed": {"received", "cancelled"},
        "received": {"assigned", *_WORK},
        "assigned": {"on_site", *_WORK},
        "on_site": {"fee_told", *_WORK},
        "fee_told": {"fee_consented", *_WORK},
        "fee_consented": {"in_repair", *_WORK},
        "in_repair": {"tested", "material_rejected", "postponed_with_consent"},
        "material_rejected": {"in_repair", *_WORK},
        "postponed_with_consent": {"assigned", "cancelled"},
        "tested": {"signed", "in_repair"},
        "signed": {"receipted", "archived"},
        "receipted": {"collected"},
        "collected": {"archived"},
        "archived": {"visited"},
    },
    "message": {"new": {"heard", "closed"}, "heard": {"closed"}},
    "callback": {"waiting": {"done", "unreachable", "cancelled"}},
    "complaint": {
        "registered": {"accepted", "refused", "transferred"},
        "accepted": {"decided"},
        "decided": {"closed"},
    },
}
CLOSED: Mapping[str, frozenset[str]] = {
    "order": frozenset({"archived", "visited", "cancelled"}),
    "message": frozenset({"closed"}),
    "callback": frozenset({"done", "unreachable", "cancelled"}),
    "complaint": frozenset({"refused", "transferred", "closed"}),
}
SERIES: Mapping[str, str] = {"order": "1", "message": "2", "callback": "3", "complaint": "4"}
"""First digit of a ticket's number, so that people can tell the kinds apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """`number` is what the caller was told; `fields` what the flow or an agent filled in."""

    ticket_id: str
    number: str
    kind: TicketKind
    state: str
    opened_at: Micros
    changed_at: Micros
    call_id: CallId | None = None
    customer_id: CustomerId | None = None
    account: str | None = None
    summary: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    due_at: Micros | None = None
    closed_at: Micros | None = None

    @property
    def open(self) -> bool:
        return self.state not in CLOSED[self.kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketNote:
    """One step of a ticket's life: `by` is a login, `caller` or `server`; `what` a state entered, `note`, or `urged`."""

    at: Micros
    by: str
    what: str
    text: str = ""


def first_state(kind: str) -> str:
    """Raises InvalidValue for a kind of ticket that does not exist."""
    try:
        return FIRST_STATE[kind]
    except KeyError:
        raise InvalidValue(f"no kind of ticket: {kind!r}; one of {', '.join(FIRST_STATE)}") from None


def check_step(kind: str, state: str, to: str) -> None:
    """Raises Conflict when a ticket in `state` cannot go to `to`: repair, for one, needs the fee told and consented to."""
    allowed = NEXT[kind].get(state, set())
    if to not in allowed:
        raise Conflict(
            f"a {kind} that is {state} cannot become {to}; possible: {', '.join(sorted(allowed)) or 'nothing'}"
        )


def check_due(due_at: Micros | None, now: Micros) -> None:
    """Raises InvalidValue for a time that is past, or too far ahead to be meant."""
    if due_at is None or now - PAST_DUE <= due_at <= now + LATEST_DUE:
        return
    if due_at < now:
        raise InvalidValue("this is due in the past", field="due_at", reason="due_past")
    raise InvalidValue("this is due too far ahead", field="due_at", reason="due_far")


def ticket_number(kind: str, running: int) -> str:
    """Series digit, running number of at least 5 digits, Luhn check digit: 7 digits to read aloud and to key in."""
    first = f"{SERIES[kind]}{running:05d}"
    return next(first + check for check in "0123456789" if luhn_valid(first + check))


@dataclass(frozen=True, slots=True)
class CallbackRequest:
    """A place in a queue kept for somebody who is no longer on the line; `number` is E.164 or as dialled. With `due_at` his turn
    begins then, not before: he is like a caller who came at that moment."""

    number: str
    queue: str
    priority: int
    entered_at: Micros
    skills: tuple[tuple[str, int], ...]
    language: str
    customer: Mapping[str, Any]
    attempts: int = 0
    due_at: Micros | None = None
