"""Agents' notes about calls. Their text identifies people: it is kept here, never in a fact or a log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cti_server.clock import Clock
from cti_server.domain.ids import AgentId, CallId
from cti_server.domain.work import Note
from cti_server.errors import Conflict
from cti_server.storage import tables
from cti_server.storage.engine import Database

_n = tables.call_notes.c


class SqlNotes:
    """`services.work.NoteStore`."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    async def note(self, call_id: CallId, agent_id: AgentId) -> Note:
        """Version 0 when nothing is saved."""
        async with self._database.read() as connection:
            return await _one(connection, call_id, agent_id)

    async def of_calls(self, call_ids: Sequence[CallId], agent_id: AgentId) -> dict[CallId, Note]:
        query = select(tables.call_notes).where(_n.call_id.in_(call_ids), _n.agent_id == agent_id)
        async with self._database.read() as connection:
            notes = [to_note(row) for row in await connection.execute(query)]
        return {note.call_id: note for note in notes}

    async def save(self, call_id: CallId, agent_id: AgentId, text: str, version: int) -> Note:
        """`version` is the one the change was made on. The same text again changes nothing, whatever the version: the
        answer to it may have been lost. Raises Conflict (`note_changed`, with what stands there) otherwise."""
        async with self._database.write() as connection:
            blank = {"call_id": call_id, "agent_id": agent_id, "text": "", "version": 0, "saved_at": 0}
            await connection.execute(self._database.upsert(tables.call_notes, changes=False), blank)
            known = await _one(connection, call_id, agent_id, lock=True)
            if known.text == text and known.version:
                return known
            if known.version != version:
                raise Conflict(
                    "this note was changed in another window",
                    reason="note_changed",
                    text=known.text,
                    version=known.version,
                )
            values = {"text": text, "version": version + 1, "saved_at": self._clock.now()}
            this = (_n.call_id == call_id, _n.agent_id == agent_id)
            await connection.execute(update(tables.call_notes).where(*this).values(**values))
            return await _one(connection, call_id, agent_id)


async def _one(connection: AsyncConnection, call_id: CallId, agent_id: AgentId, *, lock: bool = False) -> Note:
    query = select(tables.call_notes).where(_n.call_id == call_id, _n.agent_id == agent_id)
    row = (await connection.execute(query.with_for_update() if lock else query)).one_or_none()
    return Note(call_id=call_id, agent_id=agent_id) if row is None else to_note(row)


def to_note(row: Row[Any]) -> Note:
    return Note(
        call_id=CallId(row.call_id),
        agent_id=AgentId(row.agent_id),
        text=row.text,
        version=row.version,
        saved_at=row.saved_at,
    )
