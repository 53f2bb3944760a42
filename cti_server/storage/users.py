"""Users, their sign-in sessions, and the audit log: who did what, when, from where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import delete, select, update

from cti_server.domain.ids import Micros
from cti_server.domain.users import ROLES, SignInSession, User
from cti_server.errors import Conflict, InvalidValue, NotFound
from cti_server.storage import tables
from cti_server.storage.engine import Database

_s = tables.sessions.c


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    id: int
    at: Micros
    login: str
    action: str
    subject: str
    address: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


class SqlUsers:
    """`web.auth.UserStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # ---- users -------------------------------------------------------------------------------------------------

    async def user_by_login(self, login: str) -> User | None:
        query = select(tables.users).where(tables.users.c.login == login)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        return User(**row._asdict()) if row else None

    async def names(self) -> dict[str, str]:
        query = select(tables.users.c.login, tables.users.c.name).order_by(tables.users.c.login)
        async with self._database.read() as connection:
            return {row.login: row.name for row in await connection.execute(query)}

    async def users(self) -> list[User]:
        async with self._database.read() as connection:
            rows = await connection.execute(select(tables.users).order_by(tables.users.c.login))
            return [User(**row._asdict()) for row in rows]

    async def create_user(self, user: User) -> None:
        """Raises Conflict when the login is taken, InvalidValue for an unknown role."""
        _check(user)
        if await self.user_by_login(user.login) is not None:
            raise Conflict(f"the login {user.login} is taken; choose another")
        async with self._database.write() as connection:
            await connection.execute(tables.users.insert(), asdict(user))

    async def save_user(self, user: User) -> None:
        """Raises NotFound, InvalidValue. Ends the user's sessions: a new password or role means signing in again."""
        _check(user)
        async with self._database.write() as connection:
            change = update(tables.users).where(tables.users.c.login == user.login).values(asdict(user))
            if (await connection.execute(change)).rowcount == 0:
                raise NotFound(f"no user {user.login}")
            await connection.execute(delete(tables.sessions).where(_s.login == user.login))

    # ---- sessions ----------------------------------------------------------------------------------------------

    async def create_session(self, session: SignInSession) -> None:
        """Sessions long expired are swept out here, so that the table does not grow for ever."""
        async with self._database.write() as connection:
            await connection.execute(delete(tables.sessions).where(_s.expires_at < session.created_at))
            await connection.execute(tables.sessions.insert(), asdict(session))

    async def session(self, token_hash: str) -> SignInSession | None:
        async with self._database.read() as connection:
            row = (await connection.execute(select(tables.sessions).where(_s.token_hash == token_hash))).one_or_none()
        return SignInSession(**row._asdict()) if row else None

    async def touch(self, token_hash: str, at: Micros) -> None:
        async with self._database.write() as connection:
            await connection.execute(update(tables.sessions).where(_s.token_hash == token_hash).values(used_at=at))

    async def end_session(self, token_hash: str) -> None:
        async with self._database.write() as connection:
            await connection.execute(delete(tables.sessions).where(_s.token_hash == token_hash))

    # ---- audit -------------------------------------------------------------------------------------------------

    async def audit(
        self,
        at: Micros,
        login: str,
        action: str,
        subject: str = "",
        address: str = "",
        *,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> None:
        """`before` and `after` are what a change of settings replaced and put in place."""
        row = {"at": at, "login": login[:64], "action": action[:64], "subject": subject[:160], "address": address[:64]}
        async with self._database.write() as connection:
            await connection.execute(tables.audit.insert(), row | {"before": before, "after": after})

    async def audited(
        self,
        *,
        login: str | None = None,
        action: str | None = None,
        subject: str | None = None,
        since: Micros = 0,
        until: Micros | None = None,
        below: int | None = None,
        limit: int = 100,
    ) -> list[AuditEntry]:
        """Newest first; `until` is not included; `subject` is a part of it; `below` is the last id of the page before. None = no
        such filter."""
        column = tables.audit.c
        wanted = [(column.login, login), (column.action, action)]
        filters = [column.at >= since, *(one == value for one, value in wanted if value is not None)]
        filters += [column.subject.icontains(subject, autoescape=True)] if subject else []
        filters += [column.at < until] if until is not None else []
        filters += [column.id < below] if below is not None else []
        query = select(tables.audit).where(*filters).order_by(column.id.desc()).limit(limit)
        async with self._database.read() as connection:
            rows = await connection.execute(query)
            return [AuditEntry(**row._asdict()) for row in rows]

    async def audited_actions(self) -> list[str]:
        query = select(tables.audit.c.action).distinct().order_by(tables.audit.c.action)
        async with self._database.read() as connection:
            return list((await connection.execute(query)).scalars())


def _check(user: User) -> None:
    if user.role not in ROLES:
        raise InvalidValue(f"no role {user.role!r}; one of {', '.join(sorted(ROLES))}")
    if not user.login or len(user.login) > 64 or not user.login.isprintable():
        raise InvalidValue("a login is 1 to 64 printable characters")
