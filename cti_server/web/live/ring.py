"""The last facts in memory, encoded once each, so that a returning client is served without the database."""

from __future__ import annotations

from collections import deque
from functools import cached_property
from itertools import islice

import orjson

from cti_server.domain.facts import Recorded, to_dict
from cti_server.domain.ids import Micros
from cti_server.web.live.views import View, about, concerns, masked


class Entry:
    """One recorded fact and its wire forms. Both are made when first asked for and shared by all clients."""

    def __init__(self, recorded: Recorded) -> None:
        self.id = recorded.id
        self.kind = type(recorded.fact).__name__
        self.agents = concerns(recorded.fact)
        self.about = about(recorded.fact)
        self._fact = recorded.fact

    @cached_property
    def readable(self) -> bytes:
        return self._encode(to_dict(self._fact))

    @cached_property
    def masked(self) -> bytes:
        return self._encode(masked(to_dict(self._fact)))

    def _encode(self, data: dict[str, object]) -> bytes:
        at: Micros = self._fact.at
        return orjson.dumps({"event": self.id, "kind": self.kind, "at": at, "data": data})

    def for_view(self, view: View) -> bytes | None:
        """None when the view does not see it."""
        if not (view.everything or self.about or view.agent_id in self.agents):
            return None
        return self.readable if view.numbers else self.masked


class Ring:
    """The newest `size` entries. `floor` is the id of the newest fact that is no longer, or never was, in it."""

    def __init__(self, size: int, floor: int) -> None:
        self._entries: deque[Entry] = deque()
        self._size = size
        self.floor = floor

    @property
    def last_id(self) -> int:
        return self._entries[-1].id if self._entries else self.floor

    def add(self, entry: Entry) -> None:
        self._entries.append(entry)
        if len(self._entries) > self._size:
            self.floor = self._entries.popleft().id

    def knows(self, last_id: int) -> bool:
        """Whether the stream can go on after this id from memory alone: it was ours, and nothing after it is missing."""
        return last_id == self.floor or self._place(last_id) is not None

    def after(self, last_id: int, limit: int) -> list[Entry]:
        """Entries with a greater id, oldest first; complete when `last_id` ≥ `floor`."""
        start = 0 if last_id <= self.floor else self._first_after(last_id)
        return list(islice(self._entries, start, start + limit))

    def _place(self, last_id: int) -> int | None:
        place = self._first_after(last_id) - 1
        return place if place >= 0 and self._entries[place].id == last_id else None

    def _first_after(self, last_id: int) -> int:
        """Counted from the newest end: a client usually missed little."""
        behind = 0
        for entry in reversed(self._entries):
            if entry.id <= last_id:
                break
            behind += 1
        return len(self._entries) - behind
