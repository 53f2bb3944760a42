"""What an administrator changes: checked, stored and audited in one transaction, then carried to the running parts.

Two administrators: whoever saves says which state of the part he saw (`seen`, a digest of it). When another one was quicker, the
save is refused as Conflict with the part as it is now, and who changed it. Changes are applied in the order they were stored.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol

from pydantic import TypeAdapter, ValidationError

from cti_server.clock import Clock
from cti_server.domain.agents import Agent
from cti_server.domain.ids import Micros, QueueName
from cti_server.domain.queues import Queue
from cti_server.domain.setup import (
    KINDS,
    Around,
    Disposition,
    FlowVersion,
    Kind,
    OutsideNumber,
    PauseCode,
    Setup,
    Skill,
    check,
    may_remove,
    needed,
    without,
)
from cti_server.domain.users import User
from cti_server.domain.wrong import Refused, by_field, refused, wrong
from cti_server.errors import Conflict, NotFound
from cti_server.services.running import Running

Row = dict[str, Any]
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without those people mix up."""
PASSWORD_LENGTH = 14
CLASSES: dict[Kind, type[Any]] = {
    "queue": Queue,
    "agent": Agent,
    "skill": Skill,
    "pause_code": PauseCode,
    "disposition": Disposition,
    "outside_number": OutsideNumber,
    "user": User,
}
KEYS: dict[Kind, str] = {"queue": "name", "agent": "agent_id", "outside_number": "number", "user": "login"}
_ADAPTERS: dict[Kind, TypeAdapter[Any]] = {kind: TypeAdapter(one) for kind, one in CLASSES.items()}
SECRET = "password_hash"  # noqa: S105


@dataclass(frozen=True, slots=True)
class By:
    """Who asks, from where."""

    login: str
    address: str = ""


class SetupTransaction(Protocol):
    async def read(self) -> Setup: ...
    async def put(self, kind: Kind, part: Any) -> None: ...
    async def remove(self, kind: Kind, key: str) -> None: ...
    async def end_sessions(self, login: str) -> None: ...
    async def audit(
        self,
        at: Micros,
        login: str,
        address: str,
        action: str,
        subject: str,
        before: Mapping[str, Any] | None,
        after: Mapping[str, Any] | None,
    ) -> None: ...
    async def last_change(self, actions: tuple[str, ...], subject: str) -> tuple[str, Micros] | None: ...
    async def put_setting(self, name: str, value: Any) -> None: ...
    async def newest_version(self, file: str) -> FlowVersion | None: ...
    async def add_version(self, version: FlowVersion) -> int: ...


class SetupStore(Protocol):
    async def read(self) -> Setup: ...
    def change(self) -> AbstractAsyncContextManager[SetupTransaction]: ...
    async def versions(self, file: str, limit: int) -> list[FlowVersion]: ...
    async def version_files(self) -> list[str]: ...
    async def version(self, file: str, version: int) -> FlowVersion | None: ...


class Hasher(Protocol):
    async def hash(self, secret: str) -> str: ...


