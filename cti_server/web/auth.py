"""Sign-in and sessions.

States: signed out → signed in → ended (signed out, idle too long, older than the absolute limit). The secret lives in the
browser's cookie only; we keep its SHA-256. Every request checks the session; an answer is trusted for `FRESH` seconds,
and longer only while the database is away, so that agents keep working through its absence.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Protocol

from cti_server.clock import Clock
from cti_server.domain.ids import SECOND, Micros
from cti_server.domain.users import SignInSession, User
from cti_server.errors import NotSignedIn, StorageUnavailable, TooMany
from cti_server.storage.passwords import Hasher
from cti_server.web.limits import SignInLimits

FRESH = 10.0
TOUCH_EVERY: Micros = 30 * SECOND
CACHED_SESSIONS = 10_000
CHECKED_AT_ONCE = 32


class UserStore(Protocol):
    """Users, their sessions and the audit log. Raises StorageUnavailable."""

    async def user_by_login(self, login: str) -> User | None: ...
    async def names(self) -> dict[str, str]:
        """Login → name, of everybody, locked out or not."""
        ...

    async def create_session(self, session: SignInSession) -> None: ...
    async def session(self, token_hash: str) -> SignInSession | None: ...
    async def touch(self, token_hash: str, at: Micros) -> None: ...
    async def end_session(self, token_hash: str) -> None: ...
    async def audit(self, at: Micros, login: str, action: str, subject: str = "", address: str = "") -> None:
        """Keep who did what to whom, from which address."""
        ...


@dataclass(frozen=True, slots=True)
class Identity:
    """The signed-in user of one request."""

    user: User
    session: SignInSession


@dataclass(frozen=True, slots=True)
class SessionLimits:
    absolute: Micros
    idle: Micros


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


class Auth:
    """Sign in, recognise, sign out."""

    def __init__(
        self, users: UserStore, hasher: Hasher, clock: Clock, limits: SessionLimits, tries: SignInLimits
    ) -> None:
        self._users = users
        self._hasher = hasher
        self._checking = 0
        self._clock = clock
        self._limits = limits
        self._tries = tries
        self._forgotten = 0
        """How often `ended` was called: what was read of the database before must not be remembered after."""
        self._known: OrderedDict[str, tuple[Identity, float]] = OrderedDict()

    async def sign_in(self, login: str, password: str, address: str) -> tuple[str, Identity]:
        """The secret for the cookie, and who it stands for. Raises NotSignedIn (wrong login or password, or locked
        out by an administrator: the same words for all three) and TooMany."""
        self._tries.count(login, address)
        user = await self._users.user_by_login(login)
        right = await self._matches(password, user)
        if user is None or not right or not user.active:
            await self._users.audit(self._clock.now(), login, "sign_in_refused", address=address)
            raise NotSignedIn("login or password is wrong", reason="credentials")
        self._tries.succeeded(login, address)
        return await self._start(user, address)

    async def _matches(self, password: str, user: User | None) -> bool:
        """Costs the same whether the user exists or not. Bounded: a hash takes tens of milliseconds of processor."""
        if self._checking >= CHECKED_AT_ONCE:
            raise TooMany("too many sign-ins at once; try again in 5 s", retry_after=5)
        self._checking += 1
        try:
            return await self._hasher.verify(password, user.password_hash if user else None)
        finally:
            self._checking -= 1

    async def _start(self, user: User, address: str) -> tuple[str, Identity]:
        token, now = secrets.token_urlsafe(32), self._clock.now()
        session = SignInSession(
            token_hash=token_hash(token),
            login=user.login,
            created_at=now,
            used_at=now,
            expires_at=now + self._limits.absolute,
        )
        await self._users.create_session(session)
        await self._users.audit(now, user.login, "sign_in", address=address)
        identity = Identity(user, session)
        self._remember(identity)
        return token, identity

    async def recognise(self, hashed: str) -> Identity:
        """Raises NotSignedIn for an unknown, ended, idle or expired session, or a user no longer active."""
        cached = self._known.get(hashed)
        if cached and self._clock.monotonic() - cached[1] < FRESH:
            return await self._use(cached[0])
        try:
            return await self._use(await self._read(hashed))
        except StorageUnavailable:
            if cached is None:
                raise
            return self._valid(cached[0])

    async def _read(self, hashed: str) -> Identity:
        forgotten = self._forgotten
        session = await self._users.session(hashed)
        user = await self._users.user_by_login(session.login) if session else None
        if session is None or user is None or not user.active:
            self._known.pop(hashed, None)
            raise NotSignedIn("sign in first", reason="no_session")
        identity = Identity(user, session)
        if forgotten == self._forgotten:
            self._remember(identity)
        return identity

    async def _use(self, identity: Identity) -> Identity:
        now = self._clock.now()
        self._valid(identity)
        if now - identity.session.used_at < TOUCH_EVERY:
            return identity
        used = replace(identity, session=replace(identity.session, used_at=now))
        forgotten = self._forgotten
        await self._users.touch(identity.session.token_hash, now)
        if forgotten == self._forgotten:
            self._remember(used)
        return used

    def _valid(self, identity: Identity) -> Identity:
        session, now = identity.session, self._clock.now()
        if now >= session.expires_at or now - session.used_at >= self._limits.idle:
            self._known.pop(session.token_hash, None)
            raise NotSignedIn("the session has ended; sign in again", reason="expired")
        return identity

    def _remember(self, identity: Identity) -> None:
        self._known[identity.session.token_hash] = (identity, self._clock.monotonic())
        self._known.move_to_end(identity.session.token_hash)
        if len(self._known) > CACHED_SESSIONS:
            self._known.popitem(last=False)

    async def sign_out(self, identity: Identity, address: str) -> None:
        hashed = identity.session.token_hash
        self._known.pop(hashed, None)
        await self._users.end_session(hashed)
        await self._users.audit(self._clock.now(), identity.user.login, "sign_out", address=address)

    async def names(self) -> dict[str, str]:
        """Login → name, of everybody. Raises StorageUnavailable."""
        return await self._users.names()

    def locked(self, login: str) -> bool:
        """Too many failed sign-ins; on this server, for the window of web/limits.py."""
        return self._tries.locked(login)

    def unlock(self, login: str) -> None:
        self._tries.unlock(login)

    async def ended(self, login: str) -> list[str]:
        """Forget what was trusted from memory of this login's sessions; the token hashes of those that have ended."""
        mine = [hashed for hashed, (identity, _) in self._known.items() if identity.user.login == login]
        for hashed in mine:
            del self._known[hashed]
        self._forgotten += 1
        return [hashed for hashed in mine if await self._users.session(hashed) is None]

    async def audit(self, identity: Identity, action: str, subject: str, address: str) -> None:
        await self._users.audit(self._clock.now(), identity.user.login, action, subject, address)
