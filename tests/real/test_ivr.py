"""What callers of the shipped flow live through: each story judged by its timeline, by what was stored and by what the caller
heard. Stories that do not disturb each other run side by side on one centre.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import soundfile

from cti_server.config import CallSettings
from cti_server.domain import facts as f
from cti_server.domain.ids import AgentId
from cti_server.lab.asterisk import AsteriskInstance
from cti_server.lab.phones import Behaviour
from tests.real.centre import Centre, open_centre
from tests.real.hearing import Caller, caller
from tests.real.ivr_world import (
    ELDERLY,
    KNOWN,
    KNOWN_ACCOUNT,
    KNOWN_PIN,
    STRANGER,
    logged_centre,
    ticket,
    together,
)

pytestmark = [pytest.mark.real, pytest.mark.timeout(170)]
WRONG_PINS = ("918273", "827364", "736455")


@pytest.fixture
async def centre(asterisk: AsteriskInstance, tmp_path: Path) -> AsyncIterator[Centre]:
    async with logged_centre(asterisk, tmp_path) as opened:
        yield opened


# ---- balance ---------------------------------------------------------------------------------------------------


async def own_account(centre: Centre) -> None:
    async with caller(centre, KNOWN) as one:
        await one.press("2", at="main")
        await one.asked("balance_own")
        await one.listened()
        await one.press("1")
        await one.asked("pin")
        await one.listened()
        await one.press(KNOWN_PIN)
        await one.asked("balance_more")
        await one.listened()
        await one.press("1")
        await one.asked("balance_more")
        await one.listened()
        await one.hang_up()
    due = await due_date(centre, KNOWN_ACCOUNT)
    told = await one.heard_node("balance_arrears", bill_arrears="56.20", bill_due_date=due)
    assert len(told) == 2, "the arrears and the day, and once more for the key 1"
    one.check_never_silent()


async def due_date(centre: Centre, account: str) -> str:
    found = await centre.server.calling.lookups.lookup("customers", "balance", {"account": account})
    return str(found["due_date"])


async def typed_account(centre: Centre) -> None:
    """A wrong check digit is told; another caller's account needs its PIN; the digits are kept masked only."""
    async with caller(centre, STRANGER, to="4008") as one:
        await one.press("2", at="main")
        await one.press("10000019#", at="balance_account")
        await one.until(f.InputCollected, node="balance_account", valid=False)
        await one.listened()
        await one.press("10000018#")
        await one.press("246810", at="pin")
        await one.asked("balance_more")
        await one.listened()
        await one.hang_up()
    shown = [(x.digits, x.valid) for x in one.of(f.InputCollected)]
    assert shown == [("1000••19", False), ("1000••18", True), ("", True)]
    assert await one.heard(words_of(one, "balance_own", "invalid", "en"), "en")
    assert await one.heard_node("balance_credit_undated", "en", bill_balance="128.50")
    assert [x.by for x in one.of(f.CallerIdentified)] == ["account"]


def words_of(one: Caller, node: str, part: str, language: str) -> tuple[str, ...]:
    text = getattr(one.centre.server.flows.get("power").nodes[node], part).root[language]
    return (text,)


async def three_wrong_pins(centre: Centre) -> None:
    async with caller(centre, STRANGER) as one:
        await one.press("2", at="main")
        await one.press(f"{KNOWN_ACCOUNT}#", at="balance_account")
        for pin in WRONG_PINS:
            await one.press(pin, at="pin")
        visit = await one.until(f.VisitStarted)
        await one.hang_up()
    assert visit.queue == "billing"
    assert await one.heard_node("pin_failed")
    assert [(x.digits, x.valid) for x in one.of(f.InputCollected, node="pin")] == [("", True)] * 3


def files_with(secrets: tuple[str, ...], *folders: Path) -> list[str]:
    """Files under these folders in which one of the secrets stands as a number of its own."""
    pattern = re.compile(rb"(?<!\d)(" + "|".join(secrets).encode() + rb")(?!\d)")
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 5
    return [str(path) for path in files if path.suffix != ".alaw" and pattern.search(path.read_bytes())]


