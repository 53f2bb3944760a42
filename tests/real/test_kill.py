"""The server killed with -9, Asterisk killed under it, links and databases cut: what callers and agents live through.

Everything is asked of the database afterwards: each test ends with `Site.check_timeline`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from cti_server.domain import facts as f
from cti_server.domain.ids import CallId
from cti_server.lab.asterisk import AsteriskInstance
from cti_server.lab.phones import Behaviour
from cti_server.lab.postgres import PostgresInstance
from tests.real.server_process import Site, now, open_site, process

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]
TONE = 700.0
"""What callers say, Hz."""
QUEUES = {
    "general": {"ring_seconds": 5, "wrap_up_seconds": 1, "pair_backoff_seconds": 1, "agent_backoff_seconds": 1},
    "english": {"ring_seconds": 20, "wrap_up_seconds": 1},
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
    talk = await site.call(speech, caller="13900000111")
    await site.until(f.TalkStarted, call_id=talk)
    ringing = await site.agent("1002", Behaviour(answer_after=None))
    rung = await site.call(speech, caller="13900000112", to="4008")
    await site.until(f.OfferRinging, call_id=rung)
    await site.agent("1003", ready=False)
    await site.wish("1003", "pause", reason="break")
    first = await site.call(PERSON + "wait 60", caller="13900000113")
    (first_visit,) = await site.until(f.VisitStarted, call_id=first)
    second = await site.call(PERSON + "wait 60", caller="13900000114")
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


async def test_what_ended_while_the_server_was_away_is_closed_and_never_guessed(site: Site, speech: str) -> None:
    first = await site.agent("1001")
    left_by_agent = await site.call(speech, caller="13900000111")
    await site.until(f.TalkStarted, call_id=left_by_agent)
    linguist = await site.agent("1004", Behaviour(answer_after=None))
    unseen = await site.call(PERSON + "wait 90", caller="13900000114", to="4008")
    await site.until(f.OfferRinging, call_id=unseen)
    second = await site.agent("1002")
    left_by_caller = await site.call(PERSON + "wait 10; hangup", caller="13900000112")
    await site.until(f.TalkStarted, call_id=left_by_caller)
    silent = await site.agent("1003", Behaviour(answer_after=None))
    unanswered = await site.call(PERSON + "wait 90", caller="13900000113")
    await site.until(f.OfferRinging, call_id=unanswered)
    killed = await site.server.kill()
    await first.hang_up()
    await linguist.talk.call.answer()
    await linguist.talk.answered.wait()
    async with asyncio.timeout(30):
        await asyncio.sleep(1)
        await linguist.hang_up()
        await silent.talk.ended.wait()
        await second.talk.ended.wait()
    await site.server.start()
    back = now()

    await site.check_gap(killed, back)
    # the agent hung up: nobody saw who it was, the caller goes on to the survey
    assert [talk.side for talk in await site.until(f.TalkEnded, call_id=left_by_agent)] == ["unknown"]
    await site.until(f.SurveyOffered, call_id=left_by_agent)
    # the caller hung up: all of it is unknown
    assert [end.side for end in await site.until(f.CallEnded, call_id=left_by_caller)] == ["unknown"]
    record = await site.record(left_by_caller)
    assert record.unknown_end
    assert [(visit.outcome, visit.talks[0].side) for visit in record.visits] == [("answered", "unknown")]
    # rang out: counted as the miss it was, and he is back in his place
    assert (await site.until(f.OfferEnded, call_id=unanswered))[0].result == "no_answer"
    assert (await site.record(unanswered)).visits[0].open
    # a talk that nobody saw from beginning to end
    (begun,) = await site.until(f.TalkStarted, call_id=unseen)
    (over,) = await site.until(f.TalkEnded, call_id=unseen)
    assert (begun.agent_id, over.side) == ("1004", "unknown")
    assert 0 < over.at - begun.at < 15_000_000
    # nobody is stuck
    for agent_id in ("1001", "1002", "1004"):
        await site.state(agent_id, intent="ready")
    assert (await site.until(f.TalkStarted, call_id=unanswered))[0].agent_id in ("1001", "1002", "1004")
    await site.hang_up_all()
    await site.check_timeline()
    for agent_id in ("1001", "1002", "1003", "1004"):
        await site.state(agent_id, system="available")


async def test_without_a_restart_the_fallback_queue_brings_an_agent(switch: AsteriskInstance, tmp_path: Path) -> None:
    async with open_site(switch, tmp_path, queues=QUEUES, retry_seconds=2) as site:
        phone = await site.agent("1004", Behaviour(answer_after=None))
        waiting = await site.call(PERSON + "wait 90", caller="13900000111")
        await site.until(f.OfferRinging, call_id=waiting)
        later = await site.call(PERSON + "wait 90", caller="13900000112")
        await site.until(f.VisitStarted, call_id=later)
        await site.true_on_switch("queue show cti-general", "PJSIP/1004")
        phone.behaviour = Behaviour(answer_after=0.2)
        killed = await site.server.kill()
        for _ in range(2):  # the ring of the dead server's Dial ends by itself
            talk = await phone.rings(30)
        await asyncio.wait_for(talk.answered.wait(), 10)
        assert talk.headers["X-CTI-Fallback"] == "1"
        first = CallId(talk.headers["X-CTI-Call-Id"])
        assert first in (waiting, later)
        await site.server.start()
        await site.check_gap(killed, now())

        # the server sees the talk that the fallback queue made, and its end
        (begun,) = await site.until(f.TalkStarted, call_id=first)
        assert begun.agent_id == "1004"
        await site.state("1004", system="talking", call_id=first)
        await phone.hang_up()
        assert (await site.until(f.TalkEnded, call_id=first))[0].side == "agent"
        ended = (await site.until(f.CallEnded, call_id=first))[0]
        assert ended.in_fallback
        # the next one in the fallback queue is served by it too, under the server's eyes
        second = later if first == waiting else waiting
        assert (await site.until(f.TalkStarted, call_id=second))[0].agent_id == "1004"
        await site.hang_up_all()
        await site.check_timeline()
        assert {(await site.record(call)).in_fallback for call in (first, second)} == {True}
        assert (await site.me("1004"))["intent"] == "ready"


async def test_asterisk_killed_under_the_server(site: Site, speech: str) -> None:
    await site.agent("1001")
    talk = await site.call(speech, caller="13900000111")
    await site.until(f.TalkStarted, call_id=talk)
    waiting = await site.call(PERSON + "wait 60", caller="13900000112")
    await site.until(f.VisitStarted, call_id=waiting)
    menu = await site.call("wait 60", caller="13900000113")
    await site.until(f.FlowEntered, call_id=menu)
    died = now()
    await site.asterisk.kill()
    await site.asterisk.start()
    await site.asterisk.serve_from(f"127.0.0.1:{site.asterisk.ports.agi}")
    for call in (talk, waiting, menu):
        assert [end.side for end in await site.until(f.CallEnded, call_id=call)] == ["unknown"]
    (gap,) = await site.until(f.GapRecorded, what="switch_link")
    assert died <= gap.since <= died + 2_000_000 < gap.at + 2_000_000
    assert [visit.outcome for visit in (await site.record(waiting)).visits] == ["unknown"]
    assert (await site.record(talk)).visits[0].talks[0].side == "unknown"
    await site.abandon_callers()
    # phones come back, and so does work
    again = await site.phone("1002")
    await site.wish("1002", "sign_in")
    await site.state("1002", system="available")
    await site.state("1001", intent="ready")
    await site.wish("1001", "pause", reason="break")
    await site.wish("1002", "ready")
    new = await site.call(speech, caller="13900000114")
    assert (await site.until(f.TalkStarted, call_id=new))[0].agent_id == "1002"
    await again.talk.wait_hears(TONE)
    await site.hang_up_all()
    await site.check_timeline()


async def test_only_the_manager_link_is_cut(switch: AsteriskInstance, tmp_path: Path, speech: str) -> None:
    async with (
        Proxy(switch.ports.ami) as link,
        open_site(switch, tmp_path, queues=QUEUES, CTI_AMI__PORT=str(link.port)) as site,
    ):
        talking = await site.agent("1001")
        talk = await site.call(speech, caller="13900000111")
        await talking.answers()
        first = await site.call(PERSON + "wait 90", caller="13900000112")
        await site.until(f.VisitStarted, call_id=first)
        link.cut()
        await site.until(f.SwitchLost)
        await talking.hang_up()
        # his talk is over as the line saw it; the waiting caller is found by looking, not by waking
        assert (await site.until(f.TalkEnded, call_id=talk))[0].side == "agent"
        await talking.answers(20)
        await asyncio.sleep(1)
        await talking.hang_up()
        (ended,) = await site.until(f.TalkEnded, call_id=first)
        (began,) = await site.of(f.TalkStarted, call_id=first)
        assert (began.agent_id, ended.side) == ("1001", "agent")
        assert 900_000 < ended.at - began.at < 5_000_000
        # a caller who leaves in the middle of a talk nobody saw begin
        gone = await site.call(PERSON + "wait 6; hangup", caller="13900000113")
        await talking.answers(20)
        (ended,) = await site.until(f.TalkEnded, call_id=gone)
        assert ended.side == "caller"
        # a talk that goes on when the link is back
        lasting = await site.call(speech, caller="13900000114")
        await talking.answers(20)
        link.mend()
        await site.until(f.TalkStarted, call_id=lasting)
        await site.state("1001", system="talking", call_id=lasting)
        (gap,) = await site.until(f.GapRecorded, what="switch_link")
        assert gap.at > gap.since
        assert [visit.outcome for visit in (await site.record(gone)).visits] == ["answered"]
        await site.hang_up_all()
        await site.check_timeline()


async def test_postgresql_keeps_everything_through_a_kill_and_its_own_absence(
    switch: AsteriskInstance, tmp_path: Path, speech: str
) -> None:
    async with PostgresInstance() as postgres:
        url = await postgres.database()
        async with open_site(switch, tmp_path, database=url, queues=QUEUES) as site:
            phone = await site.agent("1001")
            talk = await site.call(speech, caller="13900000111")
            await phone.answers()
            await site.until(f.TalkStarted, call_id=talk)
            waiting = await site.call(PERSON + "wait 90", caller="13900000112")
            (visit,) = await site.until(f.VisitStarted, call_id=waiting)
            killed = await site.server.kill()
            await site.server.start()
            await site.check_gap(killed, now())
            assert (await site.until(f.CallResumed, call_id=waiting))[0].stage == "waiting"
            assert (await site.record(waiting)).visits[0].entered_at == visit.entered_at

            await postgres.stop()
            await phone.hang_up()
            await phone.answers(20)  # the waiting caller
            unseen = asyncio.create_task(site.caller.call("95598", caller="13900000119", script="wait 8; hangup"))
            await phone.hang_up()
            assert (await unseen).answered
            assert not (await site.server.health())["database"]
            await postgres.start()
            await site.until(f.TalkEnded, call_id=waiting)
            (known,) = [call for call in await site.of(f.CallArrived) if call.caller == "+8613900000119"]
            await site.until(f.CallEnded, call_id=known.call_id)
            await site.hang_up_all()
            await site.check_timeline()
            await site.server.stop()


async def test_an_orderly_stop_hands_callers_to_the_next_server(
    switch: AsteriskInstance, tmp_path: Path, postgres_url: str, speech: str
) -> None:
    agi, web = str(switch.ports.base + 6), str(switch.ports.base + 7)
    async with open_site(switch, tmp_path, database=postgres_url, queues=QUEUES) as site:
        talking = await site.agent("1001")
        await site.agent("1002", ready=False)
        (tmp_path / "b").mkdir()
        other = {"CTI_AGI__PORT": agi, "CTI_HTTP__PORT": web, "CTI_CALLS__SERVER": "cti-b"}
        second = process(switch, tmp_path / "b", postgres_url, **other)
        await second.start()
        try:
            await switch.serve_from(f"127.0.0.1:{switch.ports.agi}", f"127.0.0.1:{agi}")
            talk = await site.call(speech, caller="13900000111")
            await site.until(f.TalkStarted, call_id=talk)
            waiting = await site.call(PERSON + "wait 90", caller="13900000112")
            (visit,) = await site.until(f.VisitStarted, call_id=waiting)
            later = await site.call(PERSON + "wait 90", caller="13900000113")
            await site.until(f.VisitStarted, call_id=later)
            began = now()
            assert await site.server.stop() == 0
            assert now() - began < 10_000_000
            log = site.server.log.read_text()
            assert not [
                word
                for word in ("Task was destroyed", "never retrieved", "ResourceWarning", "Traceback")
                if word in log
            ]
            for call in (waiting, later):
                assert (await site.until(f.CallResumed, call_id=call))[0].stage == "waiting"
            talking.talk.forget()
            await talking.talk.wait_hears(TONE)
            site.server = second
            site.sign_everybody_out()
            await site.wish("1002", "ready")
            (begun,) = await site.until(f.TalkStarted, call_id=waiting)
            assert (begun.agent_id, begun.visit_id) == ("1002", visit.visit_id)
            assert (await site.record(waiting)).visits[0].entered_at == visit.entered_at
            await talking.hang_up()
            await site.until(f.TalkEnded, call_id=talk)
            await site.hang_up_all()
            await site.check_timeline()
        finally:
            assert await second.stop() == 0


class Proxy:
    """Stands between the server and the manager port; `cut` drops the link and refuses new ones until `mend`."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._open = True
        self.port = 0

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.cut()
        self._server.close()
        await self._server.wait_closed()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        self._open = False
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    def mend(self) -> None:
        self._open = True

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._open:
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers |= {writer, far_writer}
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.create_task(_pump(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    sink.close()
