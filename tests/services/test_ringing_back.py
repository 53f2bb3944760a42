"""Whom we ring because somebody said so: a number keyed in, named by a flow, or sent as a caller's own passes the rule that holds
for agents before anything is dialled; who is refused is told, and is not lost. Virtual time.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from cti_server.domain import facts as f
from cti_server.domain.ids import MINUTE, AgentId
from cti_server.domain.orders import CallbackRequest
from cti_server.domain.phrases import phrase
from cti_server.domain.setup import OutsideNumber
from cti_server.errors import CtiError, Forbidden
from tests.services.call_world import DESK, World, queue
from tests.services.doubles import FakeLine, Phone
from tests.services.test_calls import play

OWN, ABROAD, TAKEN = "+8613911112222", "00442079460000", "13900000009"
WAITS = [queue(callback_after_seconds=15)]
AGREES = {1.0: "1", 25.0: "1"}
"""Joins the queue, and wants to be rung back when asked."""
KEYED_IN = (
    DESK.replace("For help press 1.", "Press 1, 2 or 3.")
    .replace("求助请按1。", "请按1、按2或按3。")
    .replace(
        "    keys:\n",
        """    keys:
      2: {to: to_book, label: {en: Callback, zh: 回电}}
      3: {to: to_send, label: {en: Transfer, zh: 转接}}
""",
    )
    + """  to_book:
    kind: collect
    say: {en: "Your number?", zh: "您的号码？"}
    save: given
    most: 16
    next: book
  to_send:
    kind: collect
    say: {en: "Where to?", zh: "转到哪里？"}
    save: given
    most: 16
    next: send
  book:
    kind: create
    what: callback
    fields: {number: given}
    save: booked
    failed: help
    next: done
  done:
    kind: hangup
    say: {en: "We will call you.", zh: "我们会回电。"}
  send:
    kind: transfer
    target: given
