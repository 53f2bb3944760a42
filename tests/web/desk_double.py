"""A desk for the tests of the web layer: real bus and real agent fold, no phones. It records the facts the services
would record and keeps what tests put into it.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from cti_server.bus import Bus
from cti_server.domain import agents as rules
from cti_server.domain import facts as f
from cti_server.domain.agents import AgentState
from cti_server.domain.ids import SECOND, AgentId, CallId, CustomerId, Micros, OfferId, QueueName, VisitId
from cti_server.domain.users import SignInSession, User
from cti_server.errors import Conflict, InvalidValue, NotFound, StorageUnavailable
from cti_server.services.customers import Customers

PAUSE_CODES = [
    {"code": "meal", "zh": "用餐", "en": "Meal"},
    {"code": "training", "zh": "培训", "en": "Training"},
]
SYSTEM = {"hold": "talking", "busy_elsewhere": "busy"}


class ManualClock:
    """Stands still unless told otherwise."""

    def __init__(self, now: Micros = 1_800_000_000 * SECOND) -> None:
        self.at = now

    def now(self) -> Micros:
        return self.at

    def monotonic(self) -> float:
        return self.at / SECOND

    def pass_seconds(self, seconds: float) -> None:
        self.at += int(seconds * SECOND)


class MemoryFacts:
    """The journal's table in memory. `lag` = stored up to here only."""

    def __init__(self) -> None:
        self.stored: list[f.Recorded] = []

    async def append(self, facts: Any) -> None:
        self.stored.extend(facts)

    def take(self, recorded: f.Recorded) -> None:
        self.stored.append(recorded)

    async def last_id(self, server: str) -> int:
        return max((one.id for one in self.stored if one.server == server), default=0)

    async def after(self, last_id: int, *, limit: int) -> list[f.Recorded]:
        return [one for one in self.stored if one.id > last_id][:limit]

    async def of_call(self, call_id: CallId) -> list[f.Recorded]:
        return [one for one in self.stored if f.call_id_of(one.fact) == call_id]

    async def open_calls(self) -> list[CallId]:
        return []

    async def of_agent(self, agent_id: AgentId, since: Micros, until: Micros) -> list[f.Recorded]:
        return [one for one in self.stored if f.agent_id_of(one.fact) == agent_id]


class MemoryUsers:
    def __init__(self, *users: User) -> None:
        self.users = {user.login: user for user in users}
        self.sessions: dict[str, SignInSession] = {}
        self.audited: list[tuple[str, str, str]] = []
        self.away = False

    def _check(self) -> None:
        if self.away:
            raise StorageUnavailable("the database is away")

    async def user_by_login(self, login: str) -> User | None:
        self._check()
        return self.users.get(login)

    async def names(self) -> dict[str, str]:
        self._check()
        return {login: user.name for login, user in self.users.items()}

    async def create_session(self, session: SignInSession) -> None:
        self._check()
        self.sessions[session.token_hash] = session

    async def session(self, token_hash: str) -> SignInSession | None:
        self._check()
        return self.sessions.get(token_hash)

    async def touch(self, token_hash: str, at: Micros) -> None:
        self._check()
        self.sessions[token_hash] = replace(self.sessions[token_hash], used_at=at)

    async def end_session(self, token_hash: str) -> None:
        self._check()
        self.sessions.pop(token_hash, None)

    async def audit(self, at: Micros, login: str, action: str, subject: str = "", address: str = "") -> None:
        self._check()
        self.audited.append((login, action, subject))


