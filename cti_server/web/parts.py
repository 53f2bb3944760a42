"""What every handler may reach, handed to the application once, by constructor."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from prometheus_client import CollectorRegistry

from cti_server.clock import Clock
from cti_server.config import Settings
from cti_server.domain.users import Role, User
from cti_server.errors import Forbidden, NotSignedIn
from cti_server.services.administration import Administration
from cti_server.services.guide import Guide
from cti_server.services.phones import Phones
from cti_server.services.work import WorkService
from cti_server.web.auth import Auth, Identity
from cti_server.web.desk import Desk
from cti_server.web.leader import Leader
from cti_server.web.live.hub import Hub

HealthCheck = Callable[[], Awaitable[dict[str, Any]]]
"""Answers `wire.Health` as a dict, never raises for a part that is away."""


@dataclass(frozen=True, slots=True)
class Parts:
    settings: Settings
    desk: Desk
    auth: Auth
    hub: Hub
    clock: Clock
    health: HealthCheck
    registry: CollectorRegistry
    phones: Phones | None = None
    work: WorkService | None = None
    administration: Administration | None = None
    leader: Leader | None = None
    guide: Guide | None = None


PARTS: web.AppKey[Parts] = web.AppKey("parts", Parts)


@dataclass(frozen=True, slots=True)
class Ask:
    """One request or live command: who asks, from where."""

    parts: Parts
    identity: Identity | None
    address: str
    request: web.Request | None = None

    @property
    def known(self) -> Identity:
        if self.identity is None:
            raise NotSignedIn("sign in first", reason="no_session")
        return self.identity

    @property
    def user(self) -> User:
        return self.known.user

    async def audit(self, action: str, subject: str) -> None:
        await self.parts.auth.audit(self.known, action, subject, self.address)

    def require(self, roles: frozenset[Role] | None) -> None:
        """Raises NotSignedIn or Forbidden. None = everybody, signed in or not."""
        if roles is not None and self.user.role not in roles:
            raise Forbidden(f"the role {self.user.role} may not do this", role=self.user.role)
