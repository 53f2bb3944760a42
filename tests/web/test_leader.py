"""A leader's tools over HTTP and the live connection: roles, audit, who is told what."""

from __future__ import annotations

from typing import Any

import pytest

from cti_server.domain import facts as f
from tests.web.live_peer import connected, events
from tests.web.web_world import Client, SignIn, World

API = "/api/v1"


async def post(client: Client, path: str, **body: Any) -> tuple[int, dict[str, Any]]:
    answer = await client.post(API + path, json=body)
    return answer.status, await answer.json()


async def get(client: Client, path: str) -> Any:
    return await (await client.get(API + path)).json()


async def test_an_announcement_reaches_agents_at_once_and_stays_until_read(client_of: SignIn, world: World) -> None:
    leader, agent, other = await client_of("1900"), await client_of("1001"), await client_of("1002")
    async with connected(agent) as one, connected(other) as two:
        await one.ask("resume")
        await two.ask("resume")
        status, made = await post(leader, "/announcements", audience="agent", name="1001", text=" <b>Storm</b> ")
        assert (status, made["text"], made["by"]) == (200, "<b>Storm</b>", "1900")
        _, seen = await one.ask("ping")
        assert [kind for _, kind in events(seen)] == ["AnnouncementMade"]
        _, others = await two.ask("ping")
        assert events(others) == [], "it is none of his business"
    assert [row["text"] for row in await get(agent, "/announcements/unread")] == ["<b>Storm</b>"]
    assert await get(other, "/announcements/unread") == []
    assert (await post(other, f"/announcements/{made['announcement_id']}/read"))[0] == 200
    assert [(row["to"], row["read"]) for row in await get(leader, "/announcements")] == [(1, 0)]
    for _ in range(2):
        assert (await post(agent, f"/announcements/{made['announcement_id']}/read"))[0] == 200
    assert await get(agent, "/announcements/unread") == []
    assert [(row["to"], row["read"]) for row in await get(leader, "/announcements")] == [(1, 1)]
    assert sum(isinstance(one.fact, f.AnnouncementRead) for one in world.facts.stored) == 1
    assert ("1900", "announce", "agent 1001") in world.users.audited


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"audience": "queue", "name": "nowhere", "text": "x"}, 409),
        ({"audience": "agent", "name": "9999", "text": "x"}, 404),
        ({"text": "  "}, 422),
        ({"text": "x" * 1001}, 422),
    ],
)
async def test_an_announcement_to_nobody_is_refused(client_of: SignIn, body: dict[str, str], status: int) -> None:
    assert (await post(await client_of("1900"), "/announcements", **body))[0] == status


async def test_only_a_leader_whispers_and_an_inspector_needs_a_phone(client_of: SignIn, world: World) -> None:
    inspector = await client_of("1800")
    status, body = await post(inspector, "/agents/1001/listen", mode="whisper")
    assert (status, body["error"]["code"]) == (403, "forbidden")
    status, body = await post(inspector, "/agents/1001/listen", mode="listen")
    assert (status, body["error"]["details"]["reason"]) == (409, "no_agent")
    status, body = await post(await client_of("1900"), "/agents/1001/listen", mode="barge")
    assert (status, body["error"]["details"]["reason"]) == (409, "agent_not_talking")
    assert ("1900", "barge", "1001") in world.users.audited, "what was tried is audited too"
    assert await get(inspector, "/listening") is None


async def test_moving_an_agent_is_kept_told_and_audited(client_of: SignIn, world: World) -> None:
    leader = await client_of("1900")
    assert (await post(leader, "/agents/1001/move", queues={"general": 9}))[0] == 200
    (moved,) = [one.fact for one in world.facts.stored if isinstance(one.fact, f.AgentAssigned)]
    assert (moved.agent_id, moved.queues, moved.by) == ("1001", (("general", 9),), "1900")
    assert ("1900", "move", "1001 general:9") in world.users.audited
    for queues, status in (({"nowhere": 5}, 404), ({"general": 11}, 422)):
        assert (await post(leader, "/agents/1001/move", queues=queues))[0] == status


async def test_thresholds_are_set_by_queue(client_of: SignIn, world: World) -> None:
    leader = await client_of("1900")
    wanted = {"waiting": 5, "longest_wait": 60, "service_level": 80, "formula": "SL3", "agents_ready": 3}
    assert await post(leader, "/queues/general/alarms", **wanted) == (200, {"queue": "general", "own": True, **wanted})
    every, general = await get(leader, "/alarms")
    assert general == {"queue": "general", "own": True, **wanted}
    assert (every["queue"], every["own"], every["agents_ready"]) == ("*", False, 2)
    assert (await post(leader, "/queues/*/alarms", **{**wanted, "waiting": 9}))[0] == 200
    assert (await get(leader, "/alarms"))[1]["waiting"] == 5, "its own hold"
    assert (await post(leader, "/queues/general/alarms/reset"))[0] == 200
    assert [(row["own"], row["waiting"]) for row in await get(leader, "/alarms")] == [(True, 9), (False, 9)]
    assert (await post(leader, "/queues/nowhere/alarms", **wanted))[0] == 404
    assert (await post(leader, "/queues/general/alarms", **{**wanted, "formula": "SL7"}))[0] == 422
    assert "set_alarms" in [action for _, action, _ in world.users.audited]