# ---- reports, complaints, messages ---------------------------------------------------------------------------------


def playable(folder: Path, made: f.RecordingMade) -> float:
    """Seconds of sound in the file; it must not be silence."""
    samples, rate = soundfile.read(folder / "recordings" / made.path)
    assert rate == 8000
    assert abs(samples).max() > 0.05, "only silence was recorded"
    return float(len(samples) / rate)


async def fault(centre: Centre, folder: Path) -> None:
    """A recognised caller confirms his address, describes the fault, and is told the order's number twice."""
    async with caller(centre, KNOWN) as one:
        await one.press("1", at="main")
        await one.press("1", at="fault")
        await one.asked("fault_address")
        await one.listened()
        await one.press("1")
        await one.asked("fault_describe")
        await one.listened()
        await one.speak(3)
        await one.press("#")
        created = await one.until(f.TicketCreated)
        await one.asked("more")
        await one.listened()
        await one.hang_up()
    kept = await ticket(folder, created)
    assert (kept.kind, kept.number, kept.account) == ("order", created.number, KNOWN_ACCOUNT)
    assert kept.fields["address"] == "望湖小区7栋1102室"
    (made,) = one.of(f.RecordingMade)
    assert kept.fields["recording"] == made.path
    assert playable(folder, made) == pytest.approx(3, abs=1.0)
    assert await one.heard_node("fault_told", report_number=created.number)
    assert await one.heard_node("fault_address", customer_address="望湖小区7栋1102室")
    one.check_never_silent()


async def hang_up_while_describing(centre: Centre, folder: Path) -> None:
    async with caller(centre, STRANGER) as one:
        await one.press("1", at="main")
        await one.press("2", at="fault")
        await one.asked("fault_describe_place")
        await one.listened()
        await one.speak(2)
        await one.hang_up()
        created = await one.until(f.TicketCreated)
    assert (await ticket(folder, created)).kind == "order"
    assert playable(folder, one.of(f.RecordingMade)[0]) > 1
    assert [type(x) for x in one.facts][-1] is f.CallEnded, "nothing is noted after the end"


async def hang_up_right_after_describing(centre: Centre, folder: Path) -> None:
    async with caller(centre, STRANGER) as one:
        await one.press("11", at="main")
        await one.asked("fault_describe_place")
        await one.listened()
        await one.speak(2)
        one.ear.press("#")
        await one.hang_up()
        created = await one.until(f.TicketCreated)
    assert (await ticket(folder, created)).fields["recording"] == one.of(f.RecordingMade)[0].path


async def complaint(centre: Centre, folder: Path) -> None:
    async with caller(centre, STRANGER) as one:
        await one.press("3", at="main")
        await one.press("1", at="complaint")
        await one.asked("complaint_record")
        await one.listened()
        await one.speak(2)
        await one.press("#")
        created = await one.until(f.TicketCreated)
        await one.asked("more")
        await one.listened()
        await one.hang_up()
    assert (await ticket(folder, created)).kind == created.ticket == "complaint"
    assert await one.heard_node("complaint_told", complaint_ticket_number=created.number)
    one.check_never_silent()


async def message(centre: Centre, folder: Path) -> None:
    """Most callers end a message by hanging up."""
    async with caller(centre, STRANGER) as one:
        await one.press("5", at="main")
        await one.asked("message")
        await one.listened()
        await one.speak(2)
        await one.hang_up()
        created = await one.until(f.TicketCreated)
    assert (await ticket(folder, created)).kind == "message"


async def test_balances_reports_and_messages(centre: Centre, tmp_path: Path) -> None:
    """No PIN stands anywhere in what server and switch wrote, recordings included."""
    reports = (fault, hang_up_while_describing, hang_up_right_after_describing, complaint, message)
    await together(own_account(centre), typed_account(centre), *(report(centre, tmp_path) for report in reports))
    await three_wrong_pins(centre)
    await centre.calls_over()
    secrets = (*WRONG_PINS, KNOWN_PIN, "246810")
    (tmp_path / "logins.json").unlink()  # the sample data's own list, which holds them on purpose
    assert files_with(secrets, tmp_path, centre.asterisk.folder) == []
    assert not any(pin in repr(fact) for fact in centre.facts for pin in WRONG_PINS)
    assert (tmp_path / "server.log").stat().st_size > 0, "the log was searched too"


