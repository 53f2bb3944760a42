"""What callers live through, on a real Asterisk with real SIP callers and phones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cti_server.domain import facts as f
from cti_server.lab.asterisk import AsteriskInstance
from cti_server.lab.phones import Behaviour
from tests.real.centre import Centre, open_centre

pytestmark = pytest.mark.real


@pytest.fixture
async def centre(asterisk: AsteriskInstance, tmp_path: Path) -> AsyncIterator[Centre]:
    async with open_centre(asterisk, tmp_path) as opened:
        yield opened


async def test_a_recognised_caller_hears_his_balance(centre: Centre) -> None:
    report = await centre.call("wait 2; digits 2; wait 2; digits 1; wait 3; digits 135790; wait 12; hangup")
    await centre.calls_over()
    assert report.answered
    outcomes = {fact.node: fact.outcome for fact in centre.of(f.LookupDone)}
    assert outcomes["check_pin"] == outcomes["find_balance"] == "found"
    assert [fact.key for fact in centre.of(f.MenuChosen)][0] == "2"


async def test_a_caller_reaches_an_agent_who_hangs_up_first(centre: Centre) -> None:
    phone = await centre.agent("1001", Behaviour(answer_after=0.3, hang_up_after=1.5))
    task = asyncio.create_task(centre.call("wait 2; digits 0; wait 30; hangup"))
    (started,) = await centre.until(f.TalkStarted)
    (ended,) = await centre.until(f.TalkEnded)
    assert started.agent_id == ended.agent_id == "1001"
    assert ended.side == "agent"
    await task
    await centre.calls_over()
    assert [fact.outcome for fact in centre.of(f.VisitEnded)] == ["answered"]
    assert len(centre.of(f.OfferRinging)) == 1
    assert len(centre.of(f.WrapUpStarted)) == 1
    await phone.unregister()
