"""The timeline's tables: facts, and the call records and visits folded from them in the same transaction.

A fact is stored once: (server, id) is its key, and one already there is neither stored nor folded again. Records of
calls in progress are kept in memory; `folded` (facts folded into a call so far) tells when another server changed one.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence
from typing import Any, TypeVar

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, Row, Select, bindparam, case, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from cti_server.domain.calls import CallRecord, apply
from cti_server.domain.facts import CallFact, Recorded, agent_id_of, call_id_of, from_dict, to_dict
from cti_server.domain.ids import AgentId, CallId, Micros
from cti_server.errors import Conflict
from cti_server.storage import tables
from cti_server.storage.engine import Database

KEPT_CALLS = 4_096
CHUNK = 500
"""Most values in one IN (…): both databases limit bound parameters."""
TAKES = ("CallArrived", "CallResumed", "CallTakenUp")
"""Kinds of facts by which a server comes to own a call."""
T = TypeVar("T")
_record = TypeAdapter(CallRecord)
_COUNTS = (
    select(tables.calls.c.call_id, tables.calls.c.folded)
    .where(tables.calls.c.call_id.in_(bindparam("wanted", expanding=True)))
    .with_for_update()
)


class SqlFactStore:
    """`ports.FactStore`. One writer per server; several servers may share the database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._calls: OrderedDict[CallId, tuple[CallRecord, int]] = OrderedDict()
        self._last: dict[str, int] = {}

    async def append(self, facts: Sequence[Recorded]) -> None:
        """One transaction. Raises StorageUnavailable; InvalidValue when the database cannot hold one of the facts."""
        try:
            await self._append(facts)
        except Conflict:
            await self._append(facts)  # somebody stored facts of this server since we last looked

    async def _append(self, facts: Sequence[Recorded]) -> None:
        if not facts:
            return
        try:
            async with self._database.write() as connection:
                new = await self._unstored(connection, facts)
                await self._insert(connection, new)
                changed = await self._fold(connection, new)
                await self._save(connection, changed)
        except BaseException:
            self._forget()  # whether the commit went through is not known
            raise
        self._remember(new, changed)

    async def last_id(self, server: str) -> int:
        """0 when the server has stored nothing yet."""
        async with self._database.read() as connection:
            return await _last_id(connection, server)

    async def after(self, last_id: int, *, limit: int) -> list[Recorded]:
        """Facts with a greater id, oldest first."""
        return await self._read(select(tables.facts).where(tables.facts.c.id > last_id).limit(limit))

    async def of_call(self, call_id: CallId) -> list[Recorded]:
        return await self._read(select(tables.facts).where(tables.facts.c.call_id == call_id))

    async def rare(self, since: Micros, *, limit: int) -> list[Recorded]:
        """The last `limit` facts of alarms and listening (`tables.RARE_KINDS`) since then, oldest first."""
        column = tables.facts.c
        query = (
            select(tables.facts).where(text(tables.RARE), column.id >= since).order_by(column.id.desc()).limit(limit)
        )
        async with self._database.read() as connection:
            return [_recorded(row) for row in reversed((await connection.execute(query)).all())]

    async def of_agent(self, agent_id: AgentId, since: Micros, until: Micros) -> list[Recorded]:
        """Facts of the agent with since ≤ at < until, those of his offers and talks included."""
        column = tables.facts.c
        return await self._read(
            select(tables.facts).where(column.agent_id == agent_id, column.at >= since, column.at < until)
        )

    async def codes_used(self, agent_id: AgentId, since: Micros) -> dict[str, int]:
        """Disposition code → visits to which this agent gave it at or after `since`."""
        column = tables.facts.c
        code, visit = column.data["code"].as_string(), column.data["visit_id"].as_string()
        given = (column.agent_id == agent_id, column.at >= since, column.kind == "DispositionSet")
        query = select(code, func.count(visit.distinct())).where(*given).group_by(code)
        async with self._database.read() as connection:
            return {str(found): times for found, times in await connection.execute(query)}

    async def open_calls(self) -> list[CallId]:
        """Calls whose end is not stored, oldest first."""
        query = select(tables.calls.c.call_id).where(tables.calls.c.ended.is_(None)).order_by(tables.calls.c.started)
        async with self._database.read() as connection:
            return [CallId(call_id) for call_id in (await connection.execute(query)).scalars()]

    async def open_by_server(self) -> dict[CallId, str]:
        """Open calls, oldest first, each with the server that has it: the last one it reached or that took it up."""
        column, took = tables.facts.c, tables.facts.c.kind.in_(TAKES)
        last = func.coalesce(func.max(case((took, column.id))), func.min(column.id)).label("last")
        which = (
            select(column.call_id, last)
            .join(tables.calls, tables.calls.c.call_id == column.call_id)
            .where(tables.calls.c.ended.is_(None))
            .group_by(column.call_id)
            .subquery()
        )
        own = (column.call_id == which.c.call_id) & (column.id == which.c.last)
        query = select(column.call_id, column.server).join(which, own).order_by(column.id)
        async with self._database.read() as connection:
            return {CallId(call_id): server for call_id, server in await connection.execute(query)}

    async def known_channels(self, node: str, uniqueids: Collection[str], since: Micros) -> set[str]:
        """Those of these channels that came to a server at or after `since`."""
        column = tables.facts.c
        uniqueid = column.data["uniqueid"].as_string()
        came = (column.id >= since, column.kind.in_(("CallArrived", "CallResumed")))
        found: set[str] = set()
        async with self._database.read() as connection:
            for part in _chunks(sorted(uniqueids)):
                own = (column.data["node"].as_string() == node, uniqueid.in_(part))
                found.update((await connection.execute(select(uniqueid).where(*came, *own))).scalars())
        return found

    async def open_records(self) -> list[CallRecord]:
        """Records of `open_calls`, newest first."""
        async with self._database.read() as connection:
            return await calls_of(connection, tables.calls.c.ended.is_(None), limit=None)

    async def load_call(self, call_id: CallId) -> CallRecord | None:
        """The stored call record; None when no fact of the call is stored."""
        async with self._database.read() as connection:
            loaded = await _load(connection, [call_id])
        return loaded[call_id][0] if call_id in loaded else None

    async def search_calls(
        self,
        *,
        agent_id: str | None = None,
        number: str | None = None,
        queue: str | None = None,
        since: Micros | None = None,
        limit: int = 50,
    ) -> list[CallRecord]:
        """Call records newest first; None = no such filter. `number` is E.164, `queue` any it visited."""
        column = tables.calls.c
        visited = select(tables.visits.c.call_id).where(tables.visits.c.queue == queue)
        talked = select(tables.visits.c.call_id).where(tables.visits.c.agent_id == agent_id)
        where = [
            *([or_(column.agent_id == agent_id, column.call_id.in_(talked))] if agent_id is not None else []),
            *([column.caller == number] if number is not None else []),
            *([column.call_id.in_(visited)] if queue is not None else []),
            *([column.started >= since] if since is not None else []),
        ]
        async with self._database.read() as connection:
            return await calls_of(connection, *where, limit=limit)

    async def _read(self, query: Select[Any]) -> list[Recorded]:
        async with self._database.read() as connection:
            rows = await connection.execute(query.order_by(tables.facts.c.id, tables.facts.c.server))
            return [_recorded(row) for row in rows]

    async def _unstored(self, connection: AsyncConnection, facts: Sequence[Recorded]) -> list[Recorded]:
        """Those not in the database yet, each once, in order. Beyond the last stored id all are new."""
        for server in {recorded.server for recorded in facts} - self._last.keys():
            self._last[server] = await _last_id(connection, server)
        seen = await self._stored_keys(connection, [r for r in facts if r.id <= self._last[r.server]])
        new = []
        for recorded in sorted(facts, key=lambda r: r.id):
            if (recorded.server, recorded.id) not in seen:
                seen.add((recorded.server, recorded.id))
                new.append(recorded)
        return new

    async def _stored_keys(self, connection: AsyncConnection, facts: Sequence[Recorded]) -> set[tuple[str, int]]:
        found: set[tuple[str, int]] = set()
        for part in _chunks([recorded.id for recorded in facts]):
            query = select(tables.facts.c.server, tables.facts.c.id).where(tables.facts.c.id.in_(part))
            found.update((server, fact_id) for server, fact_id in await connection.execute(query))
        return found

    async def _insert(self, connection: AsyncConnection, facts: Sequence[Recorded]) -> None:
        if facts:
            await connection.execute(tables.facts.insert(), [_fact_row(recorded) for recorded in facts])

    async def _fold(
        self, connection: AsyncConnection, facts: Sequence[Recorded]
    ) -> dict[CallId, tuple[CallRecord, int]]:
        """The call records these facts change, with how many facts each now holds."""
        call_facts = [recorded.fact for recorded in facts if isinstance(recorded.fact, CallFact)]
        changed = await self._present(connection, {fact.call_id for fact in call_facts})
        folded: dict[CallId, tuple[CallRecord, int]] = {}
        for fact in call_facts:
            before, count = folded.get(fact.call_id) or changed.get(fact.call_id) or (None, 0)
            folded[fact.call_id] = (apply(before, fact), count + 1)
        return folded

    async def _present(
        self, connection: AsyncConnection, call_ids: set[CallId]
    ) -> dict[CallId, tuple[CallRecord, int]]:
        """Records as they stand: from memory where the row has not changed since, else read. Locks the rows."""
        stored = await _counts(connection, call_ids)
        known = {
            call_id: self._calls[call_id]
            for call_id, count in stored.items()
            if call_id in self._calls and self._calls[call_id][1] == count
        }
        return known | await _load(connection, stored.keys() - known.keys())

    async def _save(self, connection: AsyncConnection, changed: dict[CallId, tuple[CallRecord, int]]) -> None:
        if not changed:
            return
        rows = [_call_row(record, count) for record, count in changed.values()]
        await connection.execute(self._database.upsert(tables.calls), rows)
        visits = [row for record, _ in changed.values() for row in _visit_rows(record)]
        if visits:
            await connection.execute(self._database.upsert(tables.visits), visits)

    def _remember(self, stored: Sequence[Recorded], changed: dict[CallId, tuple[CallRecord, int]]) -> None:
        for recorded in stored:
            self._last[recorded.server] = max(self._last[recorded.server], recorded.id)
        for call_id, entry in changed.items():
            self._calls[call_id] = entry
            self._calls.move_to_end(call_id)
        while len(self._calls) > KEPT_CALLS:
            self._calls.popitem(last=False)

    def _forget(self) -> None:
        self._calls.clear()
        self._last.clear()


