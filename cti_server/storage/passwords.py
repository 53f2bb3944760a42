"""argon2id hashes of passwords and PINs, made and checked in a thread, two at a time: each takes tens of milliseconds."""

from __future__ import annotations

import asyncio
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

AT_ONCE = 2
PIN_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
"""OWASP's least argon2id: a hundred callers may key in a PIN at once, and three tries are all they get."""


class Hasher:
    """Keeps the event loop free and memory bounded: a caller may wait his turn, no one else does."""

    def __init__(self, hasher: PasswordHasher = PIN_HASHER) -> None:
        self._hasher = hasher
        self._nobody = hasher.hash(secrets.token_urlsafe(16))
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def hash(self, secret: str) -> str:
        async with self._turns:
            return await asyncio.to_thread(self._hasher.hash, secret)

    async def verify(self, secret: str, expected: str | None) -> bool:
        """False when there is nothing to compare with, after the same work."""
        async with self._turns:
            matches = await asyncio.to_thread(self._matches, expected or self._nobody, secret)
        return matches and bool(expected)

    def outdated(self, stored: str) -> bool:
        """Never: parameters are kept as they were made."""
        return False

    def _matches(self, expected: str, secret: str) -> bool:
        try:
            return self._hasher.verify(expected, secret)
        except (VerificationError, InvalidHashError):
            return False
