"""Callers who come while no server runs: Asterisk's own queue serves them, and its log tells us of them once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cti_server.domain import facts as f
from cti_server.lab.asterisk import AsteriskInstance
from tests.real.server_process import PATIENCE, Site, open_site
from tests.real.test_kill import PERSON, QUEUES

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]


async def rings_in(site: Site, caller: str, script: str) -> None:
    """A caller whom no server sees."""
    task = asyncio.create_task(site.caller.call("95598", caller=caller, script=script, wait=120))
    site.callers.append(task)


async def test_callers_of_a_time_without_server_are_told_once(asterisk: AsteriskInstance, tmp_path: Path) -> None:
    async with open_site(asterisk, tmp_path, queues=QUEUES, retry_seconds=1) as site:
        phone = await site.agent("1001")
        known = await site.call(PERSON + "wait 60", caller="13900000110")
        await phone.answers()
        await site.until(f.TalkStarted, call_id=known)
        await phone.hang_up()
        await site.until(f.CallEnded, call_id=known)
        await site.state("1001", system="available")
        await site.true_on_switch("queue show cti-fallback", "PJSIP/1001")
        await site.server.kill()

        await rings_in(site, "13900000111", "wait 60")
        await phone.answers(20)
        await asyncio.sleep(1)
        await phone.hang_up()
        await rings_in(site, "13900000112", "wait 6; hangup")
        await asyncio.wait_for(asyncio.gather(*site.callers), PATIENCE)
        await asterisk.cli("logger rotate")
        # one is still in the queue when the server is back
        await rings_in(site, "13900000113", "wait 12; hangup")
        await site.true_on_switch("queue show cti-fallback", "PJSIP/trunk")
        await site.server.start()

        answered, abandoned = await site.until(f.CallUnseen, 2)
        assert (answered.caller, answered.queue, answered.outcome) == ("+8613900000111", "general", "answered")
        assert answered.answered_by == "1001"
        assert 1_000_000 <= answered.talk <= 3_000_000
        assert (abandoned.caller, abandoned.outcome, abandoned.answered_by) == ("+8613900000112", "abandoned", None)
        assert 1_000_000 <= abandoned.wait <= 6_000_000
        (gap,) = await site.of(f.GapRecorded)
        assert gap.since < answered.at < abandoned.ended_at < gap.at
        await site.until(f.CallUnseen, 3)

        await site.server.stop()
        await asterisk.cli("logger rotate")
        await site.server.start()
        site.sign_everybody_out()
        await site.agent("1001")
        again = await site.call(PERSON + "wait 60", caller="13900000114")
        await site.until(f.CallArrived, call_id=again)
        await site.hang_up_all()
        assert [unseen.caller[-2:] for unseen in await site.of(f.CallUnseen)] == ["11", "12", "13"]
        assert (await site.record(answered.call_id)).last_agent == "1001"
        await site.check_timeline()