async def calls_of(connection: AsyncConnection, *where: ColumnElement[bool], limit: int | None) -> list[CallRecord]:
    """Call records newest first, filtered by conditions on `tables.calls`."""
    query = select(tables.calls.c.record).where(*where).order_by(tables.calls.c.started.desc()).limit(limit)
    return [_record.validate_python(record) for record in (await connection.execute(query)).scalars()]


async def _last_id(connection: AsyncConnection, server: str) -> int:
    query = select(func.max(tables.facts.c.id)).where(tables.facts.c.server == server)
    return await connection.scalar(query) or 0


async def _counts(connection: AsyncConnection, call_ids: Iterable[CallId]) -> dict[CallId, int]:
    found: dict[CallId, int] = {}
    for part in _chunks(sorted(call_ids)):
        rows = await connection.execute(_COUNTS, {"wanted": part})
        found.update((CallId(call_id), count) for call_id, count in rows)
    return found


async def _load(connection: AsyncConnection, call_ids: Iterable[CallId]) -> dict[CallId, tuple[CallRecord, int]]:
    found: dict[CallId, tuple[CallRecord, int]] = {}
    column = tables.calls.c
    for part in _chunks(list(call_ids)):
        query = select(column.call_id, column.record, column.folded).where(column.call_id.in_(part))
        for call_id, record, folded in await connection.execute(query):
            found[CallId(call_id)] = (_record.validate_python(record), folded)
    return found


