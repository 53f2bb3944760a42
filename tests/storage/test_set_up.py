"""The set-up as administrators change it, on SQLite and on PostgreSQL."""

from __future__ import annotations

import pytest

from cti_server.domain.agents import Agent
from cti_server.domain.ids import AgentId, QueueName
from cti_server.domain.queues import Queue, Relaxation
from cti_server.domain.setup import Disposition, FlowVersion, PauseCode, Setup, Skill
from cti_server.domain.users import SignInSession, User
from cti_server.storage.configuration import SqlConfiguration
from cti_server.storage.engine import Database
from cti_server.storage.setup import SqlSetup
from cti_server.storage.users import SqlUsers

TITLE = {"zh": "夜间", "en": "Night"}
NIGHT = Queue(name=QueueName("night"), title=TITLE, relaxations=(Relaxation(after_seconds=30, drop=("power",)),))
PARTS = Setup(
    queues={"night": NIGHT},
    agents={"1001": Agent(agent_id=AgentId("1001"), name="陈梅", queues={QueueName("night"): 7}, skills={"power": 3})},
    skills={"power": Skill(code="power", zh="抢修", en="Power", position=2)},
    pause_codes={"meal": PauseCode(code="meal", zh="用餐", en="Meal")},
    dispositions={"fault": Disposition(code="fault", zh="报修", en="Fault", queues=("night",))},
    users={"li": User(login="li", name="Li", role="agent", password_hash="x", agent_id=AgentId("1001"))},
)


@pytest.fixture
async def setup(database: Database) -> SqlSetup:
    store = SqlSetup(database)
    async with store.change() as change:
        for kind, parts in (
            ("queue", PARTS.queues), ("agent", PARTS.agents), ("skill", PARTS.skills), ("pause_code", PARTS.pause_codes),
            ("disposition", PARTS.dispositions), ("user", PARTS.users),
        ):  # fmt: skip
            for part in parts.values():
                await change.put(kind, part)  # type: ignore[arg-type]
    return store


async def test_what_is_put_is_read_back(setup: SqlSetup) -> None:
    assert await setup.read() == PARTS


async def test_a_queue_keeps_its_place_and_a_new_one_comes_last(setup: SqlSetup) -> None:
    async with setup.change() as change:
        await change.put("queue", Queue(name=QueueName("day"), title=TITLE))
        await change.put("queue", Queue(name=QueueName("night"), title=TITLE, ring_seconds=9))
    found = (await setup.read()).queues
    assert [(one.name, one.ring_seconds) for one in found.values()] == [("night", 9), ("day", 20)]


async def test_a_part_removed_is_gone(setup: SqlSetup) -> None:
    async with setup.change() as change:
        await change.remove("skill", "power")
        await change.remove("queue", "night")
    now = await setup.read()
    assert (dict(now.skills), dict(now.queues)) == ({}, {})


async def test_a_change_that_fails_leaves_nothing(setup: SqlSetup) -> None:
    async def fail() -> None:
        async with setup.change() as change:
            await change.remove("queue", "night")
            await change.audit(1, "admin", "", "queue_removed", "night", {"name": "night"}, None)
            await change.add_version(FlowVersion(file="a.yaml", digest="d", at=1, login="admin", text="x"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert await setup.read() == PARTS
    assert await setup.version_files() == []


async def test_versions_come_newest_first_and_keep_their_texts(setup: SqlSetup) -> None:
    async with setup.change() as change:
        assert await change.newest_version("a.yaml") is None
        for number in (1, 2, 3):
            file = "b.yaml" if number == 2 else "a.yaml"
            version = FlowVersion(file=file, digest=f"d{number}", at=number, login="admin", text=f"第{number}版")
            await change.add_version(version)
        newest = await change.newest_version("a.yaml")
    assert newest is not None
    assert (newest.digest, newest.text) == ("d3", "第3版")
    versions = await setup.versions("a.yaml", 10)
    assert [(one.digest, one.text) for one in versions] == [("d3", ""), ("d1", "")]
    first = await setup.version("a.yaml", versions[1].id)
    assert first is not None
    assert first.text == "第1版"
    assert await setup.version("b.yaml", versions[1].id) is None
    assert await setup.version_files() == ["a.yaml", "b.yaml"]


async def test_the_last_change_names_who_and_when(setup: SqlSetup) -> None:
    async with setup.change() as change:
        await change.audit(5, "one", "", "queue_created", "night", None, {"name": "night"})
        await change.audit(6, "two", "", "queue_saved", "night", {"a": 1}, {"a": 2})
        await change.audit(7, "three", "", "agent_saved", "night", {}, {})
        assert await change.last_change(("queue_created", "queue_saved"), "night") == ("two", 6)
        assert await change.last_change(("queue_saved",), "day") is None


async def test_a_setting_is_kept_and_overwritten(setup: SqlSetup, database: Database) -> None:
    for value in ({"*": "a:zh"}, {"4008": "b:en"}):
        async with setup.change() as change:
            await change.put_setting("dids", value)
    assert await SqlConfiguration(database).setting("dids") == {"4008": "b:en"}


async def test_sessions_end_with_the_change(setup: SqlSetup, database: Database) -> None:
    users = SqlUsers(database)
    await users.create_session(SignInSession(token_hash="h", login="li", created_at=1, used_at=1, expires_at=9))
    async with setup.change() as change:
        await change.end_sessions("li")
    assert await users.session("h") is None


async def test_the_log_is_filtered_and_paged(setup: SqlSetup, database: Database) -> None:
    users = SqlUsers(database)
    for at in range(6):
        await users.audit(7, f"u{at % 2}", "queue_saved", f"Night_{at}", before={"n": at}, after=None)
    first = await users.audited(limit=4)
    rest = await users.audited(limit=4, below=first[-1].id)
    assert [one.subject for one in (*first, *rest)] == [f"Night_{at}" for at in (5, 4, 3, 2, 1, 0)]
    assert [one.before for one in await users.audited(login="u1", subject="night_3")] == [{"n": 3}]
    assert await users.audited(subject="%") == []
    assert await users.audited_actions() == ["queue_saved"]
