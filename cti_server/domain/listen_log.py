"""Who listened to whom, when and how, folded from the facts: what is shown to those who answer for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from cti_server.domain.facts import Fact, ListenEnded, ListenFact, ListenMode, ListenModeChanged, ListenStarted
from cti_server.domain.ids import AgentId, CallId, Micros


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenRecord:
    """`modes` in the order they were used; `ended` null = it goes on, or its end was not seen."""

    listening_id: str
    call_id: CallId
    subject: AgentId
    by: str
    started: Micros
    ended: Micros | None = None
    modes: tuple[ListenMode, ...] = ()


def listens(facts: Iterable[Fact]) -> list[ListenRecord]:
    """Newest first. What began before the first fact is left out."""
    found: dict[str, ListenRecord] = {}
    for fact in facts:
        if isinstance(fact, ListenStarted):
            found[fact.listening_id] = _started(fact)
        elif isinstance(fact, ListenFact) and (known := found.get(fact.listening_id)) is not None:
            found[fact.listening_id] = _after(known, fact)
    return sorted(found.values(), key=lambda one: one.started, reverse=True)


def _started(fact: ListenStarted) -> ListenRecord:
    return ListenRecord(
        listening_id=fact.listening_id,
        call_id=fact.call_id,
        subject=fact.subject,
        by=fact.by,
        started=fact.at,
        modes=(fact.mode,),
    )


def _after(known: ListenRecord, fact: ListenFact) -> ListenRecord:
    if isinstance(fact, ListenModeChanged):
        return replace(known, modes=(*known.modes, fact.mode))
    return replace(known, ended=fact.at) if isinstance(fact, ListenEnded) else known
