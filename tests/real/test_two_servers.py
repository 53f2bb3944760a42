"""Two servers on one database: a living one's calls are its own; the other takes them up once it is gone."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cti_server.domain import facts as f
from cti_server.domain.ids import CallId
from cti_server.lab.asterisk import AsteriskInstance
from tests.real.server_process import ServerProcess, Site, open_site, process, until
from tests.real.test_kill import PERSON, QUEUES

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]
LEASE = {"CTI_DATABASE__LEASE_SECONDS": "2"}


async def servers_of(site: Site, call: CallId) -> set[str]:
    return {recorded.server for recorded in await site.facts() if getattr(recorded.fact, "call_id", None) == call}


async def says(server: ServerProcess, text: str) -> None:
    async def there() -> bool:
        return text in server.log.read_text()

    await until(there, f"{text} in {server.log}")


async def test_a_servers_calls_are_taken_up_when_it_is_gone_and_not_before(
    asterisk: AsteriskInstance, tmp_path: Path, postgres_url: str
) -> None:
    agi, web = str(asterisk.ports.base + 6), str(asterisk.ports.base + 7)
    async with open_site(
        asterisk, tmp_path, database=postgres_url, queues=QUEUES, CTI_DATABASE__LEASE_SECONDS="2"
    ) as site:
        phone = await site.agent("1001")
        early = await site.call(PERSON + "wait 60", caller="13900000111")
        await site.until(f.TalkStarted, call_id=early)
        (tmp_path / "b").mkdir()
        other = {"CTI_AGI__PORT": agi, "CTI_HTTP__PORT": web, "CTI_CALLS__SERVER": "cti-b", **LEASE}
        second = process(asterisk, tmp_path / "b", postgres_url, **other)
        await second.start()
        try:
            await asterisk.serve_from(f"127.0.0.1:{asterisk.ports.agi}", f"127.0.0.1:{agi}")
            await says(second, "alive=['cti', 'cti-b'] gone=[]")
            assert (await second.health())["calls"] == 0
            await phone.hang_up()
            assert [end.side for end in await site.until(f.TalkEnded, call_id=early)] == ["agent"]
            await site.until(f.SurveyOffered, call_id=early)
            assert await servers_of(site, early) == {"cti"}

            await site.state("1001", system="available")
            late = await site.call(PERSON + "wait 60", caller="13900000112")
            await phone.answers()
            await site.until(f.TalkStarted, call_id=late)
            gone = await site.call(PERSON + "wait 60", caller="13900000113")
            await site.until(f.VisitStarted, call_id=gone)
            await site.server.kill()
            # who waits reaches the other server by himself, at once; who talks is found when the lease has lapsed
            assert (await site.until(f.CallResumed, call_id=gone))[0].stage == "waiting"
            assert [taken.of for taken in await site.until(f.CallTakenUp, call_id=late)] == ["cti"]
            await says(second, "alive=['cti-b'] gone=['cti']")
            await phone.hang_up()
            assert [end.side for end in await site.until(f.TalkEnded, call_id=late)] == ["agent"]
            await site.until(f.SurveyOffered, call_id=late)

            # the first one comes back beside the other: what was its own is no longer
            await site.server.start()
            assert (await site.server.health())["calls"] == 0
            await site.hang_up_all()
            await site.check_timeline()
        finally:
            assert await second.stop() == 0


async def test_a_second_server_of_one_name_or_one_folder_does_not_start(
    asterisk: AsteriskInstance, tmp_path: Path, postgres_url: str
) -> None:
    async with open_site(asterisk, tmp_path, database=postgres_url, CTI_DATABASE__LEASE_SECONDS="2"):
        ports = {"CTI_AGI__PORT": str(asterisk.ports.base + 6), "CTI_HTTP__PORT": str(asterisk.ports.base + 7)}
        (tmp_path / "b").mkdir()
        for folder, advice in ((tmp_path, "CTI_PATHS__DATA"), (tmp_path / "b", "CTI_CALLS__SERVER")):
            namesake = process(asterisk, folder, postgres_url, **ports, **LEASE)
            with pytest.raises(AssertionError):
                await asyncio.wait_for(namesake.start(), 40)
            assert advice in namesake.log.read_text()
