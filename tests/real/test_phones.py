"""Callers and agents' phones over real SIP on a real Asterisk, with the FastAGI server between them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile

from cti_server.asterisk.agi.server import AgiServer
from cti_server.config import AgiSettings
from cti_server.errors import LineGone, SwitchRefused, Unavailable
from cti_server.lab.asterisk import AsteriskInstance
from cti_server.lab.phones import AgentPhone, Behaviour, PhoneBank, vanishing_phone
from cti_server.lab.sipp import SippCaller
from cti_server.lab.sipp_reports import CallReport
from cti_server.ports import DialResult, Line, RecordResult

pytestmark = pytest.mark.real

Phones = Callable[..., Awaitable[AgentPhone]]
CALLER_TONE = 700.0


class Desk:
    """A FastAGI server on this Asterisk, callers from the carrier, and the sessions that come in."""

    def __init__(self, asterisk: AsteriskInstance, folder: Path) -> None:
        self.asterisk = asterisk
        self.callers = SippCaller(asterisk.ports.sip)
        self.folder = folder
        self.sessions: asyncio.Queue[tuple[Line, asyncio.Future[None]]] = asyncio.Queue()
        self.prompt = self.tone("prompt", 620, 0.5)

    def tone(self, name: str, frequency: float, seconds: float) -> str:
        """A sound file's path without extension."""
        samples = np.sin(2 * np.pi * frequency / 8000 * np.arange(int(8000 * seconds))) * 0.3
        soundfile.write(self.folder / f"{name}.wav", samples, 8000, subtype="PCM_16")
        return str(self.folder / name)

    async def take(self, line: Line) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sessions.put_nowait((line, done))
        await done

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Line]:
        """The next call that comes in; its session ends with the block."""
        async with asyncio.timeout(10):
            line, done = await self.sessions.get()
        try:
            yield line
        finally:
            done.set_result(None)

    @asynccontextmanager
    async def call(
        self, script: str, to: str = "95598", **more: str
    ) -> AsyncIterator[tuple[Line, asyncio.Task[CallReport]]]:
        async with asyncio.TaskGroup() as group:
            report = group.create_task(self.callers.call(to, script=script, **more))  # type: ignore[arg-type]
            async with self.session() as line:
                await line.answer()
                yield line, report


