"""What the demo's callers had to do with us before: facts on the timeline, from which folds make the contacts on file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cti_server.clock import Clock
from cti_server.domain import facts as f
from cti_server.domain.customers import Customer
from cti_server.domain.flows.effects import Created
from cti_server.domain.ids import MINUTE, SECOND, AgentId, CallId, Micros, OfferId, QueueName, VisitId, uuid7
from cti_server.lab.sample_people import CALLERS, PEOPLE
from cti_server.storage.engine import Database
from cti_server.storage.facts import SqlFactStore
from cti_server.storage.tickets import SqlTickets
from cti_server.storage.work import SqlNotes

SERVER = "sample"
DAY: Micros = 24 * 60 * MINUTE
DID = "95598"


@dataclass(frozen=True, slots=True)
class Then:
    """A clock that stands at a time gone by."""

    at: Micros

    def now(self) -> Micros:
        return self.at

    def monotonic(self) -> float:
        return self.at / SECOND


class PastCall:
    """Facts of one call, each a little later than the one before."""

    def __init__(self, number: int, customer: Customer, at: Micros) -> None:
        self.call_id = CallId(_fixed(number, b"call"))
        self.visit_id = VisitId(_fixed(number, b"visit"))
        self._number, self._customer = number, customer
        self._at = at
        self.facts: list[f.CallFact] = []
        self._add(
            f.CallArrived,
            0,
            node="asterisk",
            channel="",
            uniqueid=f"sample.{number}",
            caller=customer.phones[0],
            did=DID,
        )
        self._add(f.CallerIdentified, 1, customer_id=customer.customer_id, tier=customer.tier, flags=customer.flags)
        self._add(f.FlowEntered, 0, flow="power", version="sample")
        self._add(f.LanguageChosen, 0, language="zh")

    @property
    def at(self) -> Micros:
        return self._at

    def choose(self, node: str, key: str, label: str) -> PastCall:
        self._add(f.MenuChosen, 8, flow="power", node=node, key=key, label=label)
        return self

    def talk(self, queue: str, agent_id: str, *, wait: float, talk: float, score: int | None = None) -> PastCall:
        visit: Mapping[str, Any] = {"visit_id": self.visit_id}
        with_agent = {**visit, "agent_id": AgentId(agent_id)}
        offer = {**with_agent, "offer_id": OfferId(_fixed(self._number, b"offer"))}
        entered_at = self._at + SECOND
        self._add(f.VisitStarted, 1, **visit, queue=QueueName(queue), priority=10, entered_at=entered_at)
        self._add(f.AgentOffered, wait, **offer)
        self._add(f.OfferRinging, 0.4, **offer)
        self._add(f.OfferEnded, 3, **offer, result="answered")
        self._add(f.TalkStarted, 0, **with_agent)
        self._add(f.VisitEnded, 0, **visit, outcome="answered")
        self._add(f.TalkEnded, talk, **with_agent, side="agent")
        if score is not None:
            self._add(f.SurveyOffered, 1, node="survey", agent_id=AgentId(agent_id))
            self._add(f.SurveyAnswered, 6, node="survey", score=score, agent_id=AgentId(agent_id))
        return self

    def filed(self, agent_id: str, code: str) -> PastCall:
        self._add(f.DispositionSet, 5, agent_id=AgentId(agent_id), visit_id=self.visit_id, code=code)
        return self

    def ticket(self, kind: str, created: Created) -> PastCall:
        self._add(f.TicketCreated, 20, ticket=kind, ticket_id=created.ticket_id, number=created.number)
        return self

    def end(self) -> PastCall:
        self._add(f.CallEnded, 2, side="caller", cause=16)
        return self

    def _add(self, kind: type[f.CallFact], seconds: float, **fields: Any) -> None:
        self._at += round(seconds * SECOND)
        self.facts.append(kind(**{"at": self._at, "call_id": self.call_id, **fields}))


@dataclass(frozen=True, slots=True)
class Talked:
    """A talk some days ago: with whom, how long, what it was filed as and what was noted."""

    number: str
    days: float
    key: tuple[str, str, str] | None
    """Node, key and words of what he chose; None = he went straight to a person."""
    queue: str
    agent_id: str
    wait: float
    talk: float
    code: str
    note: str
    score: int | None = None


PERSON, BALANCE, COMPLAINT = ("main", "0", "人工"), ("main", "2", "查询余额"), ("main", "3", "投诉")
TALKS = (
    Talked("13900000001", 1, PERSON, "vip", "1004", 6, 154, "fault", "催问停电报修，已与抢修班核实，师傅傍晚到。", 5),
    Talked(
        "13900000003", 5, PERSON, "general", "1001", 9, 241, "enquiry", "老人独居，询问缴费网点，已告知可上门代收。", 5
    ),
    Talked("13900000011", 3, PERSON, "general", "1001", 14, 187, "enquiry", "咨询阶梯电价，已说明第二档起点。", 5),
    Talked("13900000011", 33, BALANCE, "billing", "1002", 22, 96, "bill", "核对上月账单，无误。"),
    Talked(
        "13900000012", 2, BALANCE, "billing", "1002", 41, 305, "bill", "欠费较多，申请分两期缴纳，已登记，待回复。", 4
    ),
    Talked("13900000013", 8, PERSON, "general", "1001", 18, 268, "enquiry", "询问停电通知，已逐条复述并确认听清。", 5),
    Talked(
        "13900000014", 6, PERSON, "general", "1003", 11, 143, "fault", "电表指示灯不亮，已建议送检，客户考虑后再定。"
    ),
    Talked(
        "13900000015",
        15,
        COMPLAINT,
        "general",
        "1001",
        52,
        412,
        "complaint",
        "反映欠费短信重复发送，已致歉并核实号码。",
        3,
    ),
    Talked("13900000016", 4, PERSON, "vip", "1004", 5, 226, "new_supply", "拟增容至200千伏安，已告知所需材料。", 5),
    Talked(
        "13900000017",
        9,
        PERSON,
        "english",
        "1004",
        13,
        174,
        "enquiry",
        "Asked how to pay from abroad; sent to the card page.",
        5,
    ),
    Talked("13900000018", 1.2, PERSON, "general", "1002", 27, 119, "other", "号码变更，已更新联系电话。"),
)
FIRST_TALK = 20
"""Ids of the talks start here, those of the calls with a story of their own below."""


async def write_history(database: Database, clock: Clock) -> None:
    """Calls of the last weeks; one order of the first customer still open, one complaint of the second closed."""
    now, known = clock.now(), {caller.number: caller.customer for caller in (*CALLERS, *PEOPLE)}
    open_order, complained = known["13900000001"], known["13900000002"]
    for past in (
        PastCall(1, open_order, now - 12 * DAY).choose("main", "2", "查询余额").choose("balance_more", "2", "主菜单"),
        await _fault(database, open_order, now - 2 * DAY),
        await _complaint(database, complained, now - 20 * DAY),
        PastCall(5, complained, now - 6 * DAY).choose("main", "2", "查询余额"),
    ):
        await _write(database, past)
    for number, talked in enumerate(TALKS, start=FIRST_TALK):
        past = PastCall(number, known[talked.number], now - round(talked.days * DAY))
        if talked.key is not None:
            past.choose(*talked.key)
        past.talk(talked.queue, talked.agent_id, wait=talked.wait, talk=talked.talk, score=talked.score)
        if await _write(database, past.filed(talked.agent_id, talked.code)):
            await SqlNotes(database, Then(past.at)).save(past.call_id, AgentId(talked.agent_id), talked.note, 0)


async def _write(database: Database, past: PastCall) -> bool:
    """False when it is on file already."""
    store = SqlFactStore(database)
    if await store.load_call(past.call_id) is not None:
        return False
    await store.append(_recorded(past.end()))
    return True


def _recorded(past: PastCall) -> list[f.Recorded]:
    """Ids grow from the time of the call, as they would have then."""
    return [f.Recorded(fact.at + place, SERVER, fact) for place, fact in enumerate(past.facts)]


async def _fault(database: Database, customer: Customer, at: Micros) -> PastCall:
    past = PastCall(2, customer, at).choose("main", "1", "报修").choose("fault", "1", "停电")
    fields = {
        "kind": "power_out",
        "summary": "停电，楼道有电，室内无电",
        "address": customer.address,
        "account": customer.holdings[0].account,
        "customer_id": customer.customer_id,
        "language": "zh",
    }
    created = await _ticket(database, "order", past, fields, ("formed", "received", "assigned"))
    return past.ticket("order", created)


async def _complaint(database: Database, customer: Customer, at: Micros) -> PastCall:
    past = PastCall(4, customer, at).choose("main", "3", "投诉").talk("general", "1001", wait=31, talk=388, score=3)
    fields = {
        "summary": "抄表读数有误，已更正账单",
        "account": customer.holdings[0].account,
        "customer_id": customer.customer_id,
    }
    created = await _ticket(database, "complaint", past, fields, ("accepted", "decided", "closed"))
    return past.ticket("complaint", created)


async def _ticket(
    database: Database, kind: str, past: PastCall, fields: Mapping[str, Any], steps: tuple[str, ...]
) -> Created:
    created = await SqlTickets(database, Then(past.at)).create(kind, past.call_id, fields)
    done = {note.what for note in await SqlTickets(database, Then(past.at)).notes(created.ticket_id)}
    for hours, step in enumerate(steps, start=1):
        if step not in done:
            later = SqlTickets(database, Then(past.at + hours * 60 * MINUTE))
            await later.advance(created.ticket_id, step, by="1900")
    return created


def _fixed(number: int, what: bytes) -> str:
    return uuid7(1_750_000_000_000_000, what.ljust(9, b"\0")[:9] + bytes([number]))