class DeskDouble:
    """Implements `cti_server.web.desk.Desk`; customers are `cards`, or the files' own once there are any."""

    def __init__(self, bus: Bus, clock: ManualClock | Any, agents: dict[str, str]) -> None:
        self.bus, self.clock, self.names = bus, clock, agents
        self.states = {key: AgentState(agent_id=AgentId(key), reachable=True) for key in agents}
        self.pops: dict[str, dict[str, Any]] = {}
        self.pops_asked = 0
        self.records: dict[str, dict[str, Any]] = {}
        self.cards: dict[str, dict[str, Any]] = {}
        self.files: Customers | None = None
        self.board_calls: list[dict[str, Any]] = []
        self.done: list[tuple[Any, ...]] = []
        self.watchers: list[Any] = []
        bus.subscribe(self.fold)

    def fold(self, recorded: f.Recorded) -> None:
        for key, state in self.states.items():
            self.states[key] = rules.apply(state, recorded.fact)
        changed: set[tuple[str, str]] = {("queue", "general")}
        changed |= {("agent", agent)} if (agent := f.agent_id_of(recorded.fact)) in self.states else set()
        changed |= {("call", call)} if (call := f.call_id_of(recorded.fact)) else set()
        for watcher in self.watchers:
            watcher(changed)

    def _record(self, facts: list[Any]) -> None:
        for fact in facts:
            self.bus.record(fact)

    def _state(self, agent_id: str) -> AgentState:
        if agent_id not in self.states:
            raise NotFound(f"no agent {agent_id}")
        return self.states[agent_id]

    # -- what is --

    def agent(self, agent_id: str) -> dict[str, Any]:
        state = self._state(agent_id)
        return {
            "agent_id": agent_id,
            "name": self.names[agent_id],
            "intent": state.intent,
            "reason": state.reason or None,
            "system": SYSTEM.get(state.system, state.system),
            "held": state.system == "hold",
            "since": state.since,
            "deadline": state.wrap_up_until or state.deadline,
            "call_id": state.call_id,
            "visit_id": state.visit_id,
            "offer_id": state.offer_id,
            "consult": asdict(state.consult) if state.consult else None,
            "parties": [asdict(party) for party in state.parties],
            "queues": ["general"],
            "password": "must never leave",
        }

    def board(self) -> dict[str, Any]:
        rows = [self.agent(key) for key in self.states]
        signed_in = [row for row in rows if row["intent"] != "signed_out"]
        return {
            "at": self.clock.now(),
            "switch_linked": True,
            "queues": [
                {
                    "name": "general",
                    "title": {"zh": "综合", "en": "General"},
                    "waiting": len(self.board_calls),
                    "signed_in": len(signed_in),
                }
            ],
            "agents": rows,
            "calls": self.board_calls,
            "counts": {"signed_in": len(signed_in), "ready": sum(row["intent"] == "ready" for row in rows)},
        }

    def board_rows(self, keys: Any) -> dict[str, Any]:
        whole = self.board()
        ids = {"queue": ("queues", "name"), "agent": ("agents", "agent_id"), "call": ("calls", "call_id")}
        rows: dict[str, Any] = {**whole, "queues": [], "agents": [], "calls": [], "gone": []}
        for kind, name in keys:
            table, field = ids[kind]
            found = [row for row in whole[table] if row[field] == name]
            rows[table] += found
            rows["gone"] += [] if found else [(kind, name)]
        return rows

    def watch_board(self, watcher: Any) -> Any:
        self.watchers.append(watcher)

        def undo() -> None:
            if watcher in self.watchers:
                self.watchers.remove(watcher)

        return undo

    def pause_codes(self) -> list[dict[str, Any]]:
        return PAUSE_CODES

    async def pop(self, agent_id: str) -> dict[str, Any] | None:
        """As it was put in; a customer of the files as he is now."""
        self.pops_asked += 1
        pop = self.pops.get(agent_id) if self._state(agent_id).call_id else None
        if pop is None or self.files is None or not pop.get("customer"):
            return pop
        return {**pop, "customer": dict(await self.files.card(CustomerId(pop["customer"]["customer_id"])))}

    async def call(self, call_id: str) -> dict[str, Any]:
        if call_id not in self.records:
            raise NotFound(f"no call {call_id}")
        return self.records[call_id]

    async def calls(
        self, *, agent_id: str | None, number: str | None, queue: str | None, since: int | None, limit: int
    ) -> list[dict[str, Any]]:
        wanted = {"agent_id": agent_id, "caller": number, "queue": queue}
        rows = [row for row in self.records.values() if all(v is None or row.get(k) == v for k, v in wanted.items())]
        return [row for row in rows if row["at"] >= (since or 0)][:limit]

    async def history(self, number: str, limit: int) -> list[dict[str, Any]]:
        return [row for row in self.records.values() if row.get("caller") == number][:limit]

    async def customers(self, text: str, limit: int) -> list[dict[str, Any]]:
        if self.files is not None:
            return [dict(row) for row in await self.files.search(text, limit)]
        return [card for card in self.cards.values() if text in card["name"] or text in card["phones"]][:limit]

    async def customer(self, customer_id: str) -> dict[str, Any]:
        if self.files is not None:
            return dict(await self.files.card(CustomerId(customer_id)))
        if customer_id not in self.cards:
            raise NotFound(f"no customer {customer_id}")
        return self.cards[customer_id]

    # -- what is asked for --

    async def sign_in(self, agent_id: str, by: str) -> None:
        if self._state(agent_id).intent == "signed_out":
            self._record([f.AgentSignedIn(at=self.clock.now(), agent_id=AgentId(agent_id))])

    async def sign_out(self, agent_id: str, by: str) -> None:
        self._state(agent_id)
        self._record([f.AgentSignedOut(at=self.clock.now(), agent_id=AgentId(agent_id), by=by)])

    async def ready(self, agent_id: str, by: str) -> None:
        if self._state(agent_id).intent == "signed_out":
            raise Conflict("sign in first")
        self._record([f.AgentReady(at=self.clock.now(), agent_id=AgentId(agent_id), by=by)])

    async def pause(self, agent_id: str, reason: str, by: str) -> None:
        if reason not in {code["code"] for code in PAUSE_CODES}:
            raise InvalidValue(f"no pause code {reason}")
        self._state(agent_id)
        self._record([f.AgentPaused(at=self.clock.now(), agent_id=AgentId(agent_id), reason=reason, by=by)])

    async def end_wrap_up(self, agent_id: str, by: str) -> None:
        if self._state(agent_id).system != "wrap_up":
            raise Conflict("not in wrap-up")
        self._record([f.WrapUpEnded(at=self.clock.now(), agent_id=AgentId(agent_id), by="agent")])

    async def extend_wrap_up(self, agent_id: str, by: str) -> None:
        until = (self._state(agent_id).wrap_up_until or self.clock.now()) + 60 * SECOND
        self._record([f.WrapUpExtended(at=self.clock.now(), agent_id=AgentId(agent_id), until=until)])

    async def reject_offer(self, agent_id: str) -> None:
        if self._state(agent_id).system != "offered":
            raise Conflict("no call rings")
        self.end_offer(agent_id, "rejected")

    async def hang_up(self, agent_id: str) -> None:
        self.end_talk(agent_id)

    async def transfer(self, agent_id: str, target: str, how: str) -> None:
        self._state(agent_id)
        self.done.append(("transfer", agent_id, target, how))

    async def phone_cut(self, agent_id: str) -> None:
        self._state(agent_id)
        self.done.append(("phone_cut", agent_id))

    async def consult(self, agent_id: str, step: str) -> None:
        self._state(agent_id)
        self.done.append(("consult", agent_id, step))

    async def drop_party(self, agent_id: str, party: str | None) -> None:
        self._state(agent_id)
        self.done.append(("drop", agent_id, party))

    async def call_back(self, agent_id: str, ticket_id: str) -> None:
        self._state(agent_id)
        self.done.append(("call_back", agent_id, ticket_id))

    async def place_call(self, agent_id: str, number: str, *, in_page: bool = False) -> None:
        self._state(agent_id)
        self.done.append(("place_call", agent_id, number))

    # -- what happens on the phones --

    def ring(self, agent_id: str, call: str = "call-1") -> None:
        at, ids = self.clock.now(), self._ids(agent_id, call)
        self._record([f.AgentOffered(at=at, until=at + 20 * SECOND, **ids), f.OfferRinging(at=at, **ids)])

    def end_offer(self, agent_id: str, result: f.OfferResult) -> None:
        ids = self._ids(agent_id, self._state(agent_id).call_id or "")
        self._record([f.OfferEnded(at=self.clock.now(), result=result, **ids)])

    def talk(self, agent_id: str) -> None:
        ids = self._ids(agent_id, self._state(agent_id).call_id or "")
        self.end_offer(agent_id, "answered")
        ids.pop("offer_id")
        self._record([f.TalkStarted(at=self.clock.now(), **ids)])

    def end_talk(self, agent_id: str) -> None:
        state, at = self._state(agent_id), self.clock.now()
        ids = self._ids(agent_id, state.call_id or "")
        ids.pop("offer_id")
        until = at + 30 * SECOND
        self._record([f.TalkEnded(at=at, side="agent", **ids), f.WrapUpStarted(at=at, until=until, **ids)])

    def _ids(self, agent_id: str, call: str) -> dict[str, Any]:
        return {
            "call_id": CallId(call),
            "visit_id": VisitId(f"visit-{call}"),
            "offer_id": OfferId(f"offer-{call}-{agent_id}"),
            "agent_id": AgentId(agent_id),
        }

    def arrive(self, call: str, caller: str = "+8613900000001") -> f.Recorded:
        """A caller in queue `general`."""
        at = self.clock.now()
        self.bus.record(
            f.CallArrived(at=at, call_id=CallId(call), node="n", channel="c", uniqueid=call, caller=caller, did="95598")
        )
        return self.bus.record(
            f.VisitStarted(
                at=at,
                call_id=CallId(call),
                visit_id=VisitId(f"visit-{call}"),
                queue=QueueName("general"),
                priority=0,
                entered_at=at,
            )
        )
