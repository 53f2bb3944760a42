"""The agent's work over REST and the live connection, on a real SQLite file."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cti_server.domain import facts as f
from cti_server.domain.customers import Account, Customer, Holding
from cti_server.domain.ids import SECOND, CustomerId
from cti_server.domain.setup import Disposition
from cti_server.storage.accounts import SqlAccounts
from cti_server.storage.pins import PinHasher
from tests.web.web_world import Client, SignIn, World

CALL = "/api/v1/calls/call-1"
REQUEST = "0190a000-0000-4000-a000-000000000001"


@pytest.fixture
async def agent(world: World, client_of: SignIn) -> Client:
    """1001, talking to a caller in queue `general`."""
    client = await client_of("1001")
    for code, queues in (("enquiry", ()), ("bill", ("general",)), ("fault", ("repair",))):
        await world.work.configuration.save_disposition(Disposition(code=code, zh=code, en=code, queues=queues))
    await world.desk.sign_in("1001", "1001")
    await world.desk.ready("1001", "1001")
    world.desk.arrive("call-1")
    world.desk.ring("1001")
    world.desk.talk("1001")
    return client


async def post(client: Client, path: str, **body: Any) -> tuple[int, Any]:
    answer = await client.post(path, json=body)
    return answer.status, await answer.json()


async def get(client: Client, path: str) -> Any:
    answer = await client.get(path)
    assert answer.status == 200, await answer.text()
    return await answer.json()


async def test_a_note_is_kept_by_version_and_the_fact_has_no_text(world: World, agent: Client) -> None:
    odd = "<script>alert(1)</script> 😀 שלום\n\t" + "x" * 9_900
    assert (await post(agent, f"{CALL}/note", text="first", version=0))[1]["version"] == 1
    assert (await post(agent, f"{CALL}/note", text=odd, version=1))[1]["version"] == 2
    assert (await get(agent, f"{CALL}/work"))["note"]["text"] == odd
    status, refused = await post(agent, f"{CALL}/note", text="old window", version=1)
    assert (status, refused["error"]["details"]["reason"]) == (409, "note_changed")
    assert refused["error"]["details"]["text"] == odd
    told = [recorded.fact for recorded in world.facts.stored if isinstance(recorded.fact, f.CallNoted)]
    assert [fact.version for fact in told] == [1], "typing is not told key by key"
    world.clock.pass_seconds(20)
    await post(agent, f"{CALL}/note", text="last", version=2)
    told = [recorded.fact for recorded in world.facts.stored if isinstance(recorded.fact, f.CallNoted)]
    assert [fact.version for fact in told] == [1, 3]


@pytest.mark.parametrize("text", ["x" * 10_001, "bell \x07", "nul \x00", "half \ud83d"])
async def test_what_no_note_can_hold_is_refused_with_the_field(agent: Client, text: str) -> None:
    status, refused = await post(agent, f"{CALL}/note", text=text, version=0)
    assert (status, list(refused["error"]["details"]["fields"])) == (422, ["text"])


async def test_only_who_had_a_part_in_a_call_writes_to_it(agent: Client, client_of: SignIn) -> None:
    other = await client_of("1002")
    assert (await other.get(f"{CALL}/work")).status == 403
    assert (await post(other, f"{CALL}/note", text="x", version=0))[0] == 403
    assert (await agent.get("/api/v1/calls/none/work")).status == 404


async def test_codes_are_those_of_the_queue_and_the_last_one_counts(world: World, agent: Client) -> None:
    shown = await get(agent, f"{CALL}/work")
    assert shown["required"]
    assert shown["disposition"] is None
    assert [code["code"] for code in shown["codes"]] == ["bill", "enquiry"]
    status, refused = await post(agent, f"{CALL}/disposition", code="fault")
    assert (status, refused["error"]["details"]["field"]) == (422, "code")
    for code in ("enquiry", "bill", "bill"):
        assert (await post(agent, f"{CALL}/disposition", code=code))[1]["disposition"] == code
    assert (await get(agent, f"{CALL}/work"))["disposition"] == "bill"
    set_ = [recorded.fact for recorded in world.facts.stored if isinstance(recorded.fact, f.DispositionSet)]
    assert [(fact.code, fact.visit_id) for fact in set_] == [("enquiry", "visit-call-1"), ("bill", "visit-call-1")]


async def _customer(world: World, key: str = "c1", **more: Any) -> Customer:
    phones = more.pop("phones", ("+8613900000001",))
    return await world.work.files.create(Customer(customer_id=CustomerId(key), name="Zhao Lin", phones=phones, **more))


async def test_a_ticket_has_what_is_known_filled_in_and_is_made_once(world: World, agent: Client) -> None:
    await SqlAccounts(world.work.database, world.clock, PinHasher(b"k" * 32)).create(Account(number="10000018"), None)
    await _customer(world, address="Long Street 5", holdings=(Holding(account="10000018"),))
    await post(agent, f"{CALL}/customer", customer_id="c1")
    wanted = {"kind": "order", "request_id": REQUEST, "summary": "no light"}
    first, again = [await post(agent, f"{CALL}/tickets", **wanted) for _ in range(2)]
    assert first == again
    ticket = await world.work.tickets.get(first[1]["ticket_id"])
    assert (ticket.customer_id, ticket.account, ticket.summary) == ("c1", "10000018", "no light")
    assert (ticket.fields["number"], ticket.fields["address"]) == ("+8613900000001", "Long Street 5")
    made = [recorded.fact for recorded in world.facts.stored if isinstance(recorded.fact, f.TicketCreated)]
    assert [(fact.ticket, fact.agent_id, fact.number) for fact in made] == [("order", "1001", ticket.number)]
    listed = await get(agent, "/api/v1/customers/c1/tickets")
    assert [row["number"] for row in listed] == [ticket.number]


ABROAD = [
    ("+44 20 7946 0000", "forbidden", "number_refused"),
    ("110", "invalid_value", "bad_number"),
]
"""Numbers that may not be called back."""


async def test_a_callback_waits_in_the_queue_for_a_number_written_any_way(world: World, agent: Client) -> None:
    status, refused = await post(agent, f"{CALL}/tickets", kind="callback", request_id=REQUEST, number="abc")
    assert (status, refused["error"]["details"]["field"]) == (422, "number")
    for number, code, reason in ABROAD:
        status, refused = await post(agent, f"{CALL}/tickets", kind="callback", request_id=REQUEST, number=number)
        assert (refused["error"]["code"], refused["error"]["details"]) == (code, {"field": "number", "reason": reason})
    status, made = await post(agent, f"{CALL}/tickets", kind="callback", request_id=REQUEST, number="(021) 6888-1234")
    assert status == 200
    ((ticket_id, request),) = world.work.booked.requests
    assert (ticket_id, request.number, request.queue) == (made["ticket_id"], "+862168881234", "general")


async def test_an_open_order_is_urged_and_noted_and_a_closed_one_is_not(world: World, agent: Client) -> None:
    order = await world.work.tickets.create("order", None, {"summary": "no light"})
    text = "asks again <b>now</b>"
    status, card = await post(agent, f"{CALL}/urge", ticket_id=order.ticket_id, text=text)
    assert (status, [(step["what"], step["by"], step["text"]) for step in card["notes"]]) == (
        200,
        [("urged", "1001", text)],
    )
    status, card = await post(agent, f"/api/v1/tickets/{order.ticket_id}/notes", text="crew told")
    assert [step["what"] for step in card["notes"]] == ["urged", "note"]
    assert any(isinstance(recorded.fact, f.TicketUrged) for recorded in world.facts.stored)
    await world.work.tickets.advance(order.ticket_id, "cancelled", by="test")
    status, refused = await post(agent, f"{CALL}/urge", ticket_id=order.ticket_id)
    assert (status, refused["error"]["details"]["reason"]) == (409, "ticket_closed")


async def test_the_agent_says_who_it_is_and_the_number_is_kept(world: World, agent: Client) -> None:
    await _customer(world, phones=("+8613900000002",))
    status, card = await post(agent, f"{CALL}/customer", customer_id="c1", add_number=True)
    assert (status, card["phones"]) == (200, ["+8613900000001", "+8613900000002"])
    (said,) = [recorded.fact for recorded in world.facts.stored if isinstance(recorded.fact, f.CallerIdentified)]
    assert (said.by, said.agent_id, said.customer_id) == ("agent", "1001", "c1")
    assert ("1001", "customer_linked", "c1") in world.users.audited
    assert (await post(agent, f"{CALL}/customer", customer_id="nobody"))[0] == 404


@pytest.mark.parametrize("phone", ["139 0000 0009", "0086-139-0000-0009", "+86 (139) 0000-0009", "8613900000009"])
async def test_a_new_customer_is_entered_once_with_phones_written_any_way(agent: Client, phone: str) -> None:
    name = "<img src=x onerror=alert(1)> 😀 مرحبا"
    wanted = {"request_id": REQUEST, "name": name, "phones": [phone], "flags": ["elderly"]}
    first, again = [await post(agent, f"{CALL}/new_customer", **wanted) for _ in range(2)]
    assert first == again
    assert (first[1]["name"], first[1]["phones"], first[1]["flags"]) == (name, ["+8613900000009"], ["elderly"])


@pytest.mark.parametrize(
    ("wrong", "field"), [({"phones": ["12"]}, "phones"), ({"flags": ["vip"]}, "flags"), ({"name": " "}, "name")]
)
async def test_a_new_customer_that_cannot_be_right_is_refused_at_the_field(
    agent: Client, wrong: dict[str, Any], field: str
) -> None:
    status, refused = await post(agent, f"{CALL}/new_customer", **{"request_id": REQUEST, "name": "Zhao", **wrong})
    details = refused["error"]["details"]
    assert (status, details.get("field") or next(iter(details["fields"]))) == (422, field)


async def test_the_days_figures_are_folded_from_the_facts(world: World, agent: Client) -> None:
    world.clock.pass_seconds(60)
    world.desk.end_talk("1001")
    world.clock.pass_seconds(20)
    await world.desk.end_wrap_up("1001", "1001")
    world.desk.ring("1001", "call-2")
    world.desk.end_offer("1001", "no_answer")
    day = await get(agent, "/api/v1/agents/me/figures")
    assert (day["answered"], day["missed"]) == (1, 1)
    assert (day["talk_micros"], day["hold_micros"], day["wrap_up_micros"]) == (60 * SECOND, 0, 20 * SECOND)
    assert day["average_micros"] == 80 * SECOND


async def test_the_same_wishes_go_over_the_live_connection(agent: Client) -> None:
    async with agent.ws_connect("/api/v1/live") as live:
        await live.send_json({"id": 1, "do": "resume", "args": {}})
        await live.send_json({"id": 2, "do": "save_note", "args": {"call_id": "call-1", "text": "live", "version": 0}})
        await live.send_json({"id": 3, "do": "set_disposition", "args": {"call_id": "call-1", "code": "bill"}})
        answers: dict[int, Any] = {}
        async with asyncio.timeout(5):
            while not {2, 3} <= answers.keys():
                frame = await live.receive_json()
                messages = frame if isinstance(frame, list) else [frame]
                answers |= {message["id"]: message for message in messages if "id" in message}
    assert answers[2]["ok"]["version"] == 1
    assert answers[3]["ok"]["disposition"] == "bill"


async def test_a_file_is_changed_on_the_version_seen_and_a_number_may_be_written_any_way(
    world: World, agent: Client
) -> None:
    await _customer(world, address="Long Street 5")
    wanted = {"version": 1, "name": "Zhao Lin", "phones": ["+8613900000001", "(021) 6888-1234"], "flags": ["hearing"]}
    status, card = await post(agent, "/api/v1/customers/c1", **wanted, address="Short Street 1", notes="two\nlines")
    assert (status, card["version"], card["address"], card["notes"]) == (200, 2, "Short Street 1", "two\nlines")
    assert (card["phones"], card["flags"]) == (["+8613900000001", "+862168881234"], ["hearing"])
    status, refused = await post(agent, "/api/v1/customers/c1", **{**wanted, "name": "Zhao"})
    details = refused["error"]["details"]
    assert (status, details["reason"], details["version"], details["name"]) == (409, "customer_changed", 2, "Zhao Lin")
    for wrong, field in (({"phones": ["12"]}, "phones"), ({"flags": ["vip"]}, "flags")):
        status, refused = await post(agent, "/api/v1/customers/c1", **{**wanted, "version": 2, **wrong})
        assert (status, refused["error"]["details"]["field"]) == (422, field)


async def test_who_may_have_a_file_is_not_entered_again_unseen(world: World, agent: Client) -> None:
    await _customer(world)
    wanted = {"request_id": REQUEST, "name": "Somebody", "phones": ["139 0000 0001"]}
    status, refused = await post(agent, f"{CALL}/new_customer", **wanted)
    details = refused["error"]["details"]
    assert (status, details["reason"], [row["name"] for row in details["customers"]]) == (
        409,
        "maybe_known",
        ["Zhao Lin"],
    )
    first, again = [await post(agent, f"{CALL}/new_customer", **wanted, anyway=True) for _ in range(2)]
    assert first == again
    assert first[1]["name"] == "Somebody"


async def test_the_timeline_tells_tickets_by_kind_and_page_and_is_audited(world: World, agent: Client) -> None:
    await _customer(world)
    await post(agent, f"{CALL}/customer", customer_id="c1")
    for place, kind in enumerate(("order", "message", "message")):
        world.clock.pass_seconds(1)
        made = {"kind": kind, "request_id": f"{REQUEST[:-1]}{place}", "summary": f"{kind} {place}"}
        assert (await post(agent, f"{CALL}/tickets", **made))[0] == 200
    first = await get(agent, "/api/v1/customers/c1/timeline?limit=2")
    assert [entry["topic"] for entry in first["entries"]] == ["message 2", "message 1"]
    assert [(entry["agent_name"], entry["by"]) for entry in first["entries"]] == [("Chen Mei", "1001")] * 2
    rest = await get(agent, f"/api/v1/customers/c1/timeline?limit=2&before={first['more']}")
    assert ([entry["topic"] for entry in rest["entries"]], rest["more"]) == (["order 0"], None)
    only = await get(agent, "/api/v1/customers/c1/timeline?kinds=order,complaint")
    assert [entry["kind"] for entry in only["entries"]] == ["order"]
    assert (await agent.get("/api/v1/customers/c1/timeline?kinds=rumour")).status == 422
    assert ("1001", "timeline_read", "c1") in world.users.audited


async def test_what_an_agent_has_to_see_to_is_listed_changed_and_done(world: World, agent: Client) -> None:
    await _customer(world)
    await post(agent, f"{CALL}/customer", customer_id="c1")
    _, made = await post(agent, f"{CALL}/tickets", kind="message", request_id=REQUEST, summary="wants an answer")
    (task,) = await get(agent, "/api/v1/agents/me/tasks")
    assert (task["number"], task["own"], task["customer_name"], task["phone"]) == (
        made["number"],
        True,
        "Zhao Lin",
        "+8613900000001",
    )
    path = f"/api/v1/tickets/{made['ticket_id']}"
    world.clock.pass_seconds(1)
    fields = {"summary": "wants two", "description": "😀\nשלום", "number": "021 6888 1234", "name": "Zhao Lin"}
    status, changed = await post(agent, path, seen=made["changed_at"], **fields)
    assert (status, changed["summary"], changed["phone"]) == (200, "wants two", "+862168881234")
    status, refused = await post(agent, path, seen=made["changed_at"], **{**fields, "summary": "older window"})
    assert (status, refused["error"]["details"]["reason"]) == (409, "ticket_changed")
    status, closed = await post(agent, f"{path}/close", text="told him")
    assert (status, closed["state"], closed["open"]) == (200, "closed", False)
    assert (await post(agent, f"{path}/close"))[0] == 409
    assert await get(agent, "/api/v1/agents/me/tasks") == []


async def test_codes_stand_in_groups(world: World, agent: Client) -> None:
    grouped = Disposition(code="late", zh="晚", en="Late", group_zh="账单", group_en="Bill")
    await world.work.configuration.save_disposition(grouped)
    found = {code["code"]: code["group"] for code in await get(agent, "/api/v1/dispositions")}
    assert (found["late"], found["bill"]) == ({"zh": "账单", "en": "Bill"}, None)


async def test_a_callback_is_due_when_the_agent_says_and_changes_until_it_is_rung(world: World, agent: Client) -> None:
    hour = 3_600 * SECOND
    due = world.clock.now() + hour
    wanted = {"kind": "callback", "request_id": REQUEST, "number": "139 0000 0009"}
    for wrong in (world.clock.now() - hour, world.clock.now() + 100 * 24 * hour):
        status, refused = await post(agent, f"{CALL}/tickets", **wanted, due_at=wrong)
        assert (status, refused["error"]["details"]["field"]) == (422, "due_at")
    _, made = await post(agent, f"{CALL}/tickets", **wanted, due_at=due)
    ((_, booked),) = world.work.booked.requests
    assert (made["due_at"], booked.due_at) == (due, due)
    path = f"/api/v1/tickets/{made['ticket_id']}"
    status, changed = await post(agent, path, seen=made["changed_at"], number="021 6888 1234", due_at=due + hour)
    assert (status, changed["phone"], changed["due_at"]) == (200, "+862168881234", due + hour)
    ((_, booked),) = world.work.booked.requests
    assert (booked.number, booked.due_at) == ("+862168881234", due + hour)
    status, refused = await post(agent, path, seen=made["changed_at"], number="139 0000 0001", due_at=due)
    assert (status, refused["error"]["details"]["reason"]) == (409, "ticket_changed")
    assert [request for _, request in world.work.booked.requests] == [booked], "it waits on as it was"
    world.work.booked.rung.add(made["ticket_id"])
    status, refused = await post(agent, path, seen=changed["changed_at"], number="139 0000 0001", due_at=due + hour)
    assert (status, refused["error"]["details"]["reason"]) == (409, "callback_rung")
    kept = {"number": "+862168881234", "due_at": due + hour}
    status, changed = await post(agent, path, seen=changed["changed_at"], summary="about the bill", **kept)
    assert (status, changed["summary"]) == (200, "about the bill"), "what it says may change all the same"


async def test_a_customer_is_entered_without_a_call(world: World, client_of: SignIn) -> None:
    client = await client_of("1002")
    await _customer(world)
    wanted = {"request_id": REQUEST, "name": "Qian <b>", "phones": ["139 0000 0001"], "flags": ["elderly"]}
    status, refused = await post(client, "/api/v1/customers", **wanted)
    assert (status, refused["error"]["details"]["reason"]) == (409, "maybe_known")
    first, again = [await post(client, "/api/v1/customers", **wanted, anyway=True) for _ in range(2)]
    assert first == again
    assert (first[1]["name"], first[1]["phones"], first[1]["version"]) == ("Qian <b>", ["+8613900000001"], 1)
    assert ("1002", "customer_created", first[1]["customer_id"]) in world.users.audited
    assert not [one for one in world.facts.stored if isinstance(one.fact, f.CallerIdentified)]
    status, _ = await post(await client_of("office"), "/api/v1/customers", **wanted)
    assert status == 403


async def test_codes_used_lately_are_ones_own_of_seven_days(world: World, agent: Client) -> None:
    used = "/api/v1/agents/me/codes_used"
    await post(agent, f"{CALL}/disposition", code="bill")
    assert await get(agent, used) == [{"code": "bill", "times": 1}]
    service = world.work.service
    world.clock.pass_seconds(6 * 24 * 3_600)
    assert [row["code"] for row in await service.codes_used("1001")] == ["bill"]
    world.clock.pass_seconds(2 * 24 * 3_600)
    assert await service.codes_used("1001") == []
