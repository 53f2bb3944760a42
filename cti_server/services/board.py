"""The live board at work: the fold of domain/board.py, its midnight, and its rows as the screen reads them (web/wire.py)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from cti_server.bus import Bus
from cti_server.clock import Clock
from cti_server.domain.board import Board, CallView, QueueView
from cti_server.domain.facts import Recorded
from cti_server.domain.ids import SECOND, QueueName
from cti_server.domain.queues import Queue
from cti_server.ports import Switch
from cti_server.services.calls.live import LiveCalls
from cti_server.services.desk_rows import agent_row
from cti_server.services.floor import Floor

Row = dict[str, Any]


class BoardService:
    """`snapshot()` answers web.desk.Desk.board."""

    def __init__(
        self,
        floor: Floor,
        calls: LiveCalls,
        switch: Switch,
        queues: Mapping[QueueName, Queue],
        bus: Bus,
        clock: Clock,
        time_zone: str,
    ) -> None:
        self._floor, self._calls, self._switch, self._bus, self._clock = floor, calls, switch, bus, clock
        members = {agent.agent_id: tuple(agent.queues) for agent, _ in floor}
        self._board = Board(queues, members, ZoneInfo(time_zone))
        self._titles = {name: queue.title for name, queue in queues.items()}
        self._midnight: asyncio.TimerHandle | None = None
        self._undo: Callable[[], None] = lambda: None

    def restore(self, facts: Iterable[Recorded]) -> None:
        for recorded in facts:
            self._board.apply(recorded)

    def start(self) -> None:
        self._undo = self._bus.subscribe(lambda recorded: self.restore((recorded,)))
        self._roll()

    def close(self) -> None:
        self._undo()
        if self._midnight:
            self._midnight.cancel()

    def snapshot(self) -> Row:
        rows = self._board.snapshot()
        agents = [agent_row(agent, state) for agent, state in self._floor if state.intent != "signed_out"]
        return {
            "at": self._clock.now(),
            "switch_linked": self._switch.linked,
            "queues": [queue_row(row, self._titles[row.name]) for row in rows.values() if isinstance(row, QueueView)],
            "agents": agents,
            "calls": [self._call_row(row) for row in rows.values() if isinstance(row, CallView)],
            "counts": {
                "signed_in": len(agents),
                "ready": sum(a["intent"] == "ready" and a["system"] == "available" for a in agents),
                "talking": sum(a["system"] == "talking" for a in agents),
                "wrap_up": sum(a["system"] == "wrap_up" for a in agents),
                "paused": sum(a["intent"] == "paused" for a in agents),
                "calls": sum(isinstance(row, CallView) for row in rows.values()),
            },
        }

    def _call_row(self, view: CallView) -> Row:
        live = self._calls.get(view.call_id)
        return {**board_call_row(view), "customer_name": live.customer.get("name") if live else None}

    def _roll(self) -> None:
        now = self._clock.now()
        self._board.roll(now)
        delay = max(1.0, (self._board.day_ends() - now) / SECOND)
        self._midnight = asyncio.get_running_loop().call_later(delay, self._roll)


def queue_row(view: QueueView, title: Mapping[str, str]) -> Row:
    return {
        "name": view.name,
        "title": dict(title),
        "waiting": view.waiting,
        "longest_since": view.longest_since,
        "offered": view.today.offered,
        "talking": view.talking,
        "ready": view.ready,
        "signed_in": view.signed_in,
        "answered": view.today.answered,
        "abandoned": view.today.abandoned,
    }


def board_call_row(view: CallView) -> Row:
    return {
        "call_id": view.call_id,
        "caller": view.caller,
        "did": view.did,
        "stage": view.stage,
        "since": view.since,
        "queue": view.queue,
        "agent_id": view.agent_id,
    }