def _chunks(items: Sequence[T]) -> Iterable[Sequence[T]]:
    return (items[start : start + CHUNK] for start in range(0, len(items), CHUNK))


def _fact_row(recorded: Recorded) -> dict[str, Any]:
    fact = recorded.fact
    return {
        "server": recorded.server,
        "id": recorded.id,
        "kind": type(fact).__name__,
        "at": fact.at,
        "call_id": call_id_of(fact),
        "agent_id": agent_id_of(fact),
        "data": to_dict(fact),
    }


def _recorded(row: Row[Any]) -> Recorded:
    return Recorded(row.id, row.server, from_dict(row.kind, row.data))


def _call_row(record: CallRecord, folded: int) -> dict[str, Any]:
    return {
        "call_id": record.call_id,
        "folded": folded,
        "direction": record.direction,
        "caller": record.caller,
        "did": record.did,
        "customer_id": record.customer_id,
        "started": record.started,
        "ended": record.ended,
        "agent_id": record.last_agent,
        "unknown_end": record.unknown_end,
        "record": _record.dump_python(record, mode="json"),
    }


def _visit_rows(record: CallRecord) -> Iterable[dict[str, Any]]:
    for visit in record.visits:
        yield {
            "visit_id": visit.visit_id,
            "call_id": record.call_id,
            "queue": visit.queue,
            "entered_at": visit.entered_at,
            "started": visit.started,
            "answered_at": visit.answered_at,
            "ended": visit.ended,
            "outcome": visit.outcome,
            "agent_id": visit.agent_id,
            "wait": visit.wait,
            "ring": visit.ring,
            "talk": visit.talk,
            "hold": visit.hold,
        }
