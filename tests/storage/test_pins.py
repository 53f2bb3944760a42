"""PINs under a key: right and wrong ones, hashes of before, a key that is gone."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from cti_server.clock import SystemClock
from cti_server.domain.customers import Account
from cti_server.errors import BadSettings
from cti_server.storage import tables
from cti_server.storage.accounts import SqlAccounts
from cti_server.storage.engine import Database
from cti_server.storage.passwords import Hasher
from cti_server.storage.pins import PinHasher, pin_key

KEY = bytes(range(32))
NUMBER = "10000018"


async def test_only_the_right_pin_under_the_right_key_opens() -> None:
    hasher = PinHasher(KEY)
    stored = await hasher.hash("246810")
    assert await hasher.verify("246810", stored)
    assert not await hasher.verify("246811", stored)
    assert not await hasher.verify("246810", None)
    assert stored != await hasher.hash("246810")
    assert "246810" not in stored


async def test_another_key_opens_nothing_and_says_why() -> None:
    stored = await PinHasher(KEY).hash("246810")
    with capture_logs() as logs:
        assert not await PinHasher(bytes(32)).verify("246810", stored)
    assert [entry["event"] for entry in logs] == ["pin_key_differs"]


async def test_an_imported_hash_is_replaced_at_the_next_right_pin(database: Database) -> None:
    await SqlAccounts(database, SystemClock(), Hasher()).create(Account(number=NUMBER), "246810")
    accounts = SqlAccounts(database, SystemClock(), PinHasher(KEY))
    assert not await accounts.verify_pin(NUMBER, "111111")
    assert (await _stored(database)).startswith("$argon2id$")
    for _ in range(2):
        assert await accounts.verify_pin(NUMBER, "246810")
        assert (await _stored(database)).startswith("hmac-sha256$")


async def _stored(database: Database) -> str:
    async with database.read() as connection:
        return str(await connection.scalar(tables.accounts.select().with_only_columns(tables.accounts.c.pin_hash)))


def test_the_key_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "data" / "pin.key"
    key = pin_key(path)
    assert len(key) == 32
    assert pin_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("content", ["", "no key", "00ff"])
def test_a_broken_key_is_never_replaced(tmp_path: Path, content: str) -> None:
    path = tmp_path / "pin.key"
    path.write_text(content)
    with pytest.raises(BadSettings, match="backup"):
        pin_key(path)
    assert path.read_text() == content
