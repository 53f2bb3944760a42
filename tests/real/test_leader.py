"""A shift leader on a real Asterisk: listens, whispers, barges in; gives a waiting caller away; pauses an agent in a talk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from cti_server.domain import facts as f
from cti_server.domain.ids import AgentId
from cti_server.errors import Conflict
from cti_server.lab.asterisk import AsteriskInstance
from cti_server.lab.phones import AgentPhone, Behaviour, Talk
from cti_server.services.configuration import By
from tests.real.centre import Centre, open_centre

pytestmark = pytest.mark.real
AGENT, CALLER, LEADER = 620.0, 1004.0, 1500.0
"""What each of them plays, Hz."""
AUDIBLE = 0.15
"""Share of the power at which a tone is one of two or three that are heard."""
SUBJECT, OWN = AgentId("1001"), AgentId("1900")


@pytest.fixture
async def centre(asterisk: AsteriskInstance, tmp_path: Path) -> AsyncIterator[Centre]:
    async with open_centre(asterisk, tmp_path) as opened:
        yield opened


async def hear(talk: Talk, *wanted: float) -> None:
    """Until these tones, and no other of the three, are heard."""
    talk.forget()
    others = {AGENT, CALLER, LEADER} - set(wanted)
    async with asyncio.timeout(8):
        while not all(talk.hears(tone, share=AUDIBLE) for tone in wanted) or any(
            talk.hears(tone, share=AUDIBLE / 10) for tone in others
        ):
            await asyncio.sleep(0.1)


async def caller_to(centre: Centre, number: str) -> tuple[AgentPhone, Talk]:
    """A caller whose ears we have: a phone that dials a queue by its code."""
    phone = await centre.bank.phone("1003", centre.asterisk.password("1003"), Behaviour(tone=CALLER))
    return phone, await phone.call(number)


async def test_a_leader_listens_whispers_barges_in_and_leaves(centre: Centre) -> None:
    agent = await centre.agent("1001", Behaviour(answer_after=0.2, tone=AGENT))
    leader = await centre.agent("1900", Behaviour(answer_after=0.2, tone=LEADER), ready=False)
    listening = centre.server.leader.listening
    with pytest.raises(Conflict, match="not talking"):
        await listening.listen(SUBJECT, "listen", "1900", OWN)
    phone, caller = await caller_to(centre, "6001")
    talk = await agent.answers()
    await hear(talk, CALLER)
    await hear(caller, AGENT)

    await listening.listen(SUBJECT, "listen", "1900", OWN)
    (started,) = await centre.until(f.ListenStarted)
    assert (started.subject, started.by, started.mode) == ("1001", "1900", "listen")
    await hear(leader.talk, AGENT, CALLER)
    await hear(talk, CALLER)
    await hear(caller, AGENT)

    await listening.listen(SUBJECT, "whisper", "1900", OWN)
    await hear(talk, CALLER, LEADER)
    await hear(caller, AGENT)
    await hear(leader.talk, AGENT, CALLER)

    await listening.listen(SUBJECT, "barge", "1900", OWN)
    await hear(caller, AGENT, LEADER)
    await hear(talk, CALLER, LEADER)
    assert [fact.mode for fact in centre.of(f.ListenModeChanged)] == ["whisper", "barge"]
    assert len(leader.talks) == 1, "the mode changes without a new call"

    await listening.end("1900")
    await centre.until(f.ListenEnded)
    await hear(talk, CALLER)
    await hear(caller, AGENT)
    assert listening.of("1900") is None
    await phone.hang_up()
    await centre.calls_over()


async def test_listening_ends_with_the_talk(centre: Centre) -> None:
    agent = await centre.agent("1001", Behaviour(answer_after=0.2, tone=AGENT))
    leader = await centre.agent("1900", Behaviour(answer_after=0.2, tone=LEADER), ready=False)
    phone, _ = await caller_to(centre, "6001")
    await agent.answers()
    await centre.until(f.TalkStarted)
    await centre.server.leader.listening.listen(SUBJECT, "listen", "1900", OWN)
    await centre.until(f.ListenStarted)
    await phone.hang_up()
    await centre.until(f.ListenEnded)
    async with asyncio.timeout(5):
        await leader.talk.ended.wait()
    await centre.calls_over()
    assert len(centre.of(f.ListenStarted)) == len(centre.of(f.ListenEnded)) == 1


async def test_a_waiting_caller_is_given_away_and_a_pause_in_a_talk_holds_after_it(centre: Centre) -> None:
    waits = asyncio.create_task(centre.call("wait 0.5; digits 0; wait 12; hangup"))
    (visit,) = await centre.until(f.VisitStarted)
    floor, leader, other = centre.server.floor, centre.server.leader.control, AgentId("1002")
    await leader.move(other, {"billing": 5}, By("1900"))
    phone = await centre.agent(other, Behaviour(answer_after=0.2, hang_up_after=2.0))
    await asyncio.sleep(0.5)
    assert not centre.of(f.AgentOffered), "he does not serve that queue"
    leader.assign(visit.call_id, other, "1900")
    await phone.answers()
    (talk,) = await centre.until(f.TalkStarted)
    assert talk.agent_id == other
    floor.pause(other, "training", "1900")
    assert floor.state(other).system == "talking", "the talk goes on"
    await centre.until(f.WrapUpStarted)
    floor.end_wrap_up(other, "1900")
    state = floor.state(other)
    assert (state.intent, state.reason, state.by, state.free) == ("paused", "training", "1900", False)
    with suppress(asyncio.CancelledError):
        await waits
    await centre.calls_over()


async def test_an_agent_moved_to_a_queue_gets_its_waiting_caller(centre: Centre) -> None:
    task = asyncio.create_task(centre.call("wait 0.5; digits 0; wait 8; hangup"))
    (visit,) = await centre.until(f.VisitStarted)
    floor, leader, other = centre.server.floor, centre.server.leader.control, AgentId("1002")
    await leader.move(other, {"billing": 5}, By("1900"))
    phone = await centre.agent(other, Behaviour(answer_after=0.2))
    await asyncio.sleep(0.5)
    assert not centre.of(f.AgentOffered), "he does not serve that queue"
    await leader.move(other, {visit.queue: 5}, By("1900"))
    await phone.answers()
    await centre.until(f.TalkStarted)
    assert dict(floor.agent(other).queues) == {visit.queue: 5}
    await task
    await centre.calls_over()