"""
)


def said(line: FakeLine, name: str) -> int:
    """How often the caller heard it."""
    (text,) = phrase(name, "en")
    return line.heard.count(text)


def rung(world: World) -> list[str]:
    return [wish[1] for wish in world.switch.wishes if wish[0] == "originate"]


def test_a_number_keyed_in_is_booked_and_rung(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        await world.start(world.line({**AGREES, 28.0: "2", 30.0: f"{TAKEN}#"}))
        world.agent_ready("1001", Phone())
        await asyncio.sleep(1)

    world = play(tmp_path, story, setup=WAITS)
    assert rung(world) == ["PJSIP/+8613900000009@trunk"]


@pytest.mark.parametrize(("keys", "told"), [(ABROAD, "number_refused"), ("110", "invalid_key"), ("123", "invalid_key")])
def test_who_keys_in_what_may_not_be_called_is_told_and_offered_his_own_number(
    tmp_path: Path, keys: str, told: str
) -> None:
    async def story(world: World) -> None:
        line = world.line({**AGREES, 28.0: "2", 30.0: f"{keys}#", 37.0: "1"})
        await world.start(line)
        assert said(line, told) == 1
        world.agent_ready("1001", Phone())
        await asyncio.sleep(1)

    world = play(tmp_path, story, setup=WAITS)
    assert [fields["number"] for _, fields in world.tickets.kept] == [OWN]
    assert rung(world) == [f"PJSIP/{OWN}@trunk"]


def test_who_gives_no_number_we_may_call_waits_on_for_a_person(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        line = world.line({**AGREES, 28.0: "2", 30.0: f"{ABROAD}#", 36.5: "2", 38.5: f"{ABROAD}#"})
        task = world.start(line)
        await asyncio.sleep(60)
        assert (said(line, "number_refused"), said(line, "callback_failed")) == (2, 1)
        world.agent_ready("1001", Phone(talks=5))
        await task

    world = play(tmp_path, story, setup=WAITS)
    assert (world.tickets.kept, rung(world)) == ([], [])
    assert [fact.outcome for fact in world.of(f.VisitEnded)] == ["answered"]
    assert len(world.of(f.VisitStarted)) == 1


def test_a_caller_from_where_we_may_not_call_is_not_offered_his_own_number(tmp_path: Path) -> None:
    """What a caller's number says is the caller's to choose: it could be one that costs us."""

    async def story(world: World) -> None:
        line = world.line({**AGREES, 27.5: f"{TAKEN}#"}, number=ABROAD)
        await world.start(line)
        assert said(line, "callback_enter_number") == 1

    world = play(tmp_path, story, setup=WAITS)
    assert [fields["number"] for _, fields in world.tickets.kept] == ["+8613900000009"]


def test_a_number_taken_out_of_the_directory_is_not_rung_any_more(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.outside.replace({"n": OutsideNumber(number=ABROAD, name="London")})
        await world.start(world.line({**AGREES, 28.0: "2", 30.0: f"{ABROAD}#"}))
        assert [fields["number"] for _, fields in world.tickets.kept] == ["+442079460000"]
        world.outside.replace({})
        with pytest.raises(Forbidden):
            world.callbacks.now("t1", AgentId("1001"))
        assert world.tickets.ended == []
        world.agent_ready("1001", Phone())
        await asyncio.sleep(60)
        assert world.floor.state(AgentId("1001")).free

    world = play(tmp_path, story, setup=WAITS)
    assert rung(world) == []
    assert world.tickets.ended == [("t1", "unreachable")]


def test_a_callback_of_a_flow_to_what_may_not_be_called_is_told_and_leads_to_a_person(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.agent_ready("1001", Phone(talks=5))
        line = world.line({1.5: "2", 3.5: f"{ABROAD}#"})
        await world.start(line)
        assert said(line, "number_refused") == 1
        booked = world.line({1.5: "2", 3.5: f"{TAKEN}#"})
        await world.start(booked)
        assert "We will call you." in booked.heard

    world = play(tmp_path, story, flow=KEYED_IN)
    assert [fields["number"] for _, fields in world.tickets.kept] == ["+8613900000009"]
    assert len(world.of(f.TalkStarted)) == 1


def test_a_flow_sends_nobody_to_a_number_he_keyed_in_that_may_not_be_called(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        for number in (ABROAD, TAKEN):
            world.switch.phones[f"{world.outside.read(number)}@trunk"] = Phone(talks=3)
        world.agent_ready("1001", Phone(talks=5))
        await world.start(world.line({1.5: "3", 3.5: f"{ABROAD}#"}))
        assert [fact.agent_id for fact in world.of(f.TalkStarted)] == ["1001"]
        await world.start(world.line({1.5: "3", 3.5: f"{TAKEN}#"}))

    world = play(tmp_path, story, flow=KEYED_IN)
    assert [fact.target for fact in world.of(f.CallTransferred)] == [TAKEN]
    assert len(world.of(f.TalkStarted)) == 1


# ---- when, and by whom ----------------------------------------------------------------------------------------


def _request(world: World, minutes: float | None = None) -> CallbackRequest:
    due_at = None if minutes is None else world.clock.now() + int(minutes * MINUTE)
    now = world.clock.now()
    return CallbackRequest("+8613900000001", "general", 0, now, (), "en", {}, due_at=due_at)


def _rung(world: World) -> list[str]:
    return [wish[1] for wish in world.switch.wishes if wish[0] == "originate"]


def test_a_callback_is_not_rung_before_it_is_due_and_then_like_a_caller_of_that_moment(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.agent_ready("1001")
        request = _request(world, 90)
        world.callbacks.wanted("t1", request)
        await asyncio.sleep(90 * 60 - 1)
        assert not _rung(world)
        await asyncio.sleep(2)
        assert len(_rung(world)) == 1
        (visit,) = world.of(f.VisitStarted)
        assert visit.entered_at == request.due_at

    play(tmp_path, story)


def test_a_callback_may_change_until_it_is_rung_and_rings_the_new_number_only(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.callbacks.wanted("t1", _request(world, 30))
        booked = world.callbacks.take("t1")
        assert booked is not None
        assert world.callbacks.take("t1") is None, "taken, so nobody else has it"
        world.callbacks.wanted("t1", replace(booked, number="+8613900000002", due_at=None))
        waiting = world.callbacks.take("t1")
        assert waiting is not None, "due now, and nobody is free"
        world.callbacks.wanted("t1", waiting)
        world.agent_ready("1001")
        await asyncio.sleep(1)
        assert world.callbacks.take("t1") is None, "it is being rung"
        await asyncio.sleep(30 * 60)
        assert {"13900000002" in number for number in _rung(world)} == {True}
        assert world.callbacks.take("t1") is None, "it was rung"

    play(tmp_path, story)


def test_an_agent_calls_back_by_hand_before_it_is_due_and_between_attempts(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.agent_ready("1001")
        world.agent_ready("1002")
        world.callbacks.wanted("t1", _request(world, 600))
        assert world.callbacks.now("t1", AgentId("1002"))
        await asyncio.sleep(1)
        assert [fact.agent_id for fact in world.of(f.AgentOffered)] == ["1002"], "his own, whoever else is free"
        assert not world.callbacks.now("t1", AgentId("1001")), "it is being rung"
        while not world.of(f.CallbackAttempted):
            await asyncio.sleep(1)
        assert world.callbacks.take("t1") is None, "it was rung"
        assert world.callbacks.now("t1", AgentId("1001")), "before it is tried again by itself"
        await asyncio.sleep(1)
        assert [fact.agent_id for fact in world.of(f.AgentOffered)] == ["1002", "1001"]

    play(tmp_path, story)


def test_a_callback_its_agent_cannot_take_now_waits_on_until_it_is_due(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.callbacks.wanted("t1", _request(world, 60))
        with pytest.raises(CtiError):
            world.callbacks.now("t1", AgentId("1001"))
        world.agent_ready("1001")
        await asyncio.sleep(59 * 60)
        assert not _rung(world)
        await asyncio.sleep(120)
        assert _rung(world)

    play(tmp_path, story)
