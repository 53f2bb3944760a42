"""Customers, accounts, tickets, configuration and users, on both databases."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

import pytest

from cti_server.domain.agents import Agent
from cti_server.domain.customers import Account, Customer, Holding
from cti_server.domain.ids import MINUTE, AgentId, CallId, CustomerId, QueueName
from cti_server.domain.orders import CallbackRequest
from cti_server.domain.queues import Queue, Relaxation
from cti_server.domain.setup import Disposition, PauseCode
from cti_server.domain.users import SignInSession, User
from cti_server.errors import Conflict, InvalidValue, NotFound
from cti_server.storage.accounts import LOCK, SqlAccounts
from cti_server.storage.configuration import SqlConfiguration
from cti_server.storage.customers import SqlCustomers
from cti_server.storage.engine import Database
from cti_server.storage.tickets import SqlTickets
from cti_server.storage.users import SqlUsers

CALL = CallId("c1")


@dataclass
class Hands:
    """A clock moved by hand."""

    at: int = 1_800_000_000_000_000

    def now(self) -> int:
        return self.at

    def monotonic(self) -> float:
        return self.at / 1e6


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
async def customer(database: Database, clock: Hands) -> Customer:
    await SqlAccounts(database, clock).create(Account(number="10000018", balance_fen=-5_620), "246810")
    new = Customer(
        customer_id=CustomerId(""),
        name="陈先生",
        tier="vip",
        flags=("elderly",),
        address="滨河路18号",
        phones=("+8613900000001", "+8613900000009"),
        holdings=(Holding(account="10000018"),),
    )
    return await SqlCustomers(database, clock).create(new)


# ---- customers ---------------------------------------------------------------------------------------------------


async def test_a_caller_is_known_by_any_of_his_numbers(database: Database, clock: Hands, customer: Customer) -> None:
    created = await SqlTickets(database, clock).create("order", CALL, {"customer_id": customer.customer_id})
    (known,) = await SqlCustomers(database).known_callers("+8613900000009")
    assert known.customer == customer
    assert [(a.number, a.balance_fen, a.arrears_fen) for a in known.accounts] == [("10000018", -5_620, 5_620)]
    assert [ticket.number for ticket in known.open_orders] == [created.number]
    assert list(await SqlCustomers(database).known_callers("+8613900000008")) == []


@pytest.mark.parametrize("text", ["陈", "10000018", "滨河", "+8613900000001"])
async def test_customers_are_found(database: Database, customer: Customer, text: str) -> None:
    assert list(await SqlCustomers(database).search(text, None, 5)) == [customer]


@pytest.mark.parametrize("text", ["%", "_", "' OR 1=1 --", "100000"])
async def test_a_search_is_no_pattern_and_no_sql(database: Database, customer: Customer, text: str) -> None:
    assert list(await SqlCustomers(database).search(text, None, 5)) == []


async def test_one_customer_may_have_many_accounts_and_one_account_many_people(
    database: Database, clock: Hands, customer: Customer
) -> None:
    files = SqlCustomers(database, clock)
    await SqlAccounts(database, clock).create(Account(number="10000026"))
    await files.link_account(customer.customer_id, "10000026", "authorised_agent")
    other = await files.create(
        Customer(customer_id=CustomerId(""), name="李女士", holdings=(Holding(account="10000026"),))
    )
    await files.link_phone(other.customer_id, "+8613900000001")
    card = await files.card(customer.customer_id)
    assert [a.number for a in card.accounts] == ["10000018", "10000026"]
    assert len(await files.by_number("+8613900000001")) == 2


async def test_wrong_links_are_refused_and_leave_nothing(database: Database, customer: Customer) -> None:
    files = SqlCustomers(database)
    with pytest.raises(InvalidValue, match="does not exist"):
        await files.create(Customer(customer_id=CustomerId("n"), name="x", holdings=(Holding(account="1"),)))
    with pytest.raises(NotFound):
        await files.get(CustomerId("n"))
    with pytest.raises(InvalidValue, match=r"E\.164"):
        await files.link_phone(customer.customer_id, "13900000001")
    with pytest.raises(NotFound):
        await files.link_phone(CustomerId("nobody"), "+8613900000001")
    with pytest.raises(NotFound):
        await files.card(CustomerId("nobody"))


# ---- accounts ----------------------------------------------------------------------------------------------------


async def test_three_wrong_pins_lock_the_account_for_a_while(
    database: Database, clock: Hands, customer: Customer
) -> None:
    accounts = SqlAccounts(database, clock)
    for left in (2, 1, 0):
        assert not await accounts.verify_pin("10000018", "000000")
        assert await accounts.tries_left("10000018") == left
    assert not await accounts.verify_pin("10000018", "246810")
    clock.at += LOCK
    assert await accounts.tries_left("10000018") == 3
    assert await accounts.verify_pin("10000018", "246810")


async def test_a_right_pin_gives_the_tries_back(database: Database, clock: Hands, customer: Customer) -> None:
    accounts = SqlAccounts(database, clock)
    for pin in ("1", "", "246810", "000000", "111111", "246810"):
        assert await accounts.verify_pin("10000018", pin) == (pin == "246810")
    assert await accounts.tries_left("10000018") == 3


async def test_many_calls_at_once_have_three_tries_together(
    database: Database, clock: Hands, customer: Customer
) -> None:
    accounts = SqlAccounts(database, clock)
    await asyncio.gather(*(accounts.verify_pin("10000018", f"00000{n}") for n in range(8)))
    assert (await accounts.get("10000018")).locked_until == clock.at + LOCK
    assert not await accounts.verify_pin("10000018", "246810")


async def test_an_account_without_a_pin_or_unknown_opens_to_nothing(database: Database, clock: Hands) -> None:
    accounts = SqlAccounts(database, clock)
    await accounts.create(Account(number="10000026"))
    assert not await accounts.verify_pin("10000026", "")
    assert not await accounts.verify_pin("10000034", "246810")
    with pytest.raises(InvalidValue, match="check digit"):
        await accounts.create(Account(number="10000019"))
    with pytest.raises(InvalidValue, match="6 digits"):
        await accounts.set_pin("10000026", "12345a")


# ---- tickets -----------------------------------------------------------------------------------------------------


async def test_a_ticket_is_made_once_per_call_kind_and_node(database: Database, clock: Hands) -> None:
    tickets = SqlTickets(database, clock)
    first, again = [await tickets.create("order", CALL, {"node": "a"}) for _ in range(2)]
    assert first == again
    others = [
        await tickets.create("order", CALL, {"node": "b"}),
        await tickets.create("complaint", CALL, {"node": "a"}),
        await tickets.create("order", CallId("c2"), {"node": "a"}),
        await tickets.create("message", CALL, {"recording": "1.wav"}),
        await tickets.create("message", CALL, {"recording": "2.wav"}),
    ]
    numbers = {created.number for created in [first, *others]}
    assert len(numbers) == 6
    assert all(number.isdigit() and len(number) == 7 for number in numbers)


async def test_numbers_given_at_once_are_all_different(database: Database, clock: Hands) -> None:
    tickets = SqlTickets(database, clock)
    made = await asyncio.gather(*(tickets.create("order", CallId(f"c{n}"), {}) for n in range(20)))
    assert len({created.number for created in made}) == 20


async def test_a_ticket_goes_step_by_step_and_its_life_is_kept(database: Database, clock: Hands) -> None:
    tickets = SqlTickets(database, clock)
    created = await tickets.create("order", CALL, {"summary": "停电", "account": "10000018", "due_at": 5})
    for step in ("formed", "received", "assigned", "on_site"):
        await tickets.advance(created.ticket_id, step, by="1003")
    with pytest.raises(Conflict, match="cannot become in_repair"):
        await tickets.advance(created.ticket_id, "in_repair", by="1003")
    for step in ("fee_told", "fee_consented", "in_repair", "tested", "signed"):
        clock.at += 1
        await tickets.advance(created.ticket_id, step, by="1003")
    assert (await tickets.get(created.ticket_id)).open
    clock.at += 1
    closed = await tickets.advance(created.ticket_id, "archived", by="1003")
    assert (closed.open, closed.closed_at, closed.summary, closed.due_at) == (False, clock.at, "停电", 5)
    assert [note.what for note in await tickets.notes(created.ticket_id)][-2:] == ["signed", "archived"]
    assert await tickets.by_number(created.number) == closed
    with pytest.raises(InvalidValue):
        await tickets.create("letter", CALL, {})


async def test_a_ticket_of_a_customer_since_deleted_is_kept(database: Database, clock: Hands) -> None:
    created = await SqlTickets(database, clock).create("message", CALL, {"customer_id": "gone"})
    assert (await SqlTickets(database, clock).get(created.ticket_id)).customer_id is None


async def test_callback_requests_wait_in_the_order_of_the_places_they_kept(database: Database, clock: Hands) -> None:
    tickets = SqlTickets(database, clock)
    request = CallbackRequest("+8613900000001", "vip", 30, 700, (("en", 5),), "zh", {"name": "陈先生"})
    late = await tickets.create("callback", CALL, {**_fields(request), "entered_at": 900})
    early = await tickets.create("callback", CallId("c2"), _fields(request))
    by_flow = await tickets.create("callback", CallId("c3"), {"number": "+8613900000002", "language": "en"})
    found = await tickets.open_callbacks()
    assert [ticket_id for ticket_id, _ in found] == [early.ticket_id, late.ticket_id, by_flow.ticket_id]
    assert found[0][1] == request
    await tickets.note_attempt(early.ticket_id, 2)
    await tickets.end_callback(late.ticket_id, "done")
    assert [(key, r.attempts) for key, r in await tickets.open_callbacks()] == [
        (early.ticket_id, 2),
        (by_flow.ticket_id, 0),
    ]


def _fields(request: CallbackRequest) -> dict[str, object]:
    return {name: getattr(request, name) for name in request.__slots__}


# ---- configuration and users ---------------------------------------------------------------------------------------


async def test_queues_agents_and_lists_come_back_as_they_were(database: Database) -> None:
    configuration = SqlConfiguration(database)
    queue = Queue(
        name=QueueName("vip"),
        title={"zh": "贵宾"},
        relaxations=(Relaxation(after_seconds=30, lower_by=2, drop=("en",)),),
        overflow_after_seconds=60,
        overflow_to=QueueName("general"),
    )
    agent = Agent(
        agent_id=AgentId("1001"),
        name="林晓",
        queues={queue.name: 9},
        skills={"en": 3},
    )
    await configuration.save_queue(queue)
    await configuration.save_queue(replace(queue, priority=5))
    await configuration.save_agent(agent)
    await configuration.save_pause_code(PauseCode(code="meal", zh="用餐", en="Meal"))
    await configuration.save_disposition(Disposition(code="bill", zh="账务", en="Bill", queues=("billing",)))
    await configuration.save_setting("thresholds", {"short": [1, 2]})
    assert await configuration.queues() == [replace(queue, priority=5)]
    assert await configuration.agents() == [agent]
    assert [code["zh"] for code in await configuration.pause_codes()] == ["用餐"]
    assert await configuration.dispositions("vip") == []
    assert len(await configuration.dispositions("billing")) == 1
    assert await configuration.setting("thresholds") == {"short": [1, 2]}
    await configuration.remove_agent(agent.agent_id)
    with pytest.raises(NotFound):
        await configuration.remove_agent(agent.agent_id)


async def test_users_sessions_and_audit(database: Database) -> None:
    users = SqlUsers(database)
    user = User(login="1900", name="沈岚", role="leader", password_hash="x", agent_id=AgentId("1900"))
    await users.create_user(user)
    with pytest.raises(Conflict, match="taken"):
        await users.create_user(user)
    with pytest.raises(InvalidValue, match="role"):
        await users.create_user(replace(user, login="z", role="king"))  # type: ignore[arg-type]
    session = SignInSession(token_hash="h", login="1900", created_at=1, used_at=1, expires_at=100)
    await users.create_session(session)
    await users.touch("h", 50)
    assert await users.session("h") == replace(session, used_at=50)
    await users.create_session(replace(session, token_hash="later", created_at=200, expires_at=200 + MINUTE))
    assert await users.session("h") is None
    await users.save_user(replace(user, active=False))
    assert await users.session("later") is None
    assert await users.user_by_login("1900") == replace(user, active=False)
    await users.audit(5, "1900", "queue_changed", "vip", "127.0.0.1", before={"priority": 0}, after={"priority": 5})
    (entry,) = await users.audited(login="1900")
    assert (entry.action, entry.before, entry.after) == ("queue_changed", {"priority": 0}, {"priority": 5})
    assert await users.audited(login="nobody") == []
