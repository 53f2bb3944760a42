"""Announcements and who has read them, on both databases."""

from __future__ import annotations

from dataclasses import replace

from cti_server.domain.announcements import Announcement
from cti_server.domain.ids import AgentId
from cti_server.storage.announcements import SqlAnnouncements
from cti_server.storage.engine import Database

FIRST = Announcement(announcement_id="a1", at=1, by="1900", audience="queue", name="general", text="暴雨 <b> 🌧")
ONE, TWO = AgentId("1001"), AgentId("1002")


async def test_an_announcement_is_unread_until_each_has_read_it(database: Database) -> None:
    store, second = SqlAnnouncements(database), replace(FIRST, announcement_id="a2", at=2, audience="all", name="")
    await store.add(FIRST, [ONE, TWO])
    await store.add(second, [ONE])
    assert await store.unread(ONE) == [FIRST, second]
    assert await store.unread(TWO) == [FIRST]
    assert await store.read("a1", ONE, 5)
    assert not await store.read("a1", ONE, 6), "once"
    assert not await store.read("a2", TWO, 6), "none of his"
    assert await store.unread(ONE) == [second]
    assert [(one.announcement, one.to, one.read) for one in await store.recent(5)] == [(second, 1, 0), (FIRST, 2, 1)]
    assert [one.announcement for one in await store.recent(1)] == [second]
