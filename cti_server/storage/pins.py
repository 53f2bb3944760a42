"""Telephone PINs, kept as an HMAC under a key of this installation (docs/decisions/0040-pins-under-a-key.md).

    hmac-sha256$<key id>$<salt>$<HMAC-SHA256(key, salt + PIN)>      all hexadecimal
    $argon2id$…                                                     imported; replaced at the next right PIN

Six digits are a million guesses: no hash is slow enough to hide them from who has the table, a key that is not in the
table is. Guesses over the telephone are stopped by the lock after three (accounts.py).
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path

import structlog

from cti_server.errors import BadSettings
from cti_server.storage.passwords import Hasher

KEY_BYTES = 32
SALT_BYTES = 16
_SCHEME = "hmac-sha256"
log = structlog.get_logger(__name__)


def pin_key(path: Path) -> bytes:
    """The key in this file, made at the first start. Servers that share a database need the same file.

    Raises BadSettings when it cannot be read or holds no key; it is never overwritten.
    """
    try:
        if not path.exists():
            _make(path)
        key = bytes.fromhex(path.read_text("ascii"))
    except (OSError, ValueError) as error:
        raise BadSettings(f"{path} holds no PIN key ({error}); bring it back from the backup") from None
    if len(key) != KEY_BYTES:
        raise BadSettings(f"{path} holds no PIN key of {KEY_BYTES} bytes; bring it back from the backup")
    return key


def _make(path: Path) -> None:
    """Whole or not at all, for the owner's eyes; of two servers that start at once one wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.touch(mode=0o600)
    part.write_text(secrets.token_hex(KEY_BYTES))
    try:
        with suppress(FileExistsError):
            path.hardlink_to(part)
    finally:
        part.unlink()


class PinHasher:
    """Makes and checks PIN hashes with microseconds of work; argon2 ones are still understood."""

    def __init__(self, key: bytes, imported: Hasher | None = None) -> None:
        self._key = key
        self._key_id = hashlib.sha256(key).hexdigest()[:8]
        self._imported = imported or Hasher()
        self._nobody = self._made(secrets.token_hex(KEY_BYTES))

    async def hash(self, pin: str) -> str:
        return self._made(pin)

    async def verify(self, pin: str, expected: str | None) -> bool:
        """False when there is nothing to compare with, after the same work."""
        if expected and not expected.startswith(_SCHEME):
            return await self._imported.verify(pin, expected)
        _, key_id, salt, _ = (expected or self._nobody).split("$")
        if key_id != self._key_id:
            log.error("pin_key_differs", mend="bring back the key file these PINs were set with, or set them anew")
        matches = hmac.compare_digest(self._made(pin, salt), expected or self._nobody)
        return matches and bool(expected)

    def outdated(self, stored: str) -> bool:
        """Whether a PIN just proven right should be stored again."""
        return not stored.startswith(_SCHEME)

    def _made(self, pin: str, salt: str = "") -> str:
        salt = salt or secrets.token_hex(SALT_BYTES)
        mac = hmac.digest(self._key, f"{salt}{pin}".encode(), hashlib.sha256).hex()
        return f"{_SCHEME}${self._key_id}${salt}${mac}"
