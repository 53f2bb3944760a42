"""Calls agents place, and callers sent to numbers outside, on a real Asterisk with real phones on both sides."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cti_server.config import CallSettings
from cti_server.domain import facts as f
from cti_server.domain.ids import AgentId
from cti_server.lab.asterisk import AsteriskInstance
from cti_server.lab.phones import Behaviour
from tests.real.centre import Centre, open_centre
from tests.real.outside import outside

pytestmark = pytest.mark.real
ONE = AgentId("1001")
ANSWERS = Behaviour(answer_after=0.2)
KNOWN = "13900000001"


@pytest.fixture
async def centre(asterisk: AsteriskInstance, tmp_path: Path) -> AsyncIterator[Centre]:
    calls = CallSettings(node=asterisk.node, hours="always", transfer_ring_seconds=4)
    async with open_centre(asterisk, tmp_path, calls=calls) as opened:
        yield opened


def system(centre: Centre) -> str:
    return centre.server.floor.state(ONE).system


async def test_a_call_from_the_desk_rings_his_phone_then_the_number(centre: Centre) -> None:
    phone = await centre.agent("1001", ANSWERS)
    async with outside(centre):
        await centre.server.desk.place_call("1001", "139-0000-0001")
        assert system(centre) == "dialling"
        talk = await phone.answers()
        await centre.until(f.TalkStarted)
        await talk.wait_bridged()
        pop = await centre.server.desk.pop("1001")
        assert pop
        assert (pop["direction"], pop["dialling"], pop["customer"]["tier"]) == ("outbound", None, "vip")
        await centre.server.desk.hang_up("1001")
    assert [fact.side for fact in centre.of(f.TalkEnded)] == ["agent"]
    assert len(centre.of(f.PartyRinging)) == 1
    assert system(centre) == "wrap_up"
    call_id = centre.of(f.CallPlaced)[0].call_id
    work = centre.server.work
    await work.save_note("1001", call_id, "told him when power is back", 0)
    await work.set_disposition("1001", call_id, (await work.codes())[0]["code"])
    own = (await work.worked("1001", 10))[0]
    assert (own["direction"], own["outcome"], own["note"]) == ("outbound", "answered", "told him when power is back")
    figures = await work.figures("1001")
    assert (figures["placed"], figures["reached"], figures["answered"]) == (1, 1, 0)
    card = await centre.server.desk.customer(pop["customer"]["customer_id"])
    assert (card["contacts"][0]["direction"], card["contacts"][0]["outcome"]) == ("outbound", "answered")
    assert not centre.of(f.VisitStarted)


@pytest.mark.parametrize(
    ("refuse", "after", "result"), [(486, 0.2, "busy"), (404, 0.2, "unreachable"), (0, 9, "no_answer")]
)
async def test_who_is_not_reached_is_told(centre: Centre, refuse: int, after: float, result: str) -> None:
    """Dialled on the phone itself."""
    phone = await centre.agent("1001", ANSWERS, ready=False)
    async with outside(centre, after=after, refuse=refuse):
        dialling = asyncio.create_task(phone.call(KNOWN))
        ended = await centre.until(f.CallNotReached)
        await centre.calls_over()
        dialling.cancel()
        await asyncio.wait({dialling})
    assert [fact.result for fact in ended] == [result]
    assert system(centre) == "wrap_up"


async def test_whom_he_called_is_sent_on_to_a_colleague(centre: Centre) -> None:
    phone, colleague = await centre.agent("1001", ANSWERS), await centre.agent("1002", ANSWERS)
    async with outside(centre):
        await centre.server.desk.place_call("1001", KNOWN)
        await phone.answers()
        await centre.until(f.TalkStarted)
        await centre.server.desk.transfer("1001", "1002", "blind")
        await colleague.answers()
        await centre.until(f.TalkStarted, 2)
        await colleague.hang_up()
    assert [fact.agent_id for fact in centre.of(f.TalkStarted)] == ["1001", "1002"]
    assert [fact.side for fact in centre.of(f.TalkEnded)] == ["transfer", "agent"]
    assert len({fact.call_id for fact in centre.of(f.TalkStarted)}) == 1
    one_end_and_nothing_after(centre)


def one_end_and_nothing_after(centre: Centre) -> None:
    """Of each call; an agent's wrap-up is no longer the call's."""
    ends = {fact.call_id: place for place, fact in enumerate(centre.facts) if isinstance(fact, f.CallEnded)}
    assert len(ends) == len(centre.of(f.CallEnded)) == len(centre.of(f.CallArrived))
    late = [fact for place, fact in enumerate(centre.facts) if place > ends.get(f.call_id_of(fact), place)]  # type: ignore[arg-type]
    assert not [fact for fact in late if isinstance(fact, f.CallFact)]


@pytest.mark.parametrize("how", ["blind", "attended"])
async def test_a_caller_is_sent_to_a_number_outside(centre: Centre, how: str) -> None:
    phone = await centre.agent("1001", ANSWERS)
    calling = asyncio.create_task(centre.call("wait 0.5; digits 0; wait 12; hangup"))
    await phone.answers()
    await centre.until(f.TalkStarted)
    async with outside(centre):
        if how == "blind":
            await centre.server.desk.transfer("1001", "0571 8888 1111", "blind")
        else:
            await centre.server.desk.transfer("1001", "0571 8888 1111", "attended")
            await asyncio.sleep(2.5)
            await centre.server.desk.consult("1001", "complete")
        transferred = await centre.until(f.CallTransferred)
        await calling
    assert [(fact.how, fact.target, fact.by) for fact in transferred] == [(how, "+8657188881111", "1001")]
    assert [fact.side for fact in centre.of(f.TalkEnded)] == ["transfer"]
    first = centre.of(f.CallArrived)[0].call_id
    assert [fact.side for fact in centre.of(f.CallEnded) if fact.call_id == first] == ["caller"]
    assert len(centre.of(f.CallArrived)) == len(centre.of(f.CallEnded))
