"""Stays in Asterisk's own queue become calls outside our sight, each once, whoever reads the log and whatever fails between."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path

import pytest

from cti_server.bus import Bus
from cti_server.domain import facts as f
from cti_server.domain.board import Board
from cti_server.domain.calls import CallRecord, apply
from cti_server.domain.fallback import FallbackStay
from cti_server.domain.ids import SECOND, AgentId, CallId, Micros, QueueName
from cti_server.domain.tallies import QueueView
from cti_server.errors import StorageUnavailable
from cti_server.services.desk_rows import call_row
from cti_server.services.unseen import UnseenCalls
from tests.services.call_world import queue
from tests.virtual import START, VirtualClock, run


def stay(uniqueid: str, **changes: object) -> FallbackStay:
    fields = {
        "uniqueid": uniqueid,
        "queue": QueueName("fallback"),
        "caller": "13900000011",
        "entered": START - 60 * SECOND,
        "ended": START,
        "outcome": "answered",
        "answered": START - 40 * SECOND,
        "endpoint": "1001",
    }
    return FallbackStay(**{**fields, **changes})  # type: ignore[arg-type]


@dataclass
class Log:
    stays: list[FallbackStay] = field(default_factory=list)
    path: Path = Path("queue_log")

    def read(self) -> list[FallbackStay]:
        found, self.stays = self.stays, []
        return found


@dataclass
class Archive:
    known: set[str] = field(default_factory=set)
    records: dict[CallId, CallRecord] = field(default_factory=dict)
    away: bool = False

    async def load_call(self, call_id: CallId) -> CallRecord | None:
        if self.away:
            raise StorageUnavailable("away")
        return self.records.get(call_id)

    async def known_channels(self, node: str, uniqueids: Collection[str], since: Micros) -> set[str]:
        return self.known & set(uniqueids)


class Shop:
    """One server after the other on the same archive."""

    def __init__(self) -> None:
        self.archive, self.log, self.turn = Archive(), Log(), True
        self.told: list[f.CallUnseen] = []

    def server(self) -> UnseenCalls:
        bus = Bus(VirtualClock(), "cti")
        bus.subscribe(self._store)

        async def turn() -> bool:
            return self.turn

        return UnseenCalls(
            self.log,
            self.archive,
            bus,
            node="pbx",
            fallback_queue="general",
            agent_of={"1001": AgentId("1001")}.get,
            dialable=lambda number: f"+86{number}" if number else "",
            turn=turn,
        )

    def _store(self, recorded: f.Recorded) -> None:
        assert isinstance(recorded.fact, f.CallUnseen)
        self.told.append(recorded.fact)
        self.archive.records[recorded.fact.call_id] = apply(None, recorded.fact)


def test_each_once_over_servers_and_failures() -> None:
    shop = Shop()

    async def story() -> None:
        first = shop.server()
        shop.log.stays, shop.archive.away = [stay("1.1"), stay("1.2")], True
        with pytest.raises(StorageUnavailable):
            await first.look()
        shop.archive.away = False
        assert await first.look() == 2
        shop.log.stays = [stay("1.1"), stay("1.2"), stay("1.3", outcome="abandoned", answered=None, endpoint="")]
        assert await shop.server().look() == 1
        shop.log.stays, shop.archive.known = [stay("1.4")], {"1.4"}
        assert await shop.server().look() == 0
        shop.log.stays, shop.turn = [stay("1.5")], False
        assert await shop.server().look() == 0

    run(story())
    assert [fact.uniqueid for fact in shop.told] == ["1.1", "1.2", "1.3"]
    answered, _, left = shop.told
    assert (answered.queue, answered.caller, answered.answered_by) == ("general", "+8613900000011", "1001")
    assert (left.answered_by, left.wait, left.talk) == (None, 60 * SECOND, 0)


def test_it_shows_in_its_call_row_and_in_no_figure() -> None:
    shop = Shop()

    async def story() -> None:
        shop.log.stays = [stay("1.1")]
        await shop.server().look()

    run(story())
    (fact,) = shop.told
    record = shop.archive.records[fact.call_id]
    row = call_row(record)
    shown = {name: row[name] for name in ("queue", "outcome", "agent_id", "wait_micros", "talk_micros", "unseen")}
    assert shown == {
        "queue": "general",
        "outcome": "answered",
        "agent_id": "1001",
        "wait_micros": 20 * SECOND,
        "talk_micros": 40 * SECOND,
        "unseen": True,
    }
    board = Board({QueueName("general"): queue()}, {}, UTC)
    board.apply(f.Recorded(1, "cti", fact))
    view = board.view(("queue", "general"))
    assert isinstance(view, QueueView)
    assert (view.today.unseen, view.today.offered, view.today.answered) == (1, 0, 0)
    assert (record.visits, record.open, record.in_fallback) == ((), False, True)
