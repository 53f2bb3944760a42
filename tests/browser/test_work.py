"""An agent's work in the page, against the composed server and a real Asterisk: pop, note, code, wrap-up, who is calling."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from cti_server.clock import SystemClock
from cti_server.domain import facts as f
from cti_server.domain.customers import Customer
from cti_server.domain.ids import SECOND, CustomerId
from cti_server.lab.asterisk import AsteriskInstance
from cti_server.lab.phones import Behaviour
from cti_server.lab.sipp_reports import CallReport
from cti_server.storage.customers import SqlCustomers
from cti_server.storage.engine import open_database
from tests.real.centre import Centre, open_centre

pytestmark = pytest.mark.real

UNTIL_DONE = {"general": {"disposition_required": True, "wrap_up_seconds": 60, "wrap_up_until_done": True}}
TIMED = {"general": {"wrap_up_seconds": 6}}
SHORT = {"general": {"disposition_required": True, "wrap_up_seconds": 4}}
QUEUES = {"general": {"disposition_required": True, "wrap_up_seconds": 60}}
TO_A_PERSON = "wait 2; digits 0; wait 60; hangup"
EVIL = "<img src=x onerror=alert(1)> 😀 שלום"
WATCH_POP = """() => {
  window.popAt = 0;
  new MutationObserver(() => {
    if (window.popAt === 0 && document.querySelector("[data-test=caller-name]") !== null) window.popAt = Date.now();
  }).observe(document.body, { childList: true, subtree: true });
}"""


@pytest.fixture
async def centre(
    asterisk: AsteriskInstance, tmp_path: Path, built: None, request: pytest.FixtureRequest
) -> AsyncIterator[Centre]:
    async with open_centre(asterisk, tmp_path, getattr(request, "param", QUEUES)) as opened:
        yield opened


@pytest.fixture
def password(tmp_path: Path, centre: Centre) -> str:
    logins = json.loads((tmp_path / "logins.json").read_text())["logins"]
    return next(str(entry["password"]) for entry in logins if entry["login"] == "1001")


async def sign_in(page: Page, centre: Centre, password: str) -> None:
    await page.goto(f"http://127.0.0.1:{centre.server.web_port}")
    await page.get_by_label("Agent number").fill("1001")
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await expect(page.get_by_test_id("connection")).to_have_text("Connected")


@asynccontextmanager
async def talking(page: Page, centre: Centre, password: str, caller: str) -> AsyncIterator[asyncio.Task[CallReport]]:
    """1001 in the page, in a talk on his desk phone with this caller."""
    phone = await centre.agent("1001", Behaviour(answer_after=1.0), ready=False)
    await sign_in(page, centre, password)
    await page.get_by_test_id("ready").click()
    await expect(page.get_by_test_id("system")).to_have_text("Available")
    await page.evaluate(WATCH_POP)
    call = asyncio.create_task(centre.call(TO_A_PERSON, caller=caller))
    try:
        await expect(page.get_by_test_id("system")).to_have_text("Talking", timeout=20_000)
        yield call
    finally:
        for live in centre.server.calls:
            await centre.server.switch.hangup(live.channel)
        await call
        await centre.calls_over()
        await phone.unregister()


async def test_pop_note_reload_and_a_wrap_up_that_wants_its_code(
    page: Page, centre: Centre, password: str, request: pytest.FixtureRequest
) -> None:
    async with talking(page, centre, password, "13900000002"):
        await expect(page.get_by_test_id("caller-name")).to_have_text("李女士")
        (ringing,) = centre.of(f.OfferRinging)
        millis = await page.evaluate("window.popAt") - ringing.at / 1000
        request.node.add_report_section("call", "measured", f"the pop stood {millis:.0f} ms after the phone rang")
        await expect(page.get_by_test_id("origin")).to_contain_text("China Mobile")
        await expect(page.get_by_test_id("accounts")).to_contain_text("Arrears ¥56.20")

        await page.keyboard.press("Alt+n")
        await page.keyboard.type("meter reads 5 😀 <b>twice</b>")
        await expect(page.get_by_test_id("note-state")).to_have_text("Saved")
        await page.keyboard.type(" and more")
        await page.reload()
        await expect(page.get_by_test_id("note")).to_have_value("meter reads 5 😀 <b>twice</b> and more")
        await expect(page.get_by_test_id("note-state")).to_have_text("Saved")

        await page.get_by_test_id("new-order").click()
        await expect(page.get_by_test_id("field-address")).to_have_value("望湖小区7栋1102室")
        await page.get_by_test_id("field-summary").fill("no light")
        await page.get_by_test_id("ticket-order-submit").click()
        await expect(page.get_by_test_id("orders")).to_contain_text("no light")

        await page.get_by_test_id("hang-up").click()
        await expect(page.get_by_test_id("system")).to_have_text("Wrap-up")
        await expect(page.get_by_test_id("code-missing")).to_be_visible()
        await page.get_by_test_id("end-wrap-up").click()
        await expect(page.get_by_test_id("problem")).to_contain_text("Choose what the call was about first")
        await page.get_by_test_id("extend-wrap-up").click()
        await expect(page.get_by_test_id("extend-wrap-up")).to_be_disabled()
        await page.get_by_test_id("code-bill").click()
        await expect(page.get_by_test_id("code-missing")).to_have_count(0)
        await page.get_by_test_id("end-wrap-up").click()
        await expect(page.get_by_test_id("system")).to_have_text("Available")
    (ended,) = centre.of(f.WrapUpEnded)
    assert (ended.by, ended.code_missing) == ("agent", False)
    await expect(page.get_by_test_id("call-note")).to_have_text("meter reads 5 😀 <b>twice</b> and more")
    await expect(page.get_by_test_id("calls")).to_contain_text("李女士")
    await expect(page.get_by_test_id("figure-answered")).to_have_text("1")


async def test_several_who_have_the_number_are_offered_and_one_is_linked(
    page: Page, centre: Centre, password: str, tmp_path: Path
) -> None:
    database = open_database(f"sqlite+aiosqlite:///{tmp_path}/cti.db")
    other = Customer(customer_id=CustomerId("other"), name=EVIL, phones=("+8613900000002",))
    await SqlCustomers(database, SystemClock()).create(other)
    await database.close()
    async with talking(page, centre, password, "13900000002"):
        await expect(page.get_by_test_id("who-is-it")).to_contain_text("Several customers")
        await (
            page.get_by_test_id("candidates")
            .get_by_role("listitem")
            .filter(has_text=EVIL)
            .get_by_test_id("link")
            .click()
        )
        await expect(page.get_by_test_id("caller-name")).to_have_text(EVIL)
        assert await page.locator("main img").count() == 0
        (said,) = [fact for fact in centre.of(f.CallerIdentified) if fact.by == "agent"]
        assert (said.customer_id, said.agent_id) == ("other", "1001")
        await page.reload()
        await expect(page.get_by_test_id("caller-name")).to_have_text(EVIL)


async def test_a_new_customer_is_entered_though_the_session_ends_in_the_middle(
    page: Page, centre: Centre, password: str
) -> None:
    async with talking(page, centre, password, "13911112222"):
        await page.get_by_test_id("new-customer").click()
        await expect(page.get_by_test_id("field-phones")).to_have_value("139 1111 2222")
        await page.get_by_test_id("field-name").fill(EVIL)
        await page.get_by_test_id("field-phones").fill("+86 139-1111-2222; (021) 6888 1234")
        await page.get_by_test_id("flag-elderly").check()
        assert (await page.request.delete(f"{page.url}api/v1/session")).status == 204
        await expect(page.get_by_test_id("sign-in-again")).to_be_visible()
        assert EVIL not in await page.inner_text("body")
        await page.get_by_label("Password").fill(password)
        await page.get_by_role("button", name="Sign in", exact=True).click()
        await expect(page.get_by_test_id("field-name")).to_have_value(EVIL)
        await page.get_by_test_id("customer-form-submit").click()
        await expect(page.get_by_test_id("caller-name")).to_have_text(EVIL)
        await expect(page.get_by_test_id("pop")).to_contain_text("Elderly")
        await expect(page.get_by_test_id("pop")).to_contain_text("021-6888 1234")
        assert await page.locator("main img").count() == 0


async def test_a_note_typed_while_the_server_is_away_or_too_long_is_not_lost(
    page: Page, centre: Centre, password: str
) -> None:
    async with talking(page, centre, password, "13900000003"):
        note, state = page.get_by_test_id("note"), page.get_by_test_id("note-state")
        await page.route("**/api/v1/calls/*/note", lambda route: route.abort())
        await note.fill("typed while away")
        await expect(state).to_contain_text("Not at the server yet")
        await page.unroute("**/api/v1/calls/*/note")
        await note.press("End")
        await note.type(" שלום")
        await expect(state).to_have_text("Saved")
        await note.fill("😀" * 9_600)
        await expect(page.get_by_test_id("note-left")).to_contain_text("9600 / 10000")
        await expect(state).to_contain_text("Saved")
        await note.fill("😀" * 10_001)
        await expect(state).to_contain_text("Too long")
        await page.reload()
        await expect(state).to_contain_text("Too long")
        await note.fill("short again")
        await expect(state).to_have_text("Saved")

        second = await page.context.new_page()
        await second.goto(page.url)
        await expect(second.get_by_test_id("note")).to_have_value("short again")
        await second.get_by_test_id("note").fill("short again, second tab")
        await expect(second.get_by_test_id("note-state")).to_have_text("Saved")
        await note.fill("short again, first tab")
        await expect(note).to_have_value("short again, second tab, first tab")
        await expect(state).to_have_text("Saved")
        await second.close()


@pytest.mark.parametrize("centre", [UNTIL_DONE], indirect=True)
async def test_a_wrap_up_until_done_keeps_the_next_caller_waiting(page: Page, centre: Centre, password: str) -> None:
    async with talking(page, centre, password, "13900000002"):
        await page.get_by_test_id("hang-up").click()
        await expect(page.get_by_test_id("until-done")).to_be_visible()
        await expect(page.get_by_test_id("countdown")).to_have_count(0)
        following = asyncio.create_task(centre.call(TO_A_PERSON, caller="13900000003"))
        await expect(page.get_by_test_id("waiting-general")).to_have_text("1", timeout=20_000)
        await expect(page.get_by_test_id("system")).to_have_text("Wrap-up")
        await page.keyboard.press("Alt+b")
        await page.keyboard.press("1")
        await expect(page.get_by_test_id("code-missing")).to_have_count(0)
        await page.get_by_test_id("end-wrap-up").click()
        await expect(page.get_by_test_id("system")).to_have_text("Talking", timeout=20_000)
    await following
    first, *_ = centre.of(f.WrapUpEnded)
    assert (first.by, first.code_missing) == ("agent", False)


@pytest.mark.parametrize("centre", [TIMED], indirect=True)
async def test_a_timed_wrap_up_keeps_the_next_caller_waiting_once_longer_and_ends_by_itself(
    page: Page, centre: Centre, password: str
) -> None:
    waiting, countdown = page.get_by_test_id("waiting-general"), page.get_by_test_id("countdown")
    async with talking(page, centre, password, "13900000002"):
        await page.get_by_test_id("hang-up").click()
        await expect(page.get_by_test_id("intent")).to_have_text("then Ready")
        await expect(countdown).to_contain_text("0:0")
        await page.get_by_test_id("extend-wrap-up").click()
        await expect(countdown).to_contain_text(re.compile(r"1:0\d|0:5\d"))
        second = asyncio.create_task(centre.call(TO_A_PERSON, caller="13900000003"))
        await expect(waiting).to_have_text("1", timeout=20_000)
        await expect(page.get_by_test_id("extend-wrap-up")).to_be_disabled()
        await expect(page.get_by_test_id("system")).to_have_text("Wrap-up")
        await page.get_by_test_id("end-wrap-up").click()
        await expect(page.get_by_test_id("system")).to_have_text("Talking", timeout=20_000)
        third = asyncio.create_task(centre.call(TO_A_PERSON, caller="13900000002"))
        await expect(waiting).to_have_text("1", timeout=20_000)
        await page.get_by_test_id("hang-up").click()
        await expect(countdown).to_have_class("clock last")
        await expect(waiting).to_have_text("1")
        await expect(page.get_by_test_id("system")).to_have_text("Talking", timeout=20_000)
    await asyncio.gather(second, third)
    extended, started, ended = centre.of(f.WrapUpExtended), centre.of(f.WrapUpStarted), centre.of(f.WrapUpEnded)
    assert [fact.by for fact in ended[:2]] == ["agent", "deadline"]
    assert extended[0].until == started[0].until + 60 * SECOND
    talks = centre.of(f.TalkStarted)
    assert talks[1].at >= ended[0].at
    assert talks[2].at >= started[1].until, "the third caller was put through when it had run out, not before"


@pytest.mark.parametrize("centre", [SHORT], indirect=True)
async def test_a_wrap_up_that_runs_out_keeps_what_was_typed_and_its_code_is_given_later(
    page: Page, centre: Centre, password: str
) -> None:
    async with talking(page, centre, password, "13900000002"):
        await page.get_by_test_id("hang-up").click()
        await expect(page.get_by_test_id("countdown")).to_contain_text("0:0")
        await page.get_by_test_id("note").fill(EVIL)
        await expect(page.get_by_test_id("system")).to_have_text("Available", timeout=20_000)
        await expect(page.get_by_test_id("codes-lacking")).to_contain_text("1")
        await expect(page.get_by_test_id("call-note")).to_have_text(EVIL)
        await page.get_by_test_id("complete").click()
        await page.get_by_test_id("later").get_by_test_id("code-bill").click()
        await expect(page.get_by_test_id("codes-lacking")).to_have_count(0)
    (ended,) = centre.of(f.WrapUpEnded)
    assert (ended.by, ended.code_missing) == ("deadline", True)
    (given,) = centre.of(f.DispositionSet)
    assert given.code == "bill"
