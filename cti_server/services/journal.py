"""The journal: takes every recorded fact from the bus and stores it, in order, exactly once, without ever blocking a call.

    direct    facts wait at most half a batch time, then one transaction stores them
    behind    the database has not answered within the other half, or is away: everything not stored goes to the spill
              file, which is replayed from the front before anything newer is stored
    mute      the file cannot be written either: facts stay in memory up to `memory_facts`; beyond that they are counted as
              lost, and `on_gap` says from when to when once the database is back

A fact recorded more than one batch time ago is therefore in the database or in the file, and survives kill -9. A fact
that was in both is stored once, because (server, id) is its key. A fact the database refuses for what it is goes to
the file's `.bad` neighbour, so that it cannot hold up those behind it.

One task does all this and owns the file; recording only appends to a deque.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import islice

import structlog

from cti_server.bus import Bus
from cti_server.clock import Clock
from cti_server.domain.facts import Recorded
from cti_server.domain.ids import Micros
from cti_server.errors import Unavailable
from cti_server.ports import FactStore, Spill

BATCH = 2_000
"""Most facts in one transaction."""
FIRST_RETRY = 0.1
LAST_RETRY = 5.0
SPILL_RETRY = 1.0
GapSubscriber = Callable[[Micros, Micros, int], None]
"""Called with since, until and how many facts were lost."""
log = structlog.get_logger(__name__)


class Journal:
    """`open` it, `start` it, `close` it. `queued` facts wait in memory, `spilled` in the file (an upper bound)."""

    def __init__(
        self,
        bus: Bus,
        store: FactStore,
        spill: Spill,
        clock: Clock,
        *,
        batch_millis: int = 50,
        memory_facts: int = 50_000,
        on_gap: GapSubscriber | None = None,
    ) -> None:
        self._bus, self._store, self._spill, self._clock = bus, store, spill, clock
        self._half_batch = batch_millis / 2000
        self._memory_facts = memory_facts
        self.on_gap = on_gap
        self._pending: deque[Recorded] = deque()
        self._wake = asyncio.Event()
        self._hurry = False
        self._closing_at: float | None = None
        self._retry = FIRST_RETRY
        self._away = False
        self._mute = False
        self._spill_again = 0.0
        self._accepted_id = self._handled_id = 0
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._lost_since: Micros | None = None
        self._lost_now = 0
        self._task: asyncio.Task[None] | None = None
        self._unsubscribe: Callable[[], None] | None = None
        self.spilled = 0
        self.lost = 0
        self.rejected = 0
        self.last_stored_at: Micros | None = None

    @property
    def queued(self) -> int:
        return len(self._pending)

    @property
    def away(self) -> bool:
        """The database did not answer the last time we asked."""
        return self._away

    async def open(self) -> int:
        """Make the spill file ready; the largest id ever recorded here, for `Bus.start_after`.

        Raises StorageUnavailable, and OSError when the spill file's folder cannot be used.
        """
        spilled_id = await asyncio.to_thread(self._spill.open)
        return max(spilled_id, await self._store.last_id(self._bus.server))

    def start(self) -> None:
        self._unsubscribe = self._bus.subscribe(self._take)
        self._task = asyncio.create_task(self._run(), name="journal")

    async def flush(self) -> None:
        """Returns once every fact recorded so far is stored; waits as long as the database is away."""
        target = self._accepted_id
        if target <= self._handled_id:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((target, future))
        self._hurry = True
        self._wake.set()
        await future

    async def close(self, within: float = 5.0) -> None:
        """Store what can be stored within so many seconds; the rest goes to the file and is stored at the next start."""
        if self._task is None:
            return
        if self._unsubscribe is not None:
            self._unsubscribe()
        self._closing_at = asyncio.get_running_loop().time() + within
        self._wake.set()
        task, self._task = self._task, None
        await task
        if self._pending:
            log.error("journal_lost_at_close", facts=len(self._pending))
        for _, future in self._waiting:
            future.cancel()

    # ---- taking ------------------------------------------------------------------------------------------------

    def _take(self, recorded: Recorded) -> None:
        if len(self._pending) >= self._memory_facts:
            self._lose(recorded)
            return
        self._pending.append(recorded)
        self._accepted_id = recorded.id
        self._wake.set()

    def _lose(self, recorded: Recorded) -> None:
        if self._lost_since is None:
            self._lost_since = recorded.fact.at
            log.error("journal_full", facts=len(self._pending), mend="free the disk or bring the database back")
        self._lost_now += 1
        self.lost += 1

    # ---- the one writer ------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while not self._finished():
            await self._rest()
            try:
                await self._step()
            except (Unavailable, TimeoutError, OSError) as error:
                await self._went_away(error)
            except Exception as error:
                log.exception("journal_step_failed")
                await self._went_away(error)
        await self._spill_pending()

    def _finished(self) -> bool:
        if self._closing_at is None:
            return False
        return self._too_late() or self._away or (not self._pending and self._spill.empty)

    def _too_late(self) -> bool:
        return self._closing_at is not None and asyncio.get_running_loop().time() >= self._closing_at

    async def _rest(self) -> None:
        """Until there is something to store, and a little longer so that a batch can gather."""
        while not self._pending and self._spill.empty and self._closing_at is None:
            self._wake.clear()
            await self._wake.wait()
        if self._spill.empty and not self._hurry and self._closing_at is None:
            await asyncio.sleep(self._half_batch)

    async def _step(self) -> None:
        """Store the oldest facts, from the file first. What was spilled meanwhile, because the database was slow, begins
        with the very facts just stored."""
        if self._spill.empty:
            facts = list(islice(self._pending, BATCH))
            await self._append(facts)
            self._drop_stored(facts)
            await self._skip_in_file(len(facts))
        else:
            facts = await asyncio.to_thread(self._spill.peek, BATCH)
            self.spilled = max(self.spilled, len(facts))
            await self._append(facts)
            await self._consume(len(facts))
        self._stored(facts)

    async def _skip_in_file(self, count: int) -> None:
        if not self._spill.empty:
            await asyncio.to_thread(self._spill.peek, count)
            await self._consume(count)

    async def _consume(self, count: int) -> None:
        await asyncio.to_thread(self._spill.consume, count)
        self.spilled = 0 if self._spill.empty else max(0, self.spilled - count)

    def _drop_stored(self, facts: Sequence[Recorded]) -> None:
        """Unless they were spilled meanwhile, because the database was slow: then the file has them."""
        last = facts[-1].id if facts else 0
        while self._pending and self._pending[0].id <= last:
            self._pending.popleft()

    def _stored(self, facts: Sequence[Recorded]) -> None:
        self._retry = FIRST_RETRY
        if self._away:
            self._away = False
            log.info("journal_back", spilled=self.spilled)
        if facts:
            self.last_stored_at = self._clock.now()
            self._handled_id = max(self._handled_id, facts[-1].id)
        self._tell_flushed()
        self._tell_gap()

    def _tell_flushed(self) -> None:
        still = [(target, future) for target, future in self._waiting if target > self._handled_id]
        for target, future in self._waiting:
            if target <= self._handled_id and not future.done():
                future.set_result(None)
        self._waiting = still
        self._hurry = bool(still)

    def _tell_gap(self) -> None:
        if self._lost_since is None or len(self._pending) >= self._memory_facts:
            return
        since, lost = self._lost_since, self._lost_now
        self._lost_since, self._lost_now = None, 0
        log.error("journal_gap", facts=lost)
        if self.on_gap is not None:
            self.on_gap(since, self._clock.now(), lost)

    # ---- a database that is slow, away or refuses ------------------------------------------------------------------

    async def _append(self, facts: Sequence[Recorded]) -> None:
        """Store them while newer ones go to the file whenever the database takes longer than half a batch."""
        storing = asyncio.create_task(self._store_or_reject(facts))
        while not (await asyncio.wait({storing}, timeout=self._half_batch))[0]:
            await self._spill_pending()
            if self._too_late():
                storing.cancel()
                await asyncio.wait({storing})
                raise TimeoutError("the database did not answer before closing")
        storing.result()

    async def _store_or_reject(self, facts: Sequence[Recorded]) -> None:
        """Halve a batch the database refuses until the fact it refuses stands alone; that one is put aside."""
        try:
            await self._store.append(facts)
        except Unavailable:
            raise
        except Exception as error:
            if len(facts) == 1:
                await self._reject(facts[0], error)
                return
            middle = len(facts) // 2
            await self._store_or_reject(facts[:middle])
            await self._store_or_reject(facts[middle:])

    async def _reject(self, recorded: Recorded, error: Exception) -> None:
        self.rejected += 1
        log.error("fact_refused", kind=type(recorded.fact).__name__, id=recorded.id, error=type(error).__name__)
        try:
            await asyncio.to_thread(self._spill.reject, recorded)
        except OSError as failed:
            log.error("fact_lost", kind=type(recorded.fact).__name__, id=recorded.id, error=str(failed))
            self.lost += 1

    async def _went_away(self, error: Exception) -> None:
        """Spill, then wait before the next try; facts that come meanwhile are spilled too."""
        if not self._away:
            self._away = True
            log.error("journal_away", error=str(error), mend="facts go to the spill file until the database is back")
        loop = asyncio.get_running_loop()
        until, self._retry = loop.time() + self._retry, min(self._retry * 2, LAST_RETRY)
        await self._spill_pending()
        while (left := until - loop.time()) > 0 and self._closing_at is None:
            self._wake.clear()
            try:
                await asyncio.wait_for(self._wake.wait(), min(left, LAST_RETRY))
            except TimeoutError:
                return
            await asyncio.sleep(min(self._half_batch, left))
            await self._spill_pending()

    async def _spill_pending(self) -> None:
        """A file that could not be written is tried again once a second: every try writes all that waits."""
        now = asyncio.get_running_loop().time()
        if not self._pending or (now < self._spill_again and self._closing_at is None):
            return
        facts = list(self._pending)
        try:
            await asyncio.to_thread(self._spill.append, facts)
        except OSError as error:
            self._spill_again = now + SPILL_RETRY
            self._cannot_spill(error)
            return
        self._mute = False
        self.spilled += len(facts)
        self._drop_stored(facts)

    def _cannot_spill(self, error: OSError) -> None:
        if not self._mute:
            self._mute = True
            log.error("spill_unwritable", error=str(error), kept_in_memory_at_most=self._memory_facts)


async def replay(store: FactStore, since: Micros) -> AsyncIterator[Recorded]:
    """Stored facts recorded at or after `since`, oldest first. Raises StorageUnavailable.

    Ids are made from the clock, so a time is a place on the timeline.
    """
    last_id = since - 1
    while facts := await store.after(last_id, limit=BATCH):
        for recorded in facts:
            yield recorded
        last_id = facts[-1].id