@pytest.fixture
async def desk(asterisk: AsteriskInstance, tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(asterisk, tmp_path)
    server = AgiServer(AgiSettings(port=0), asterisk.node, desk.take)
    await server.start()
    await asterisk.serve_from(f"127.0.0.1:{server.port}")
    yield desk
    await asterisk.cli("channel request hangup all")
    await server.stop()
    await until(lambda: no_channels(asterisk))


@pytest.fixture
async def phones(asterisk: AsteriskInstance) -> AsyncIterator[Phones]:
    async with PhoneBank("127.0.0.1", asterisk.ports.sip) as bank:

        async def register(user: str, behaviour: Behaviour | None = None) -> AgentPhone:
            return await bank.phone(user, asterisk.password(user), behaviour)

        yield register


async def no_channels(asterisk: AsteriskInstance) -> bool:
    return "0 active channels" in await asterisk.cli("core show channels count")


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await condition():
            await asyncio.sleep(0.05)


# ---- the caller alone --------------------------------------------------------------------------------------------


async def keys(line: Line, count: int) -> str:
    return "".join([await line.wait_key(5) for _ in range(count)])


async def test_every_digit_a_caller_types_fast_arrives_in_order(desk: Desk) -> None:
    async with desk.call("wait 0.5; digits 0123456789*#10000018#; wait 5") as (line, report):
        assert await keys(line, 21) == "0123456789*#10000018#"
        await line.leave(done=True)
    result = report.result()
    assert (result.answered, result.ended_by) == (True, "switch")
    result.check_quiet()


async def test_a_key_ends_a_prompt_at_once(desk: Desk) -> None:
    long = desk.tone("long", 620, 20)
    async with desk.call("wait 0.5; digits 2; wait 5") as (line, _):
        async with asyncio.timeout(10):
            assert await line.play([long, desk.prompt]) == "2"
        await line.leave(done=True)


async def test_a_prompt_that_does_not_exist_is_passed_over(desk: Desk) -> None:
    async with desk.call("wait 5") as (line, _):
        assert await line.play(["/nowhere/at/all", desk.prompt]) == ""
        await line.leave(done=True)


@pytest.mark.parametrize("stage", ["playing", "waiting", "music", "recording"])
async def test_a_caller_who_hangs_up_at_any_stage_is_line_gone(desk: Desk, stage: str) -> None:
    long = desk.tone("long", 620, 20)
    steps: dict[str, Callable[[Line], Awaitable[object]]] = {
        "playing": lambda line: line.play([long]),
        "waiting": lambda line: line.wait_key(20),
        "music": music_and_wait,
        "recording": lambda line: line.record(str(desk.folder / "message"), limit=20, silence=0),
    }
    async with desk.call("wait 1.5; hangup") as (line, report):
        if stage == "recording":
            kept = await steps[stage](line)
            assert isinstance(kept, RecordResult)
            assert kept.ended_by == "hangup"
            assert 500 <= kept.millis <= 2000
            assert soundfile.info(desk.folder / "message.wav").frames == pytest.approx(kept.millis * 8, abs=400)
        else:
            with pytest.raises(LineGone):
                await steps[stage](line)
        with pytest.raises(LineGone):
            await line.wait_key(1)
    assert report.result().ended_by == "caller"


async def music_and_wait(line: Line) -> object:
    await line.music(True)
    return await line.wait_key(20)


async def test_a_message_is_recorded_and_ended_by_the_key(desk: Desk) -> None:
    speech = desk.tone("speech", CALLER_TONE, 2)
    async with desk.call(f"wait 0.5; speech {speech}.wav; digits #; wait 5") as (line, _):
        result = await line.record(str(desk.folder / "message"), limit=20, silence=0, beep=False)
        assert (result.ended_by, result.key) == ("key", "#")
        await line.leave(done=True)
    samples, rate = soundfile.read(desk.folder / "message.wav")
    spectrum = np.abs(np.fft.rfft(samples[rate : 2 * rate]))
    assert np.argmax(spectrum) == pytest.approx(CALLER_TONE, abs=3)


async def test_a_recording_that_cannot_be_written_is_refused(desk: Desk) -> None:
    async with desk.call("wait 5") as (line, _):
        with pytest.raises(SwitchRefused):
            await line.record("/proc/none/message", limit=20, silence=2, beep=False)
        assert await line.play([desk.prompt]) == ""
        await line.leave(done=True)


async def test_silence_ends_a_recording(desk: Desk) -> None:
    speech = desk.tone("speech", CALLER_TONE, 1)
    async with desk.call(f"speech {speech}.wav; wait 20") as (line, _):
        result = await line.record(str(desk.folder / "message"), limit=20, silence=2, beep=False)
        assert result.ended_by == "silence"
        await line.leave(done=True)


async def test_hanging_up_on_a_caller(desk: Desk) -> None:
    async with desk.call("wait 10") as (line, report):
        await line.hangup()
    assert report.result().ended_by == "switch"


@pytest.mark.parametrize("name", ['Eve "the" \\boss', "a,b)&${SHELL(id)}", "[call_id] ]]>", "张三", "x" * 200])
async def test_no_display_name_breaks_the_session(desk: Desk, name: str) -> None:
    async with desk.call("wait 5", name=name) as (line, _):
        kept = "".join(c for c in name if c.isalnum() or c in " .")  # the dialplan drops what could mean something
        assert kept.startswith(line.info.caller_name[:79])
        assert len(line.info.caller_name) >= min(len(kept.strip()), 79)
        assert line.info.caller == "13900000001"
        assert await line.play([desk.prompt]) == ""
        await line.leave(done=True)


@pytest.mark.parametrize("number", ["1%22;,", "unknown", "%24%7bX%7d", "+8613900000001"])
async def test_no_caller_number_breaks_the_session(desk: Desk, number: str) -> None:
    async with desk.call("wait 5", caller=number) as (line, _):
        assert (line.info.script, line.info.arguments, line.info.variables) == ("call", (), {})
        await line.set_variables({"CTI_CALLER": line.info.caller})
        assert await line.get_variable("CTI_CALLER") == line.info.caller
        await line.leave(done=True)


# ---- a caller and agents -------------------------------------------------------------------------------------------


async def test_an_agent_answers_both_hear_each_other_and_the_agent_hangs_up(desk: Desk, phones: Phones) -> None:
    phone = await phones("1001")
    speech = desk.tone("speech", CALLER_TONE, 20)
    async with desk.call(f"speech {speech}.wav; wait 10") as (line, report):
        await line.set_variables({"CTI_CALL_ID": "call-1"})
        dialling = asyncio.ensure_future(line.dial("PJSIP/1001", timeout=10))
        talk = await phone.answers()
        assert talk.headers["X-CTI-Call-Id"] == "call-1"
        await talk.wait_hears(CALLER_TONE)
        await phone.hang_up()
        result = await dialling
        assert result.status == "ANSWER"
        assert not result.transferred
        assert 0 < time.time() - result.answered_at / 1_000_000 < 10
        assert await line.play([desk.prompt]) == ""
        await line.leave(done=True)
    assert report.result().ended_by == "switch"


async def test_a_caller_hangs_up_first(desk: Desk, phones: Phones) -> None:
    phone = await phones("1001")
    async with desk.call("wait 2; hangup") as (line, report):
        with pytest.raises(LineGone):
            await line.dial("PJSIP/1001", timeout=10)
        await asyncio.wait_for(phone.talk.ended.wait(), 5)
        assert phone.talk.answered.is_set()
    assert report.result().ended_by == "caller"


async def test_a_caller_hangs_up_while_it_rings(desk: Desk, phones: Phones) -> None:
    phone = await phones("1001", Behaviour(answer_after=None))
    async with desk.call("wait 1.5; hangup") as (line, _):
        with pytest.raises(LineGone):
            await line.dial("PJSIP/1001", timeout=10)
        await asyncio.wait_for(phone.talk.ended.wait(), 5)
        assert not phone.talk.answered.is_set()


async def test_an_agent_refuses_or_does_not_answer_or_is_away(desk: Desk, phones: Phones) -> None:
    await phones("1001", Behaviour(refuse=True))
    ringing = await phones("1002", Behaviour(answer_after=None))
    async with desk.call("wait 20") as (line, _):
        assert await line.dial("PJSIP/1001", timeout=5) == DialResult("BUSY")
        assert await line.dial("PJSIP/1002", timeout=1) == DialResult("NOANSWER")
        await asyncio.wait_for(ringing.talk.ended.wait(), 5)
        assert await line.dial("PJSIP/1003", timeout=1) == DialResult("CHANUNAVAIL")
        assert await line.dial("PJSIP/none", timeout=1) == DialResult("CHANUNAVAIL")
        await line.leave(done=True)


async def test_an_agent_whose_phone_vanished_does_not_answer(desk: Desk) -> None:
    asterisk = desk.asterisk
    async with (
        desk.call("wait 20") as (line, _),
        vanishing_phone("127.0.0.1", asterisk.ports.sip, "1004", asterisk.password("1004")) as phone,
    ):
        phone.vanish()
        assert await line.dial("PJSIP/1004", timeout=1) == DialResult("NOANSWER")
        await line.leave(done=True)


async def test_an_agent_whose_phone_vanishes_in_a_talk_leaves_the_caller_up(desk: Desk) -> None:
    asterisk = desk.asterisk
    async with (
        desk.call("wait 4; hangup") as (line, report),
        vanishing_phone("127.0.0.1", asterisk.ports.sip, "1004", asterisk.password("1004")) as phone,
    ):
        dialling = asyncio.ensure_future(line.dial("PJSIP/1004", timeout=5))
        await phone.says("answered")
        phone.vanish()
        with pytest.raises(LineGone):
            await dialling
    assert report.result().ended_by == "caller"


async def test_hold_and_unhold(desk: Desk, phones: Phones) -> None:
    phone = await phones("1001")
    speech = desk.tone("speech", CALLER_TONE, 30)
    async with desk.call(f"speech {speech}.wav") as (line, _):
        dialling = asyncio.ensure_future(line.dial("PJSIP/1001", timeout=10))
        talk = await phone.answers()
        await talk.wait_hears(CALLER_TONE)
        await phone.hold()
        await asyncio.sleep(0.5)
        talk.forget()
        with pytest.raises(TimeoutError):
            await talk.wait_hears(CALLER_TONE, timeout=1)
        await phone.unhold()
        await talk.wait_hears(CALLER_TONE)
        await phone.hang_up()
        assert (await dialling).status == "ANSWER"
        await line.leave(done=True)


async def test_a_blind_transfer_ends_the_session_and_opens_another(desk: Desk, phones: Phones) -> None:
    phone = await phones("1001")
    async with desk.call("wait 20") as (line, report):
        await line.set_variables({"CTI_CALL_ID": "call-2", "CTI_STAGE": "talking"})
        dialling = asyncio.ensure_future(line.dial("PJSIP/1001", timeout=10))
        await phone.answers()
        transferring = asyncio.ensure_future(phone.transfer("6004"))
        assert (await dialling).transferred
        async with desk.session() as second:
            assert second.info.script == "transfer"
            assert second.info.arguments == ("6004",)
            assert second.info.channel.key == line.info.channel.key
            assert second.info.did == "95598"
            assert second.info.variables == {"CTI_CALL_ID": "call-2", "CTI_STAGE": "talking"}
            assert await second.play([desk.prompt]) == ""  # the first sound is what the switch reports as success
            await transferring
            await second.leave(done=True)
    assert report.result().ended_by == "switch"


async def test_an_attended_transfer_to_an_agent_goes_on_in_the_same_dial(desk: Desk, phones: Phones) -> None:
    first, second = await phones("1001"), await phones("1002", Behaviour(tone=1004.0))
    speech = desk.tone("speech", CALLER_TONE, 30)
    async with desk.call(f"speech {speech}.wav") as (line, _):
        dialling = asyncio.ensure_future(line.dial("PJSIP/1001", timeout=10))
        talk = await first.answers()
        await first.hold()
        consulting = asyncio.ensure_future(first.call("1002"))
        async with desk.session() as internal:
            assert (internal.info.script, internal.info.arguments) == ("internal", ("1002",))
            through = asyncio.ensure_future(internal.dial("PJSIP/1002", timeout=10))
            consultation = await consulting
            await consultation.wait_hears(1004.0)
            await first.complete_transfer(talk, consultation)
            assert (await outcome(through)) in ("gone", "over")
        await second.talk.wait_hears(CALLER_TONE)
        assert not dialling.done()
        await second.hang_up()
        result = await dialling
        assert (result.status, result.transferred) == ("ANSWER", False)
        await line.leave(done=True)


async def outcome(dialling: Awaitable[DialResult]) -> str:
    try:
        await asyncio.wait_for(dialling, 10)
    except LineGone:
        return "gone"
    return "over"


async def test_an_attended_transfer_into_a_queue_moves_the_caller_to_that_session(desk: Desk, phones: Phones) -> None:
    phone = await phones("1001")
    async with desk.call("wait 20") as (line, _):
        await line.set_variables({"CTI_CALL_ID": "call-3"})
        dialling = asyncio.ensure_future(line.dial("PJSIP/1001", timeout=10))
        talk = await phone.answers()
        await phone.hold()
        consulting = asyncio.ensure_future(phone.call("6003"))
        async with desk.session() as waiting:
            assert (waiting.info.script, waiting.info.caller) == ("internal", "1001")
            await waiting.answer()
            await waiting.music(True)
            key = asyncio.ensure_future(waiting.wait_key(3))
            await phone.complete_transfer(talk, await consulting)
            result = await dialling
            assert (result.status, result.transferred) == ("ANSWER", True)
            assert result.answered_at > 0
            assert await key == ""
            assert await waiting.get_variable("CHANNEL(uniqueid)") == line.info.channel.uniqueid
            assert await waiting.play([desk.prompt]) == ""
            await waiting.leave(done=True)


# ---- the other way and many at once --------------------------------------------------------------------------------


@pytest.mark.parametrize("refuse", [0, 486])
async def test_a_caller_is_called_back_over_the_trunk(desk: Desk, refuse: int) -> None:
    asterisk = desk.asterisk
    async with asyncio.TaskGroup() as group:
        called = desk.callers.called(asterisk.ports.carrier, script="wait 1; digits 5; wait 5", refuse=refuse)
        report = group.create_task(called)
        await asyncio.sleep(0.5)  # sipp says nothing when it listens
        await asterisk.cli("channel originate PJSIP/13900000001@trunk extension s@cti-callback")
        if not refuse:
            async with desk.session() as line:
                assert line.info.script == "callback"
                assert await line.wait_key(5) == "5"
                await line.leave(done=True)
    result = report.result()
    assert result.answered == (not refuse)
    assert result.ended_by == ("refused" if refuse else "switch")


async def test_many_callers_at_once(desk: Desk) -> None:
    async def serve(line: Line, done: asyncio.Future[None]) -> str:
        await line.answer()
        pressed = await line.wait_key(10)
        await line.leave(done=True)
        done.set_result(None)
        return pressed

    async with asyncio.TaskGroup() as group:
        load = group.create_task(
            desk.callers.load("95598", script="wait 1; digits 7; wait 5", rate=10, at_once=20, calls=20)
        )
        served = [group.create_task(serve(*await desk.sessions.get())) for _ in range(20)]
    assert [task.result() for task in served] == ["7"] * 20
    assert (load.result().created, load.result().succeeded, load.result().failed) == (20, 20, 0)


async def test_a_phone_with_a_wrong_password_is_refused(desk: Desk) -> None:
    async with PhoneBank("127.0.0.1", desk.asterisk.ports.sip) as bank:
        with pytest.raises(Unavailable):
            await bank.phone("1001", "wrong")
