"""Who may sign in, and as what. An agent is also a user; a user need not be an agent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from cti_server.domain.ids import AgentId, Micros

Role = Literal["agent", "leader", "inspector", "admin", "back_office"]
ROLES: frozenset[Role] = frozenset(get_args(Role))


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """`password_hash` is argon2's own text form. `agent_id` is set when the user takes calls."""

    login: str
    name: str
    role: Role
    password_hash: str
    agent_id: AgentId | None = None
    active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInSession:
    """One sign-in. `token_hash` is SHA-256 (hex) of the secret in the cookie; the secret itself is kept nowhere."""

    token_hash: str
    login: str
    created_at: Micros
    used_at: Micros
    expires_at: Micros
