"""The hub takes every fact from the bus and hands it to the live connections that may see it.

Who comes back with a last id gets what he missed: from the ring in memory, or from the fact store when it is older, or
a `reset` with the present state when the way back is too long or the id is not of this timeline. Joining happens in the
same step, without an await, in which the last missed fact is taken, so there is no hole and no duplicate.

Besides events the hub pushes state: `me` after each event of an agent, and the board's changed `rows` at most every
`BOARD_EVERY` seconds. Rows are absolute, as of fact `last`, and come after the events they contain: whoever applies them in
order to the board he joined with has the board of that fact.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Literal

from cti_server.bus import Bus
from cti_server.clock import Clock
from cti_server.domain.board import Key
from cti_server.domain.facts import Recorded
from cti_server.ports import FactStore
from cti_server.web import failures
from cti_server.web.desk import Desk
from cti_server.web.live.client import POP_FACTS, Client, Close
from cti_server.web.live.ring import Entry, Ring
from cti_server.web.live.views import board_for, rows_for
from cti_server.web.meters import Meters
from cti_server.web.wire import Board, BoardRows, Counts, LiveState, Me, Reset

RING = 20_000
CHUNK = 500
REPLAY_CHUNKS = 100
BOARD_EVERY = 0.2

ResetReason = Literal["new", "too_old", "unknown"]


class Hub:
    """Create it after the bus knows the stored timeline's last id. `close` undoes the subscription and ends all clients."""

    def __init__(
        self, bus: Bus, facts: FactStore, desk: Desk, clock: Clock, meters: Meters, *, ring: int = RING
    ) -> None:
        self._bus = bus
        self._facts = facts
        self._desk = desk
        self._clock = clock
        self._meters = meters
        self._ring = Ring(ring, bus.last_id)
        self._everything: set[Client] = set()
        self._of_agent: defaultdict[str, set[Client]] = defaultdict(set)
        self._clients: set[Client] = set()
        self._stale: set[Client] = set()
        self._changed: set[Key] = set()
        self._counts = Counts()
        self._board_timer: asyncio.TimerHandle | None = None
        self._unsubscribe = (bus.subscribe(self._take), desk.watch_board(self._board_changed))

    # ---- facts in ----

    def _take(self, recorded: Recorded) -> None:
        entry = Entry(recorded)
        self._ring.add(entry)
        self._meters.events.inc()
        for client in self._clients if entry.about else self._everything:
            client.put(entry.readable if client.view.numbers else entry.masked)
            if client.shows & entry.about:
                client.pop_due.set()
        for agent_id in entry.agents:
            self._to_agent(entry, agent_id)

    def _to_agent(self, entry: Entry, agent_id: str) -> None:
        for client in self._of_agent.get(agent_id, ()):
            if not client.view.everything:
                client.put(entry.readable)
            if not self._stale:
                asyncio.get_running_loop().call_soon(self._push_state)
            self._stale.add(client)
            if entry.kind in POP_FACTS:
                client.pop_due.set()

    # ---- state out ----

    def _push_state(self) -> None:
        """After all subscribers took the fact: `me` must show its effect."""
        stale, self._stale = self._stale, set()
        for client in stale & self._clients:
            me = self._me(client)
            if me is not None:
                client.put(b'{"me":' + me.model_dump_json().encode() + b"}")

    def _me(self, client: Client) -> Me | None:
        """None for a user who takes no calls, and when the state cannot be told (which is logged)."""
        try:
            return None if client.agent_id is None else Me.model_validate(self._desk.agent(client.agent_id))
        except Exception as error:
            failures.as_cti_error(error)
            return None

    def _board_changed(self, keys: Collection[Key]) -> None:
        if not self._clients:
            return
        self._changed.update(keys)
        if self._board_timer is None:
            self._board_timer = asyncio.get_running_loop().call_later(BOARD_EVERY, self._push_rows)

    def _push_rows(self) -> None:
        """Rows that cannot be told now come with the next change."""
        self._board_timer = None
        try:
            rows = BoardRows.model_validate({**self._desk.board_rows(self._changed), "last": self._ring.last_id})
        except Exception as error:
            failures.as_cti_error(error)
            return
        news = bool(rows.queues) or rows.counts != self._counts or any(kind == "switch" for kind, _ in self._changed)
        self._changed, self._counts = set(), rows.counts
        encoded: dict[tuple[bool, bool], bytes] = {}
        for client in self._clients:
            view = client.view
            if not (news or view.everything):
                continue
            key = (view.everything, view.numbers)
            if key not in encoded:
                encoded[key] = b'{"rows":' + rows_for(view, rows).model_dump_json().encode() + b"}"
            client.put(encoded[key])

    def _board(self) -> Board:
        return Board.model_validate(self._desk.board())

    # ---- clients ----

    async def catch_up(self, client: Client, last_id: int | None) -> int:
        """Send what the client missed since `last_id` (None = it is new), then the state, and join it to the stream.
        Returns the id the stream stands at. Raises StorageUnavailable."""
        self.leave(client)
        reason = await self._replay(client, last_id)
        self._join(client)
        last = self._ring.last_id
        self._put_state(client, reason)
        client.pop_due.set()
        return last

    async def _replay(self, client: Client, last_id: int | None) -> ResetReason | None:
        """None when every missed event was queued; the caller must join the client before it awaits anything."""
        if last_id is None:
            return "new"
        if last_id >= self._ring.floor and not self._ring.knows(last_id):
            return "unknown"
        for _ in range(REPLAY_CHUNKS):
            if last_id >= self._ring.floor:
                missed = self._ring.after(last_id, CHUNK)
                _offer(client, missed)
                if len(missed) < CHUNK:
                    return None
                last_id = missed[-1].id
            else:
                reached = await self._replay_stored(client, last_id)
                if reached is None:
                    return "too_old"
                last_id = reached
            await client.drained()
        return "too_old"

    async def _replay_stored(self, client: Client, last_id: int) -> int | None:
        """One page of the store, up to the ring's floor. The id reached; None when those facts are not stored (yet)."""
        page = await self._facts.after(last_id, limit=CHUNK)
        if not page:
            return None
        floor = self._ring.floor
        _offer(client, [Entry(one) for one in page if one.server == self._bus.server and one.id <= floor])
        return min(page[-1].id, floor)

    def _put_state(self, client: Client, reason: ResetReason | None) -> None:
        me, board, now = self._me(client), board_for(client.view, self._board()), self._clock.now()
        last = self._ring.last_id
        if reason is None:
            state = LiveState(last=last, now=now, me=me, board=board)
            client.put(b'{"state":' + state.model_dump_json().encode() + b"}")
        else:
            reset = Reset(last=last, now=now, me=me, board=board, reason=reason)
            client.put(b'{"reset":' + reset.model_dump_json().encode() + b"}")

    def _join(self, client: Client) -> None:
        self._clients.add(client)
        self._meters.clients.set(len(self._clients))
        if client.view.everything:
            self._everything.add(client)
        if client.agent_id is not None:
            self._of_agent[client.agent_id].add(client)

    def leave(self, client: Client) -> None:
        self._clients.discard(client)
        self._everything.discard(client)
        self._stale.discard(client)
        self._meters.clients.set(len(self._clients))
        if client.agent_id is not None:
            self._of_agent[client.agent_id].discard(client)

    def count_slow(self) -> None:
        self._meters.slow.inc()

    def end_session(self, token_hash: str) -> None:
        """Close the connections of a session that was signed out."""
        for client in tuple(self._clients):
            if client.identity.session.token_hash == token_hash:
                client.end(Close.SIGNED_OUT)

    def close(self) -> None:
        """End all connections with `Close.RESTART`: they come back when the next process listens."""
        for undo in self._unsubscribe:
            undo()
        if self._board_timer is not None:
            self._board_timer.cancel()
        for client in tuple(self._clients):
            client.end(Close.RESTART)


def _offer(client: Client, entries: Sequence[Entry]) -> None:
    for entry in entries:
        message = entry.for_view(client.view)
        if message is not None:
            client.put(message)