class Configuration:
    """Raises InvalidValue (`details['fields']`), Conflict, NotFound and StorageUnavailable."""

    def __init__(
        self, store: SetupStore, running: Running, around: Callable[[], Around], hasher: Hasher, clock: Clock
    ) -> None:
        self._store, self._running, self._around = store, running, around
        self._hasher, self._clock = hasher, clock
        self._one_by_one = asyncio.Lock()

    async def all(self) -> dict[str, list[Row]]:
        """Every part as {item, seen}, by the plural of its kind."""
        setup = await self._store.read()
        return {f"{kind}s": [part_row(kind, one) for one in _parts(setup, kind).values()] for kind in KINDS}

    async def save(self, kind: Kind, item: Row, seen: str | None, by: By) -> Row:
        """Change a part, or with `seen` None make a new one; the part as it is now. Users are made by `create_user`."""
        if kind == "user" and seen is None:
            raise Refused(wrong("made_with_password"), "login")
        return await self._save(kind, item, seen, by, None)

    async def create_user(self, item: Row, by: By) -> tuple[Row, str]:
        """The new user and his first password, which is shown once and kept nowhere."""
        password = new_password()
        return await self._save("user", item, None, by, await self._hasher.hash(password)), password

    async def reset_password(self, login: str, by: By) -> str:
        """Ends his sessions. Raises NotFound."""
        password = new_password()
        hashed = await self._hasher.hash(password)
        async with self._one_by_one, self._store.change() as change:
            user = (await change.read()).users.get(login)
            if user is None:
                raise NotFound(f"there is no user {login}")
            await change.put("user", replace(user, password_hash=hashed))
            await change.end_sessions(login)
            await change.audit(self._clock.now(), by.login, by.address, "password_reset", login, None, None)
        return password

    async def must_not_need_calendar(self, name: str) -> None:
        """Raises Conflict naming the queue with these opening hours."""
        for queue in (await self._store.read()).queues.values():
            if queue.calendar == name:
                raise needed(wrong("queue_has_hours", name=queue.name, to=name))

    async def remove(self, kind: Kind, key: str, seen: str, by: By) -> None:
        """Callers of a removed queue overflow, a removed agent leaves after his talk. Conflict while it is needed."""
        async with self._one_by_one:
            async with self._store.change() as change:
                before = await change.read()
                await self._must_be_seen(change, kind, key, _parts(before, kind).get(key), seen)
                may_remove(before, self._around(), kind, key)
                after = without(before, kind, key)
                await change.remove(kind, key)
                await self._keep(change, before, after, by)
            await self._running.apply(before, after, by.login)

    async def assign(self, agent_id: str, queues: Mapping[str, int], by: By) -> None:
        """An agent serves these queues, each with his level, for good: a change of his like any other. Raises NotFound."""
        async with self._one_by_one:
            async with self._store.change() as change:
                before = await change.read()
                agent = before.agents.get(agent_id)
                if agent is None:
                    raise NotFound(f"there is no agent {agent_id}")
                assigned = replace(agent, queues={QueueName(name): level for name, level in queues.items()})
                after = replace(before, agents={**before.agents, agent_id: assigned})
                check(after, self._around(), "agent", agent_id)
                await self._keep(change, before, after, by)
            await self._running.apply(before, after, by.login)

    async def _save(self, kind: Kind, item: Row, seen: str | None, by: By, password_hash: str | None) -> Row:
        async with self._one_by_one:
            async with self._store.change() as change:
                before = await change.read()
                key = str(item.get(KEYS.get(kind, "code"), ""))
                known = _parts(before, kind).get(key)
                await self._must_be_seen(change, kind, key, known, seen)
                part = parse(kind, item, password_hash or str(getattr(known, SECRET, "")))
                after = replace(before, **{f"{kind}s": {**_parts(before, kind), key: part}})
                check(after, self._around(), kind, key)
                await self._keep(change, before, after, by)
            await self._running.apply(before, after, by.login)
        return part_row(kind, part)

    async def _keep(self, change: SetupTransaction, before: Setup, after: Setup, by: By) -> None:
        """Store and audit every part that differs."""
        now = self._clock.now()
        for kind in KINDS:
            old, new = _parts(before, kind), _parts(after, kind)
            for key in sorted(old.keys() | new.keys()):
                if old.get(key) == new.get(key):
                    continue
                if key in new:
                    await change.put(kind, new[key])
                    if kind == "user" and key in old and _must_sign_in_again(old[key], new[key]):
                        await change.end_sessions(key)
                rows = [dump(kind, parts[key]) if key in parts else None for parts in (old, new)]
                await change.audit(now, by.login, by.address, _action(kind, *rows), key, *rows)

    async def _must_be_seen(self, change: SetupTransaction, kind: Kind, key: str, known: Any, seen: str | None) -> None:
        now = part_row(kind, known) if known is not None else None
        if (now["seen"] if now else None) == seen:
            return
        if now is None:
            raise NotFound(f"there is no {kind} {key} any more; another administrator removed it", reason="removed")
        actions = tuple(f"{kind}_{what}" for what in ("created", "saved"))
        login, at = await change.last_change(actions, key) or ("", None)
        words = "there is one already" if seen is None else f"{login or 'somebody'} changed it meanwhile"
        raise Conflict(f"{kind} {key}: {words}", reason="changed", now=now, by=login, at=at)


def _parts(setup: Setup, kind: Kind) -> dict[str, Any]:
    return dict(getattr(setup, f"{kind}s"))


def _must_sign_in_again(before: User, after: User) -> bool:
    return (before.role, before.active, before.agent_id) != (after.role, after.active, after.agent_id)


def _action(kind: Kind, before: Row | None, after: Row | None) -> str:
    return f"{kind}_{'created' if before is None else 'removed' if after is None else 'saved'}"


def parse(kind: Kind, item: Row, password_hash: str = "") -> Any:
    """A part of its JSON. Raises InvalidValue whose `details['fields']` names each wrong field."""
    known = {one.name for one in fields(CLASSES[kind])} - {SECRET}
    if unknown := sorted(item.keys() - known):
        raise refused(dict.fromkeys(unknown, wrong("unknown_field")))
    try:
        return _ADAPTERS[kind].validate_python({**item, **({SECRET: password_hash} if kind == "user" else {})})
    except ValidationError as error:
        raise refused(by_field(error.errors())) from None


def dump(kind: Kind, part: Any) -> Row:
    """A part as JSON, without secrets."""
    row: Row = _ADAPTERS[kind].dump_python(part, mode="json")
    row.pop(SECRET, None)
    return row


def part_row(kind: Kind, part: Any) -> Row:
    item = dump(kind, part)
    return {"item": item, "seen": digest(item)}


def digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def new_password() -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(PASSWORD_LENGTH))