# ---- waiting, talking, after --------------------------------------------------------------------------------------


async def test_nobody_hears_silence_on_the_way_to_an_agent(centre: Centre) -> None:
    """Waiting with music, ringing, the talk, a blind transfer, another wait; then the survey after an agent hung up."""
    first = await centre.agent("1001", Behaviour(answer_after=1.0), ready=False)
    async with caller(centre, STRANGER) as one:
        await one.press("0", at="main")
        await one.until(f.VisitStarted)
        await asyncio.sleep(4)
        centre.server.floor.ready(AgentId("1001"))
        await one.until(f.TalkStarted)
        await asyncio.sleep(1.5)
        await first.transfer("q-billing")
        assert (await one.until(f.VisitStarted, 2)).queue == "billing"
        second = await centre.agent("1002", Behaviour(answer_after=0.5, hang_up_after=2.5))
        await one.until(f.TalkStarted, 2)
        await one.until(f.CallEnded)
    one.check_never_silent()
    await first.unregister()
    await second.unregister()


async def test_the_survey_comes_after_the_agent_hung_up(centre: Centre) -> None:
    phone = await centre.agent("1003", Behaviour(answer_after=0.5, hang_up_after=1.5))
    async with caller(centre, STRANGER) as one:
        await one.press("1", at="main")
        await one.press("3", at="fault")
        assert (await one.until(f.TalkStarted)).agent_id == "1003"
        await one.until(f.CallEnded)
    assert [x.queue for x in one.of(f.VisitStarted)] == ["emergency"]
    assert not one.of(f.SurveyOffered), "nobody in danger is asked for a score"
    one.check_never_silent()
    centre.server.floor.ready(AgentId("1003"))
    async with caller(centre, STRANGER) as other:
        await other.press("0", at="main")
        await other.until(f.TalkEnded)
        await other.asked("survey")
        await other.listened()
        await other.press("5")
        report = await other.over()
    assert report.ended_by == "switch"
    assert [(x.score, x.agent_id) for x in other.of(f.SurveyAnswered)] == [(5, "1003")]
    assert await other.heard(words_of(other, "survey", "thanks", "zh"))
    assert await other.heard_node("goodbye")
    other.check_never_silent()
    await phone.unregister()


def where_it_is_night() -> str:
    """A time zone in which it is about two o'clock in the morning."""
    east = (2 - datetime.now(UTC).hour) % 24
    return f"Etc/GMT-{east}" if east <= 12 else f"Etc/GMT+{24 - east}"


async def test_at_night(asterisk: AsteriskInstance, tmp_path: Path) -> None:
    async def emergency(centre: Centre) -> None:
        async with caller(centre, STRANGER) as one:
            await one.press("0", at="main")
            await one.asked("after_hours")
            await one.listened()
            await one.press("1")
            assert (await one.until(f.VisitStarted)).queue == "emergency"
            await one.hang_up()
        assert await one.heard_node("after_hours")
        one.check_never_silent()

    async def leaves_message(centre: Centre) -> None:
        async with caller(centre, STRANGER, to="4008") as one:
            await one.press("0", at="main")
            await one.press("2", at="after_hours")
            await one.asked("message")
            await one.listened()
            await one.speak(2)
            await one.hang_up()
            created = await one.until(f.TicketCreated)
        assert (await ticket(tmp_path, created)).kind == "message"

    async def frail(centre: Centre) -> None:
        async with caller(centre, ELDERLY) as one:
            assert (await one.until(f.VisitStarted)).queue == "emergency"
            await one.hang_up()

    calls = CallSettings(node=asterisk.node, time_zone=where_it_is_night())
    async with open_centre(asterisk, tmp_path, calls=calls) as centre:
        await together(emergency(centre), leaves_message(centre), frail(centre))
        await centre.calls_over()
