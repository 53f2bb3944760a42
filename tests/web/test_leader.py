"""A leader's tools over HTTP and the live connection: roles, audit, who is told what."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cti_server.domain import facts as f
from cti_server.domain.ids import MINUTE, SECOND
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


async def test_who_listened_is_told_to_those_who_answer_for_it_and_to_nobody_else(
    client_of: SignIn, world: World
) -> None:
    of: dict[str, Any] = {"call_id": "c1", "listening_id": "l1", "subject": "1001", "by": "1800"}
    now, week = world.clock.now(), 7 * 24 * 60 * MINUTE
    world.bus.record(f.ListenStarted(at=now, mode="listen", **of))
    world.bus.record(f.ListenModeChanged(at=now + 1, mode="barge", **of))
    world.bus.record(f.ListenEnded(at=now + 2, **of))
    world.bus.record(f.ListenStarted(at=now + 3, mode="whisper", **{**of, "listening_id": "l2", "by": "1900"}))
    for login in ("1900", "1800", "admin"):
        newest, first = await get(await client_of(login), "/listening/log")
        assert (newest["by"], newest["modes"], newest["ended"]) == ("1900", ["whisper"], None)
        assert (first["by"], first["subject"], first["modes"]) == ("1800", "1001", ["listen", "barge"])
        assert (first["started"], first["ended"]) == (now, now + 2)
    for stranger, status in ((client_of("1001"), 403), (client_of("office"), 403), (client_of(), 401)):
        assert (await (await stranger).get(API + "/listening/log")).status == status
    world.clock.pass_seconds(week / SECOND + 60)
    assert await get(await client_of("1900"), "/listening/log") == []


async def test_names_stand_behind_logins_and_titles_behind_skills(client_of: SignIn) -> None:
    names = {row["login"]: row["name"] for row in await get(await client_of("1001"), "/people")}
    assert names["1900"] == "Sun Yan"
    assert all(set(row) == {"login", "name"} for row in await get(await client_of("1001"), "/people"))
    assert await get(await client_of("1900"), "/skills") == [{"code": "en", "zh": "英文", "en": "English"}]
    assert (await (await client_of("1001")).get(API + "/skills")).status == 403


async def test_what_an_agent_asks_for_himself_is_his_own_and_what_a_leader_asks_is_audited_first(
    client_of: SignIn, world: World
) -> None:
    world.users.users["mei"] = replace(world.users.users["1001"], login="mei")
    own, leader = await client_of("mei"), await client_of("1900")
    await post(own, "/agents/me/sign_in")
    assert (await post(own, "/agents/me/pause", reason="meal"))[0] == 200
    assert (await post(leader, "/agents/1001/pause", reason="training"))[0] == 200
    assert (await post(leader, "/agents/1001/end_wrap_up"))[0] == 409
    paused = [one.fact for one in world.facts.stored if isinstance(one.fact, f.AgentPaused)]
    assert [(fact.reason, fact.by) for fact in paused] == [("meal", "1001"), ("training", "1900")]
    assert [entry[1:] for entry in world.users.audited if entry[0] == "1900"][-2:] == [
        ("pause", "1001"),
        ("end_wrap_up", "1001"),
    ]


async def test_an_author_need_not_read_what_he_tells_all(client_of: SignIn) -> None:
    leader = await client_of("1900")
    assert (await post(leader, "/announcements", text="Storm"))[0] == 200
    assert await get(leader, "/announcements/unread") == []
    assert [row["text"] for row in await get(await client_of("1001"), "/announcements/unread")] == ["Storm"]


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
