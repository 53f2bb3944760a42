"""Agents at work on a real Asterisk: they answer, refuse, miss, vanish, hold, transfer, consult, and ring callers back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cti_server.domain import facts as f
from cti_server.domain.ids import AgentId
from cti_server.lab.asterisk import AsteriskInstance
from cti_server.lab.phones import AgentPhone, Behaviour, Talk, vanishing_phone
from tests.real.centre import Centre, QueueChanges, open_centre

pytestmark = pytest.mark.real
PERSON = "wait 0.5; digits 0; wait {}; hangup"
ANSWERS = Behaviour(answer_after=0.2)


@pytest.fixture
def queues() -> QueueChanges:
    """How the sample queues differ in a story: name → settings."""
    return {}


@pytest.fixture
async def centre(asterisk: AsteriskInstance, tmp_path: Path, queues: QueueChanges) -> AsyncIterator[Centre]:
    async with open_centre(asterisk, tmp_path, queues) as opened:
        yield opened


@asynccontextmanager
async def calling(centre: Centre, seconds: float = 12, **more: str) -> AsyncIterator[None]:
    """A caller who asks for a person and stays `seconds`; all is over after the block."""
    task = asyncio.create_task(centre.call(PERSON.format(seconds), **more))
    try:
        yield
    finally:
        report = await task
        await centre.calls_over()
        report.check_quiet()


async def consult(phone: AgentPhone, target: str) -> tuple[Talk, Talk]:
    """The agent answers the caller, holds him and calls a colleague: both lines of his phone."""
    first = await phone.answers()
    await first.wait_bridged()
    await phone.hold()
    return first, await phone.call(target)


def tidy(centre: Centre) -> None:
    """What holds after every story: nothing is open, nothing ended twice."""
    assert len(centre.of(f.CallArrived)) == len(centre.of(f.CallEnded))
    assert len(centre.of(f.VisitStarted)) == len(centre.of(f.VisitEnded))
    assert len(centre.of(f.AgentOffered)) == len(centre.of(f.OfferEnded))
    assert len(centre.of(f.TalkStarted)) == len(centre.of(f.TalkEnded))
    assert len(centre.of(f.HoldStarted)) == len(centre.of(f.HoldEnded))


async def test_caller_hangs_up_first(centre: Centre) -> None:
    phone = await centre.agent("1001", ANSWERS)
    async with calling(centre, 4):
        talk = await phone.answers()
        await talk.ended.wait()
    assert [fact.side for fact in centre.of(f.TalkEnded)] == ["caller"]
    assert [fact.side for fact in centre.of(f.CallEnded)] == ["caller"]
    tidy(centre)


async def test_agent_hangs_up_first_and_the_caller_rates_him(centre: Centre) -> None:
    phone = await centre.agent("1001", Behaviour(answer_after=0.2, hang_up_after=1.0))
    task = asyncio.create_task(centre.call("wait 0.5; digits 0; wait 6; digits 5; wait 4; hangup"))
    talk = await phone.answers()
    await talk.ended.wait()
    await task
    await centre.calls_over()
    assert [fact.side for fact in centre.of(f.TalkEnded)] == ["agent"]
    assert [(fact.score, fact.agent_id) for fact in centre.of(f.SurveyAnswered)] == [(5, "1001")]
    tidy(centre)


async def test_refused_missed_then_taken_by_a_colleague(centre: Centre) -> None:
    refusing = await centre.agent("1001", Behaviour(refuse=True))
    async with calling(centre, 8):
        await refusing.rings()
        await centre.until(f.OfferEnded)
        colleague = await centre.agent("1002", ANSWERS)
        talk = await colleague.answers()
        await talk.ended.wait()
    assert [(fact.agent_id, fact.result) for fact in centre.of(f.OfferEnded)] == [
        ("1001", "rejected"),
        ("1002", "answered"),
    ]
    assert len(centre.of(f.VisitStarted)) == 1
    tidy(centre)


async def test_caller_gives_up_while_the_phone_rings(centre: Centre) -> None:
    phone = await centre.agent("1001", Behaviour(answer_after=None))
    async with calling(centre, 4):
        talk = await phone.rings()
        await talk.ended.wait()
    assert [fact.result for fact in centre.of(f.OfferEnded)] == ["caller_gone"]
    assert [fact.outcome for fact in centre.of(f.VisitEnded)] == ["abandoned"]
    assert centre.server.floor.state(AgentId("1001")).free
    tidy(centre)


async def test_a_phone_that_went_away_is_not_offered_callers(centre: Centre) -> None:
    phone = await centre.agent("1001", ANSWERS)
    await phone.unregister()
    await centre.until(f.AgentUnreachable)
    async with calling(centre, 3):
        await centre.until(f.VisitStarted)
    assert centre.of(f.AgentOffered) == []
    assert [fact.outcome for fact in centre.of(f.VisitEnded)] == ["abandoned"]


async def test_hold_is_on_the_timeline(centre: Centre) -> None:
    phone = await centre.agent("1001", ANSWERS)
    async with calling(centre, 8):
        talk = await phone.answers()
        await talk.wait_bridged()
        await phone.hold()
        await centre.until(f.HoldStarted)
        await phone.unhold()
        await centre.until(f.HoldEnded)
        await phone.hang_up()
    tidy(centre)


@pytest.mark.parametrize("target", ["6003", "1002"])
async def test_blind_transfer_from_the_phone(centre: Centre, target: str) -> None:
    phone = await centre.agent("1001", ANSWERS)
    colleague = await centre.agent("1002", ANSWERS)
    async with calling(centre, 12):
        await phone.answers()
        await phone.transfer(target)
        talk = await colleague.answers()
        await colleague.hang_up()
        await talk.ended.wait()
    assert [(fact.how, fact.target, fact.by) for fact in centre.of(f.CallTransferred)] == [("blind", target, "1001")]
    assert [fact.agent_id for fact in centre.of(f.TalkStarted)] == ["1001", "1002"]
    assert [fact.side for fact in centre.of(f.TalkEnded)] == ["transfer", "agent"]
    assert len({fact.call_id for fact in centre.of(f.TalkStarted)}) == 1
    assert len(centre.of(f.CallArrived)) == len(centre.of(f.CallEnded)) == 1
    tidy(centre)


async def test_blind_transfer_from_the_desk(centre: Centre) -> None:
    phone = await centre.agent("1001", ANSWERS)
    colleague = await centre.agent("1002", ANSWERS)
    async with calling(centre, 10):
        talk = await phone.answers()
        await talk.wait_bridged()
        await centre.server.desk.transfer("1001", "1002", "blind")
        await colleague.answers()
        await colleague.hang_up()
    assert [fact.side for fact in centre.of(f.TalkEnded)] == ["transfer", "agent"]
    tidy(centre)


async def test_attended_transfer_to_an_agent(centre: Centre) -> None:
    phone = await centre.agent("1001", ANSWERS)
    colleague = await centre.agent("1002", ANSWERS)
    async with calling(centre, 14):
        first, consultation = await consult(phone, "1002")
        await consultation.wait_bridged()
        await phone.complete_transfer(first, consultation)
        await centre.until(f.CallTransferred)
        await colleague.hang_up()
    assert [(fact.how, fact.target) for fact in centre.of(f.CallTransferred)] == [("attended", "1002")]
    caller = centre.of(f.CallArrived)[0].call_id
    talks = [fact.agent_id for fact in centre.of(f.TalkStarted) if fact.call_id == caller]
    assert talks == ["1001", "1002"]
    tidy(centre)


async def test_attended_transfer_to_a_queue_after_the_colleague_answered(centre: Centre) -> None:
    phone = await centre.agent("1001", ANSWERS)
    colleague = await centre.agent("1003", ANSWERS)
    async with calling(centre, 16):
        first, consultation = await consult(phone, "6004")
        await centre.until(f.TalkStarted, 2)
        await phone.complete_transfer(first, consultation)
        await centre.until(f.CallTransferred)
        await colleague.hang_up()
    caller = centre.of(f.CallArrived)[0].call_id
    assert [fact.agent_id for fact in centre.of(f.TalkStarted) if fact.call_id == caller] == ["1001", "1003"]
    tidy(centre)


async def test_attended_transfer_into_a_queue_that_still_waits(centre: Centre) -> None:
    phone = await centre.agent("1001", ANSWERS)
    async with calling(centre, 18):
        first, consultation = await consult(phone, "q-repair")
        await centre.until(f.VisitStarted, 2)
        await phone.complete_transfer(first, consultation)
        await centre.until(f.CallTransferred)
        colleague = await centre.agent("1003", ANSWERS)
        await colleague.answers()
        await centre.until(f.TalkStarted, 2)
        await colleague.hang_up()
    assert [fact.agent_id for fact in centre.of(f.TalkStarted)] == ["1001", "1003"]
    tidy(centre)


@pytest.mark.parametrize("queues", [{"general": {"callback_after_seconds": 1}}])
async def test_a_callback_is_carried_out(centre: Centre) -> None:
    """The caller leaves his number; at his turn we ring it, he presses a key, and talks to the agent."""
    report = await centre.call("wait 0.5; digits 0; wait 6; digits 1; wait 2; digits 1; wait 12")
    assert report.ended_by == "switch"
    await centre.calls_over()
    listening = asyncio.create_task(
        centre.caller.called(centre.asterisk.ports.carrier, script="wait 2; digits 1; wait 6; hangup")
    )
    await asyncio.sleep(0.5)
    phone = await centre.agent("1001", ANSWERS)
    await phone.answers(timeout=30)
    await listening
    await centre.calls_over()
    first, second = centre.of(f.VisitStarted)
    assert second.entered_at == first.entered_at
    assert [fact.outcome for fact in centre.of(f.VisitEnded)] == ["callback", "answered"]
    assert [fact.reached for fact in centre.of(f.CallbackAttempted)] == [True]
    tidy(centre)


@pytest.mark.parametrize("queues", [{"general": {"overflow_after_seconds": 1.5, "overflow_to": "vip"}}])
async def test_a_queue_overflows_into_another_and_the_place_in_time_is_kept(centre: Centre) -> None:
    phone = await centre.agent("1004", ANSWERS)
    centre.server.floor.pause(AgentId("1004"), "meeting")
    async with calling(centre, 8):
        await centre.until(f.VisitStarted, 2)
        centre.server.floor.ready(AgentId("1004"))
        await phone.answers()
    general, vip = centre.of(f.VisitStarted)
    assert (general.queue, vip.queue) == ("general", "vip")
    assert vip.entered_at == general.entered_at
    assert [fact.outcome for fact in centre.of(f.VisitEnded)] == ["overflowed", "answered"]
    tidy(centre)


async def test_a_phone_that_vanishes_while_it_rings_costs_the_caller_only_time(centre: Centre) -> None:
    async with vanishing_phone(
        "127.0.0.1", centre.asterisk.ports.sip, "1001", centre.asterisk.password("1001"), Behaviour(answer_after=None)
    ) as phone:
        await centre.signed_in("1001")
        async with calling(centre, 30):
            await centre.until(f.OfferRinging)
            phone.vanish()
            colleague = await centre.agent("1002", ANSWERS)
            await colleague.answers(timeout=40)
            await colleague.hang_up()
    first, second = centre.of(f.OfferEnded)
    assert (first.agent_id, second.agent_id, second.result) == ("1001", "1002", "answered")
    assert first.result in ("no_answer", "unreachable")
    tidy(centre)
