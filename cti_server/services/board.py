"""The live board at work: the fold of domain/board.py, its midnight, and its rows as the screen reads them (web/wire.py).

`watch` tells which rows changed, `rows` answers them as they are now, `snapshot` all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from cti_server.bus import Bus
from cti_server.clock import Clock
from cti_server.domain.board import Board, CallView, Key
from cti_server.domain.facts import Recorded
from cti_server.domain.ids import SECOND, AgentId, QueueName
from cti_server.domain.queues import Queue
from cti_server.domain.service_levels import summed
from cti_server.domain.tallies import TREND_STEP, QueueView
from cti_server.ports import Switch
from cti_server.services.calls.live import LiveCalls
from cti_server.services.desk_rows import agent_row
from cti_server.services.floor import Floor

Row = dict[str, Any]
Watcher = Callable[[Collection[Key]], None]
ROWS = {"queue": "queues", "agent": "agents", "call": "calls"}


class BoardService:
    """Answers web.desk.Desk's `board`, `board_rows` and `watch_board`."""

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
        self._watchers: list[Watcher] = []

    def restore(self, facts: Iterable[Recorded]) -> None:
        for recorded in facts:
            self._board.apply(recorded)

    def start(self) -> None:
        self._undo = self._bus.subscribe(lambda recorded: self._tell(self._board.apply(recorded)))
        self._roll()

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Call `watcher` with the keys of the rows each fact changed; returns the undo."""
        self._watchers.append(watcher)

        def undo() -> None:
            if watcher in self._watchers:
                self._watchers.remove(watcher)

        return undo

    def _tell(self, changed: Collection[Key]) -> None:
        for watcher in tuple(self._watchers) if changed else ():
            watcher(changed)

    def close(self) -> None:
        self._undo()
        if self._midnight:
            self._midnight.cancel()

    def replace_queue(self, queue: Queue) -> None:
        self._titles[queue.name] = queue.title
        self._tell(self._board.replace_queue(queue))

    def remove_queue(self, name: QueueName) -> None:
        self._titles.pop(name, None)
        self._tell(self._board.remove_queue(name))

    def queues(self) -> list[QueueView]:
        return [view for name in self._titles if (view := self._board.queue(name)) is not None]

    def snapshot(self) -> Row:
        agents: list[Key] = [("agent", agent.agent_id) for agent, _ in self._floor]
        return self.rows([*(key for key in self._board.snapshot() if key[0] != "agent"), *agents])

    def rows(self, keys: Iterable[Key]) -> Row:
        """These rows as they are now (`wire.BoardRows`); rows that are no more stand in `gone`."""
        found: Row = {"queues": [], "agents": [], "calls": [], "gone": []}
        for key in keys:
            if key[0] not in ROWS:
                continue
            if row := self._row(key):
                found[ROWS[key[0]]].append(row)
            else:
                found["gone"].append(key)
        return {**found, "at": self._clock.now(), "switch_linked": self._switch.linked, "counts": self._counts()}

    def _row(self, key: Key) -> Row | None:
        """None = not on the board: a call that ended, an agent who signed out."""
        if key[0] == "agent":
            return self._agent_row(AgentId(key[1]))
        view = self._board.view(key)
        if isinstance(view, QueueView):
            return queue_row(view, self._titles[view.name])
        return self._call_row(view) if isinstance(view, CallView) else None

    def _agent_row(self, agent_id: AgentId) -> Row | None:
        if not self._floor.knows(agent_id):
            return None
        state = self._floor.state(agent_id)
        if state.intent == "signed_out":
            return None
        agent, day = self._floor.agent(agent_id), self._board.agent_day(agent_id)
        of_today = {"answered": day.answered, "average": day.average, "lent": self._board.lent(agent_id)}
        return {**agent_row(agent, state), **of_today, "skills": dict(agent.skills)}

    def _counts(self) -> Row:
        states = [state for _, state in self._floor if state.intent != "signed_out"]
        today = summed(view.today for view in self.queues())
        return {
            "signed_in": len(states),
            "ready": sum(state.free for state in states),
            "talking": sum(state.system in ("talking", "hold") for state in states),
            "wrap_up": sum(state.system == "wrap_up" for state in states),
            "paused": sum(state.intent == "paused" for state in states),
            "calls": self._board.calls_in_progress,
            "offered": today.offered,
            "answered": today.answered,
            "abandoned": today.abandoned,
            "service_levels": today.service_levels(),
        }

    def _call_row(self, view: CallView) -> Row:
        live = self._calls.get(view.call_id)
        return {**board_call_row(view), "customer_name": live.customer.get("name") if live else None}

    def _roll(self) -> None:
        now = self._clock.now()
        self._tell(self._board.roll(now))
        delay = max(1.0, (self._board.day_ends() - now) / SECOND)
        self._midnight = asyncio.get_running_loop().call_later(delay, self._roll)


def queue_row(view: QueueView, title: Mapping[str, str]) -> Row:
    return {
        "name": view.name,
        "title": dict(title),
        "waiting": view.waiting,
        "longest_since": view.longest_since,
        "offered": view.today.offered,
        "ringing": view.ringing,
        "talking": view.talking,
        "ready": view.ready,
        "free": view.free,
        "signed_in": view.signed_in,
        "answered": view.today.answered,
        "abandoned": view.today.abandoned,
        "abandoned_short": view.today.abandoned_short,
        "unseen": view.today.unseen,
        "overflowed": view.today.overflowed,
        "callbacks": view.today.callbacks,
        "answer_rate": view.today.answer_rate,
        "asa": view.today.average_speed_of_answer,
        "average_talk": view.average_talk,
        "service_levels": view.today.service_levels(),
        "threshold": view.threshold_seconds,
        "trend_at": view.trend_at,
        "trend_step": TREND_STEP,
        "trend": view.trend,
        "alarms": view.alarms,
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
