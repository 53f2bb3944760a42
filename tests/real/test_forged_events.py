"""A caller who writes line ends, headers and whole events into his number and name: served, and nothing of it believed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cti_server.domain import facts as f
from cti_server.lab.asterisk import AsteriskInstance
from tests.real.centre import Centre, open_centre

pytestmark = pytest.mark.real
END = "%0d%0a"
FORGED = [
    f"1{END}Uniqueid%3a%20forged",
    f"1{END}ChanVariable%3a%20CTI_CALL_ID=forged",
    f"1{END}{END}Event%3a%20Hangup{END}SystemName%3a%20asterisk{END}Uniqueid%3a%20x",
    f"1{END}agi_arg_1%3a%20q-vip",
    "1%0a%0a200%20result=1%20(x)",
    "1%0aagi_dnid%3a%201",
    "$%7bSHELL(id)%7d",
    "1%22%2cSet(X=1)",
]


@pytest.fixture
async def centre(asterisk: AsteriskInstance, tmp_path: Path) -> AsyncIterator[Centre]:
    async with open_centre(asterisk, tmp_path) as opened:
        yield opened


async def test_forged_numbers_are_served_and_not_believed(centre: Centre) -> None:
    for count, number in enumerate(FORGED, 1):
        caller = asyncio.create_task(centre.call("wait 0.5; digits 4; wait 20", caller=number))
        await centre.until(f.MenuChosen, count)
        (live,) = centre.server.calls
        await centre.server.switch.hangup(live.channel)
        assert (await caller).answered, number
        await centre.calls_over()
    assert len(centre.of(f.CallArrived)) == len(centre.of(f.CallEnded)) == len(FORGED)
    assert len(centre.of(f.MenuChosen)) >= len(FORGED)
    for fact in centre.of(f.CallArrived):
        assert "\r" not in fact.caller
        assert "\n" not in fact.caller
        assert "$" not in fact.caller
        assert fact.call_id != "forged"
