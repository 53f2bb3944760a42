"""The caller's line against a scripted Asterisk over TCP: which commands each step sends and how answers are read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from cti_server.asterisk.agi.server import AgiServer
from cti_server.config import AgiSettings
from cti_server.errors import InvalidValue, LineGone, SwitchRefused
from cti_server.ports import DialResult, Line, RecordResult
from tests.asterisk.agi_peer import AgiPeer

Step = Callable[[Line], Awaitable[object]]


@asynccontextmanager
async def stepping(
    step: Step, ticket: str = "", **changes: str
) -> AsyncIterator[tuple[AgiPeer, asyncio.Future[object]]]:
    """A line on which `step` runs; the peer to answer it, and its outcome."""
    outcome: asyncio.Future[object] = asyncio.get_running_loop().create_future()

    async def handler(line: Line) -> None:
        try:
            outcome.set_result(await step(line))
        except Exception as error:
            outcome.set_exception(error)

    server = AgiServer(AgiSettings(port=0), "node-a", handler)
    await server.start()
    try:
        async with AgiPeer(server.port) as peer:
            await peer.open(ticket, **changes)
            yield peer, outcome
    finally:
        await server.stop()


async def play(line: Line) -> object:
    return await line.play(["/p/a", "/p/b c"], "12*#")


async def test_playing_goes_on_to_the_next_sound_and_stops_at_a_key() -> None:
    async with stepping(play) as (peer, outcome):
        await peer.answers("200 result=0 endpos=800", "STREAM FILE /p/a 12*#")
        await peer.answers("200 result=42 endpos=80", 'STREAM FILE "/p/b c" 12*#')
        assert await outcome == "*"


async def test_the_wake_digit_comes_back_as_itself() -> None:
    async with stepping(lambda line: line.wait_key(1.5)) as (peer, outcome):
        await peer.answers("200 result=68", "WAIT FOR DIGIT 1500")
        assert await outcome == "D"


async def test_a_missing_sound_is_logged_and_the_rest_is_played() -> None:
    with capture_logs() as logs:
        async with stepping(play) as (peer, outcome):
            await peer.answers("200 result=-1 endpos=0")
            await peer.answers("200 result=0", "NOOP")
            await peer.answers("200 result=0 endpos=800")
            assert await outcome == ""
    assert [entry["sound"] for entry in logs if entry["event"] == "sound_missing"] == ["/p/a"]


async def test_a_hang_up_while_playing_is_line_gone_from_then_on() -> None:
    async def twice(line: Line) -> object:
        with pytest.raises(LineGone):
            await line.play(["/p/a"])
        await line.music(True)
        return None

    async with stepping(twice) as (peer, outcome):
        await peer.answers("200 result=-1 endpos=80\nHANGUP")
        with pytest.raises(LineGone):
            await outcome
        assert await peer.is_closed()


async def test_a_hang_up_between_two_steps_closes_at_once() -> None:
    async def later(line: Line) -> object:
        await resume.wait()
        return await line.wait_key(1)

    resume = asyncio.Event()
    async with stepping(later) as (peer, outcome):
        peer.says("HANGUP")
        assert await peer.is_closed()
        resume.set()
        with pytest.raises(LineGone):
            await outcome


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        ("200 result=35 (dtmf) endpos=16000", RecordResult("key", "#", 2000)),
        ("200 result=0 (timeout) endpos=80000", RecordResult("timeout", "", 10000)),
        ("200 result=0 (timeout) endpos=24000", RecordResult("silence", "", 3000)),
        ("200 result=-1 (hangup) endpos=24000", RecordResult("hangup", "", 3000)),
    ],
)
async def test_recording_says_how_it_ended(answer: str, result: RecordResult) -> None:
    async with stepping(lambda line: line.record("/r/x", limit=10, silence=3)) as (peer, outcome):
        await peer.answers(answer, "RECORD FILE /r/x wav # 10000 0 BEEP s=3")
        assert await outcome == result


async def test_a_recording_that_cannot_be_written_is_refused() -> None:
    async with stepping(lambda line: line.record("/r/x", limit=10, silence=3)) as (peer, outcome):
        await peer.answers("200 result=-1 (writefile)")
        await peer.answers("200 result=0", "NOOP")
        with pytest.raises(SwitchRefused, match="writefile"):
            await outcome


async def test_after_a_hang_up_while_recording_the_line_is_gone() -> None:
    async def step(line: Line) -> object:
        assert (await line.record("/r/x", limit=10, silence=0, beep=False)).ended_by == "hangup"
        return await line.wait_key(1)

    async with stepping(step) as (peer, outcome):
        await peer.answers("200 result=-1 (hangup) endpos=8000", "RECORD FILE /r/x wav # 10000 0")
        with pytest.raises(LineGone):
            await outcome


def dial(line: Line) -> Awaitable[object]:
    return line.dial("PJSIP/1001", timeout=20, music_class="hold")


CLEAR = 'SET VARIABLE __CTI_ANSWERED_AT ""'
DIAL = "EXEC Dial PJSIP/1001,20,gtm(hold)b(cti-predial^s^1)U(cti-answered)"


async def test_dialling_until_the_agent_hangs_up() -> None:
    async with stepping(dial) as (peer, outcome):
        await peer.answers("200 result=1", CLEAR)
        await peer.answers("200 result=0", DIAL)
        await peer.answers("200 result=1 (ANSWER)", "GET VARIABLE DIALSTATUS")
        await peer.answers("200 result=1 (1700000061234)", "GET VARIABLE CTI_ANSWERED_AT")
        assert await outcome == DialResult("ANSWER", 1_700_000_061_234_000)


@pytest.mark.parametrize(
    ("said", "status"), [("BUSY", "BUSY"), ("NOANSWER", "NOANSWER"), ("INVALIDARGS", "UNKNOWN"), ("", "UNKNOWN")]
)
async def test_dialling_without_success(said: str, status: str) -> None:
    async with stepping(dial) as (peer, outcome):
        await peer.answers("200 result=1", CLEAR)
        await peer.answers("200 result=0")
        await peer.answers(f"200 result=1 ({said})")
        await peer.answers("200 result=1 ()")
        result = await outcome
        assert isinstance(result, DialResult)
        assert (result.status, result.answered_at, result.transferred) == (status, 0, False)


async def test_a_blind_transfer_is_told_by_the_channels_next_step() -> None:
    async with stepping(dial) as (peer, outcome):
        await peer.answers("200 result=1", CLEAR)
        await peer.answers("200 result=0\nHANGUP", DIAL)
        await peer.answers("200 result=1 (ANSWER)", "GET VARIABLE DIALSTATUS")
        for name, value in (("CONTEXT", "cti-transfer"), ("EXTEN", "q-repair"), ("PRIORITY", "1")):
            await peer.answers(f"200 result=1 ({value})", f"GET VARIABLE {name}")
        await peer.answers("200 result=1 ()", "GET VARIABLE CTI_ANSWERED_AT")
        assert await outcome == DialResult("ANSWER", 0, transferred=True)
        assert await peer.is_closed()


async def test_a_caller_who_hangs_up_just_after_the_agent_is_gone_not_transferred() -> None:
    async with stepping(dial) as (peer, outcome):
        await peer.answers("200 result=1", CLEAR)
        await peer.answers("200 result=0\nHANGUP", DIAL)
        await peer.answers("200 result=1 (ANSWER)", "GET VARIABLE DIALSTATUS")
        for value in ("cti-serve", "s", "5"):
            await peer.answers(f"200 result=1 ({value})")
        await peer.answers("200 result=0", "GET VARIABLE BLINDTRANSFER")
        await peer.answers("200 result=1 (1700000003000)", "GET VARIABLE CTI_ANSWERED_AT")
        with pytest.raises(LineGone) as gone:
            await outcome
        assert gone.value.details == {"answered_at": 1_700_000_003_000_000}


async def test_a_caller_joined_to_another_session_is_transferred() -> None:
    async with stepping(dial) as (peer, outcome):
        await peer.answers("200 result=1", CLEAR)
        await peer.answers("200 result=-1\nHANGUP", DIAL)
        await peer.answers("200 result=1 (1700000000.9)", "GET VARIABLE CHANNEL(uniqueid)")
        await peer.answers("200 result=1 (ANSWER)", "GET VARIABLE DIALSTATUS")
        await peer.answers("200 result=1 (1700000002000)", "GET VARIABLE CTI_ANSWERED_AT")
        assert await outcome == DialResult("ANSWER", 1_700_000_002_000_000, transferred=True)
        assert await peer.is_closed()


@pytest.mark.parametrize("closes", [True, False])
async def test_a_caller_who_hangs_up_while_dialling_is_gone(closes: bool) -> None:
    async with stepping(dial) as (peer, outcome):
        await peer.answers("200 result=1", CLEAR)
        await peer.answers("200 result=-1\nHANGUP", DIAL)
        if closes:
            peer.writer.close()
        else:
            await peer.answers("200 result=1 (1700000000.1)", "GET VARIABLE CHANNEL(uniqueid)")
            await peer.answers("200 result=0", "GET VARIABLE CTI_ANSWERED_AT")
        with pytest.raises(LineGone):
            await outcome


@pytest.mark.parametrize("target", ["PJSIP/1001,30,g", "PJSIP/${X}", "PJSIP/1001)", "Local/a b", "1001", "PJSIP/1\n2"])
async def test_a_dial_target_cannot_break_out(target: str) -> None:
    async with stepping(lambda line: line.dial(target, timeout=1)) as (peer, outcome):
        with pytest.raises(InvalidValue):
            await outcome
        assert await peer.is_closed()


async def test_variables_are_inherited_and_values_arrive_as_given() -> None:
    async def step(line: Line) -> object:
        await line.set_variables({"CTI_CALL_ID": "c-1", "CTI_TICKET": '{"a": "b\\"}'})
        with pytest.raises(InvalidValue):
            await line.set_variables({"A": "1", "SHELL(rm)": "x"})
        with pytest.raises(InvalidValue):
            await line.set_variables({"A": "1\nEXEC System x"})
        return await line.get_variable("CTI_TICKET")

    async with stepping(step) as (peer, outcome):
        await peer.answers("200 result=1", "SET VARIABLE __CTI_CALL_ID c-1")
        await peer.answers("200 result=1", r'SET VARIABLE __CTI_TICKET "{\"a\": \"b\\\"}"')
        await peer.answers("200 result=1 (x (y))", "GET VARIABLE CTI_TICKET")
        assert await outcome == "x (y)"


@pytest.mark.parametrize("done", [True, False])
async def test_leaving_done_tells_the_dialplan(done: bool) -> None:
    async with stepping(lambda line: line.leave(done=done)) as (peer, outcome):
        if done:
            await peer.answers("200 result=1", "SET VARIABLE CTI_DONE 1")
        await outcome
        assert await peer.is_closed()


async def test_hanging_up() -> None:
    async with stepping(lambda line: line.hangup()) as (peer, outcome):
        await peer.answers("200 result=1", "HANGUP")
        await outcome
        assert await peer.is_closed()


async def test_an_unknown_command_is_the_switchs_refusal() -> None:
    async with stepping(lambda line: line.music(False)) as (peer, outcome):
        await peer.answers("520-Invalid command syntax.\nUsage\n520 End of proper usage.", "SET MUSIC OFF default")
        with pytest.raises(SwitchRefused, match="520"):
            await outcome


async def test_a_dead_channel_is_line_gone() -> None:
    async with stepping(lambda line: line.answer()) as (peer, outcome):
        await peer.answers("511 Command Not Permitted on a dead channel or intercept routine", "ANSWER")
        with pytest.raises(LineGone):
            await outcome


async def test_the_answer_to_a_cancelled_step_is_nobody_elses() -> None:
    async def step(line: Line) -> object:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(line.wait_key(60), 0.01)
        return await line.wait_key(2)

    async with stepping(step) as (peer, outcome):
        assert await peer.hears() == "WAIT FOR DIGIT 60000"
        await asyncio.sleep(0.03)
        peer.says("200 result=49")
        await peer.answers("200 result=50", "WAIT FOR DIGIT 2000")
        assert await outcome == "2"


async def info(line: Line) -> object:
    return line.info


async def test_a_new_callers_particulars() -> None:
    async with stepping(info, arg_1="q-repair", arg_2="", calleridname=r"A \"b\" ${SHELL(x)}") as (_, outcome):
        found = await outcome
    assert found.channel.key == ("node-a", "1700000000.1")  # type: ignore[attr-defined]
    assert vars_of(found) == ("13900000001", 'A "b" ${SHELL(x)}', "95598", "call", ("q-repair",), {})


@pytest.mark.parametrize(
    "changes",
    [
        {"callerid": "unknown"},
        {"callerid": "Anonymous"},
        {"callerid": ""},
        {"callingpres": "32"},
        {"callingpres": "35"},
    ],
)
async def test_a_withheld_number_is_empty(changes: dict[str, str]) -> None:
    async with stepping(info, **changes) as (_, outcome):
        assert vars_of(await outcome)[0] == ""


async def test_odd_particulars_are_cleaned() -> None:
    async with stepping(info, callerid="1\x00\x1b[2J9\u2028" + "9" * 500, calleridname="\x07\x7f") as (_, outcome):
        caller, name, *_rest = vars_of(await outcome)
    assert caller == "1[2J9" + "9" * 75
    assert name == ""


async def test_a_returning_callers_ticket_is_fetched() -> None:
    async with stepping(info, "call-7") as (peer, outcome):
        await peer.answers('200 result=1 ({"place": 3})', "GET VARIABLE CTI_TICKET")
        await peer.answers("200 result=1 (waiting)", "GET VARIABLE CTI_STAGE")
        await peer.answers("200 result=0", "GET VARIABLE CTI_QUEUE")
        await peer.answers("200 result=0", "GET VARIABLE CTI_CONSULT_ID")
        assert vars_of(await outcome)[5] == {
            "CTI_CALL_ID": "call-7",
            "CTI_TICKET": '{"place": 3}',
            "CTI_STAGE": "waiting",
        }


async def test_a_dialled_number_unknown_to_the_channel_is_the_dialplans() -> None:
    async with stepping(info, dnid="unknown") as (peer, outcome):
        await peer.answers("200 result=1 (4008)", "GET VARIABLE CTI_DID")
        assert vars_of(await outcome)[2] == "4008"


def vars_of(found: object) -> tuple[object, ...]:
    names = ("caller", "caller_name", "did", "script", "arguments", "variables")
    return tuple(getattr(found, name) for name in names)
