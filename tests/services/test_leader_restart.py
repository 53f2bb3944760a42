"""What a leader decided holds when the server starts anew: the real composed server, twice on one database."""

from __future__ import annotations

import asyncio
from pathlib import Path

from cti_server.clock import SystemClock
from cti_server.domain import facts as f
from cti_server.domain.ids import MINUTE, AgentId, Micros, QueueName
from cti_server.services.configuration import By
from tests.browser.leader_site import GENERAL, open_site

AGENT = AgentId("1001")
BILLING = QueueName("billing")
HOUR: Micros = 60 * MINUTE


class Earlier(SystemClock):
    """The time of day so long ago."""

    def __init__(self, ago: Micros) -> None:
        self._ago = ago

    def now(self) -> Micros:
        return super().now() - self._ago


async def test_a_move_for_the_shift_ends_with_the_shift_though_the_server_started_anew_in_between(
    tmp_path: Path,
) -> None:
    async with open_site(tmp_path) as site:
        before = dict(site.server.floor.agent(AGENT).queues)
        site.ready(AGENT)
        await site.server.leader.control.move(AGENT, {"vip": 3}, By("1900"), for_good=False)
        await site.server.leader.control.move(AGENT, {"vip": 7}, By("1900"), for_good=False)
    async with open_site(tmp_path) as site:
        floor = site.server.floor
        assert dict(floor.agent(AGENT).queues) == {"vip": 7}
        assert next(row for row in site.server.desk.board()["agents"] if row["agent_id"] == AGENT)["lent"]
        floor.sign_out(AGENT, "1900")
        assert dict(floor.agent(AGENT).queues) == before
    async with open_site(tmp_path) as site:
        assert dict(site.server.floor.agent(AGENT).queues) == before, "nothing of it is left"


async def test_who_signed_out_while_nobody_looked_is_back_at_the_start(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        before = dict(site.server.floor.agent(AGENT).queues)
        site.ready(AGENT)
        await site.server.leader.control.move(AGENT, {"vip": 3}, By("1900"), for_good=False)
        site.server.leader.control.close()  # the last thing that server does is to hear of his sign-out
        site.server.floor.sign_out(AGENT, "1900")
        assert dict(site.server.floor.agent(AGENT).queues) == {"vip": 3}
    async with open_site(tmp_path) as site:
        assert dict(site.server.floor.agent(AGENT).queues) == before


async def test_a_move_for_good_outlives_the_shift_and_the_server(tmp_path: Path) -> None:
    async with open_site(tmp_path) as site:
        site.ready(AGENT)
        await site.server.leader.control.move(AGENT, {"vip": 3}, By("1900"), for_good=False)
        await site.server.leader.control.move(AGENT, {"billing": 8}, By("1900"))
    async with open_site(tmp_path) as site:
        site.server.floor.sign_out(AGENT, "1900")
        assert dict(site.server.floor.agent(AGENT).queues) == {BILLING: 8}


async def test_an_alarm_older_than_what_is_replayed_goes_on_and_is_not_raised_again(tmp_path: Path) -> None:
    now = Earlier(40 * HOUR).now()
    async with open_site(tmp_path, clock=Earlier(40 * HOUR)) as site:
        raised = {"value": 0, "threshold": 2}
        site.server.bus.record(f.AlarmRaised(at=now, queue=GENERAL, alarm="agents_ready", **raised))
        site.server.leader.alarms.acknowledge(GENERAL, "agents_ready", "1900")
        site.server.bus.record(f.AlarmRaised(at=now, queue=GENERAL, alarm="waiting", **raised))
        site.server.bus.record(f.AlarmCleared(at=now + MINUTE, queue=GENERAL, alarm="waiting"))
    async with open_site(tmp_path) as site:
        alarms = site.server.leader.alarms
        (record,) = [one for one in alarms.log(0) if one.queue == GENERAL and one.alarm == "agents_ready"]
        assert (record.raised_at, record.acknowledged_by, record.cleared_at) == (now, "1900", None)
        assert next(view for view in site.server.calling.board.queues() if view.name == GENERAL).alarms == (
            "agents_ready",
        )
        alarms.look()
        assert [one for one in alarms.log(0) if one.alarm == "waiting"] == [], "over for longer than it is kept"
        async with asyncio.timeout(
            10
        ):  # the other queues have been short of agents for as long as it takes to be alarmed
            while len(site.facts_of(f.AlarmRaised)) < 5:
                await asyncio.sleep(0.1)
        assert GENERAL not in {fact.queue for fact in site.facts_of(f.AlarmRaised)}
