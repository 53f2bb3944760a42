"""One live connection as the hub sees it: a view, an outbox with a bound, a reason to end.

States: catching up (not joined) → joined → ended. A client that does not read its outbox fast enough is ended with
`Close.SLOW`; it comes back with its last id and misses nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from enum import IntEnum

from cti_server.web.auth import Identity
from cti_server.web.live.views import View, view_of

OUTBOX_MESSAGES = 4_000
OUTBOX_BYTES = 8 * 1024 * 1024
FRAME_MESSAGES = 256
POP_FACTS = frozenset(
    {
        *("OfferRinging", "OfferEnded", "TalkStarted", "TalkEnded", "WrapUpStarted", "WrapUpEnded"),
        *("CallPlaced", "PartyRinging", "CallNotReached"),
    }
    | {"CallerIdentified", "TicketCreated", "TicketUrged"}
)


class Close(IntEnum):
    """WebSocket close codes of ours (4000–4999 are free for applications)."""

    RESTART = 1012
    SIGNED_OUT = 4401
    SLOW = 4408


class Client:
    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.view: View = view_of(identity.user)
        self.agent_id = identity.user.agent_id
        self.ended: asyncio.Future[Close] = asyncio.get_running_loop().create_future()
        self.pop_due = asyncio.Event()
        self.shows: frozenset[str] = frozenset()
        """Ids of the files and tickets in its pop."""
        self._outbox: deque[bytes] = deque()
        self._bytes = 0
        self._filled = asyncio.Event()
        self._drained = asyncio.Event()
        self._drained.set()

    def put(self, message: bytes) -> None:
        """Queue one JSON message. Never blocks."""
        if self.ended.done():
            return
        self._outbox.append(message)
        self._bytes += len(message)
        self._filled.set()
        self._drained.clear()
        if len(self._outbox) > OUTBOX_MESSAGES or self._bytes > OUTBOX_BYTES:
            self.end(Close.SLOW)

    def end(self, reason: Close) -> None:
        if not self.ended.done():
            self.ended.set_result(reason)

    async def next_frame(self) -> bytes:
        """What waits, as one frame: a JSON object, or an array of them when several wait."""
        while not self._outbox:
            self._drained.set()
            self._filled.clear()
            await self._filled.wait()
        if len(self._outbox) == 1:
            self._bytes = 0
            return self._outbox.popleft()
        messages = [self._outbox.popleft() for _ in range(min(len(self._outbox), FRAME_MESSAGES))]
        self._bytes -= sum(map(len, messages))
        return b"[" + b",".join(messages) + b"]"

    async def drained(self) -> None:
        """Wait until everything queued was handed to the socket."""
        await self._drained.wait()
