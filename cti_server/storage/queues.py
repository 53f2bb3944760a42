"""Queues as administrators set them up."""

from __future__ import annotations

from pydantic import TypeAdapter
from sqlalchemy import delete, select

from cti_server.domain.ids import QueueName
from cti_server.domain.queues import Queue
from cti_server.errors import NotFound
from cti_server.storage import tables
from cti_server.storage.engine import Database

_queue = TypeAdapter(Queue)


class SqlQueues:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> dict[QueueName, Queue]:
        """In the order they were first stored. Raises InvalidValue when a stored setting cannot be right."""
        query = select(tables.queues.c.settings).order_by(tables.queues.c.position, tables.queues.c.name)
        async with self._database.read() as connection:
            found = [_queue.validate_python(row) for row in (await connection.execute(query)).scalars()]
        return {queue.name: queue for queue in found}

    async def save(self, queue: Queue, position: int = 0) -> None:
        row = {"name": queue.name, "position": position, "settings": _queue.dump_python(queue, mode="json")}
        async with self._database.write() as connection:
            await connection.execute(self._database.upsert(tables.queues), row)

    async def remove(self, name: QueueName) -> None:
        """Raises NotFound. What happened in it stays on the timeline."""
        async with self._database.write() as connection:
            gone = await connection.execute(delete(tables.queues).where(tables.queues.c.name == name))
        if gone.rowcount == 0:
            raise NotFound(f"no queue {name}")
