"""The server killed with -9, Asterisk killed under it, links and databases cut: what callers and agents live through.

Everything is asked of the database afterwards: each test ends with `Site.check_timeline`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from cti_server.domain import facts as f
from cti_server.lab.asterisk import AsteriskInstance
from cti_server.lab.phones import Behaviour
from tests.real.server_process import Site, now, open_site

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]
TONE = 700.0
"""What callers say, Hz."""
QUEUES = {
    "general": {"ring_seconds": 5, "wrap_up_seconds": 1, "pair_backoff_seconds": 1, "agent_backoff_seconds": 1},
    "english": {"ring_seconds": 30, "wrap_up_seconds": 1},
}
PERSON = "wait 1; digits 0; "


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AsteriskInstance]:
    """An Asterisk for this file: some tests kill it."""
    instance = AsteriskInstance(tmp_path_factory.mktemp("asterisk"))
    asyncio.run(instance.start())
    yield instance
    asyncio.run(instance.close())


@pytest.fixture
async def site(switch: AsteriskInstance, tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(switch, tmp_path, queues=QUEUES) as opened:
        yield opened


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A caller's script: ask for a person and speak a tone for a long time."""
    path = tmp_path_factory.mktemp("speech") / "tone.wav"
    samples = np.sin(2 * np.pi * TONE / 8000 * np.arange(8000 * 90)) * 0.3
    soundfile.write(path, samples, 8000, subtype="PCM_16")
    return f"{PERSON}speech {path}"


async def sent_to_carrier(asterisk: AsteriskInstance) -> int:
    """Sound packets Asterisk has sent to callers so far."""
    lines = (await asterisk.cli("pjsip show channelstats")).splitlines()
    return sum(int(line.split()[8]) for line in lines if "trunk" in line)


async def test_callers_in_every_state_outlive_the_server(site: Site, speech: str) -> None:
    talking = await site.agent("1001")
    talk = await site.call(speech, caller="13900000011")
    await site.until(f.TalkStarted, call_id=talk)
    ringing = await site.agent("1002", Behaviour(answer_after=None))
    rung = await site.call(speech, caller="13900000012", to="4008")
    await site.until(f.OfferRinging, call_id=rung)
    await site.agent("1003", ready=False)
    await site.wish("1003", "pause", reason="break")
    first = await site.call(PERSON + "wait 60", caller="13900000013")
    (first_visit,) = await site.until(f.VisitStarted, call_id=first)
    second = await site.call(PERSON + "wait 60", caller="13900000014")
    (second_visit,) = await site.until(f.VisitStarted, call_id=second)
    menu = await site.call("wait 12; digits 2; wait 2; digits 1; wait 4; digits 135790; wait 40", caller="13900000002")
    await site.until(f.FlowEntered, call_id=menu)
    await asyncio.sleep(0.5)

    killed = await site.server.kill()
    talking.talk.forget()
    await talking.talk.wait_hears(TONE)
    sent = await sent_to_carrier(site.asterisk)
    await ringing.talk.call.answer()
    await ringing.talk.answered.wait()
    await ringing.talk.wait_hears(TONE)
    assert await sent_to_carrier(site.asterisk) > sent
    await site.server.start()
    back = now()

    # the menu: the same call goes on
    assert (await site.until(f.CallResumed, call_id=menu))[0].stage == "menu"
    # those who wait keep call, visit, time of entry and order
    for waiting, visit in ((first, first_visit), (second, second_visit)):
        assert (await site.until(f.CallResumed, call_id=waiting))[0].stage == "waiting"
        (kept,) = (await site.record(waiting)).visits
        assert (kept.visit_id, kept.entered_at, kept.open) == (visit.visit_id, visit.entered_at, True)
    # a talk that began while nobody saw it is seen now
    (begun,) = await site.until(f.TalkStarted, call_id=rung)
    gap = await site.check_gap(killed, back)
    assert begun.agent_id == "1002"
    assert begun.at <= gap.at + 1_000_000
    # intents are as the agents left them
    await site.state("1001", intent="ready", system="talking")
    await site.state("1002", intent="ready", system="talking")
    assert ((await site.me("1003"))["intent"], (await site.me("1003"))["reason"]) == ("paused", "break")
    talking.talk.forget()
    await talking.talk.wait_hears(TONE)

    await talking.hang_up()
    assert (await site.until(f.TalkEnded, call_id=talk))[0].side == "agent"
    assert (await site.until(f.TalkStarted, call_id=first))[0].agent_id == "1001"
    assert not await site.of(f.TalkStarted, call_id=second)
    await ringing.hang_up()
    assert (await site.until(f.TalkEnded, call_id=rung))[0].side == "agent"
    assert (await site.until(f.OfferRinging, call_id=second))[0].agent_id == "1002"
    await ringing.talk.call.answer()
    await site.until(f.TalkStarted, call_id=second)
    await site.until(f.LookupDone, call_id=menu, node="find_balance", outcome="found")
    await site.hang_up_all()
    await site.check_timeline()
    assert [visit.outcome for visit in (await site.record(second)).visits] == ["answered"]
