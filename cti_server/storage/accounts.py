"""Accounts and their telephone PINs. A PIN is kept as a hash (pins.py) and locked after three wrong tries."""

from __future__ import annotations

from typing import Any, Protocol

from sqlalchemy import Row, bindparam, or_, select, update

from cti_server.clock import Clock
from cti_server.domain.accounts import account_valid
from cti_server.domain.customers import Account
from cti_server.domain.ids import MINUTE, Micros
from cti_server.errors import InvalidValue, NotFound
from cti_server.storage import tables
from cti_server.storage.engine import Database
from cti_server.storage.passwords import Hasher

TRIES = 3
LOCK: Micros = 30 * MINUTE
PIN_LENGTH = 6
_a = tables.accounts.c
# Asked in every balance call, so built once.
_WANTED = _a.number == bindparam("wanted")
_ACCOUNT = select(tables.accounts).where(_WANTED)
_TAKE_TRY = (
    update(tables.accounts)
    .where(_WANTED, _a.pin_hash != "", or_(_a.locked_until == 0, _a.locked_until <= bindparam("moment")))
    .values(failed_tries=_a.failed_tries + 1)
    .returning(_a.pin_hash, _a.failed_tries)
)
_LOCK = update(tables.accounts).where(_WANTED).values(locked_until=bindparam("until"))


class Pins(Protocol):
    """pins.PinHasher, or passwords.Hasher where there is no key."""

    async def hash(self, pin: str, /) -> str: ...
    async def verify(self, pin: str, expected: str | None, /) -> bool: ...
    def outdated(self, stored: str, /) -> bool: ...


class SqlAccounts:
    """Account file; `verify_pin` is the only way to ask about a PIN."""

    def __init__(self, database: Database, clock: Clock, hasher: Pins | None = None) -> None:
        self._database, self._clock = database, clock
        self._hasher: Pins = hasher or Hasher()

    async def get(self, number: str) -> Account:
        """Raises NotFound."""
        async with self._database.read() as connection:
            row = (await connection.execute(_ACCOUNT, {"wanted": number})).one_or_none()
        if row is None:
            raise NotFound(f"no account {number}")
        return to_account(row)

    async def verify_pin(self, number: str, pin: str) -> bool:
        """False for a wrong PIN, an unknown or PIN-less account, and while the account is locked, all after similar work.

        The try is counted before the PIN is looked at, so that several calls at once have no more than three tries either.
        """
        pin_hash = await self._take_try(number)
        right = await self._hasher.verify(pin, pin_hash)
        if right:
            renewed = {"pin_hash": await self._hasher.hash(pin)} if pin_hash and self._hasher.outdated(pin_hash) else {}
            await self._set(number, failed_tries=0, locked_until=0, **renewed)
        return right

    async def tries_left(self, number: str) -> int:
        """0 while locked, and for an unknown account."""
        async with self._database.read() as connection:
            query = select(_a.failed_tries, _a.locked_until).where(_a.number == number)
            row = (await connection.execute(query)).one_or_none()
        if row is None or row.locked_until > self._clock.now():
            return 0
        return int(TRIES - row.failed_tries % TRIES)

    async def create(self, account: Account, pin: str | None = None) -> None:
        """Raises InvalidValue for a number without the right check digit or a PIN that is not six digits; Conflict."""
        if not account_valid(account.number):
            raise InvalidValue(f"{account.number} is no account number: 8 digits, the last a check digit")
        row = {name: getattr(account, name) for name in ("number", "status", "address", "balance_fen", "due_date")}
        row["pin_hash"] = await self._hash(pin) if pin is not None else ""
        async with self._database.write() as connection:
            await connection.execute(tables.accounts.insert(), row)

    async def set_pin(self, number: str, pin: str) -> None:
        """Also ends a lock. Raises InvalidValue, NotFound."""
        await self._set(number, pin_hash=await self._hash(pin), failed_tries=0, locked_until=0)

    async def set_balance(self, number: str, balance_fen: int, due_date: str | None = None) -> None:
        """Raises NotFound."""
        await self._set(number, balance_fen=balance_fen, due_date=due_date)

    async def _take_try(self, number: str) -> str | None:
        """Count one try and lock at the third in a row; the hash to check against, None when no try is allowed."""
        now = self._clock.now()
        async with self._database.write() as connection:
            row = (await connection.execute(_TAKE_TRY, {"wanted": number, "moment": now})).one_or_none()
            if row is None:
                return None
            locked_until = now + LOCK if row.failed_tries % TRIES == 0 else 0
            await connection.execute(_LOCK, {"wanted": number, "until": locked_until})
        return str(row.pin_hash)

    async def _hash(self, pin: str) -> str:
        if len(pin) != PIN_LENGTH or not (pin.isascii() and pin.isdigit()):
            raise InvalidValue(f"a PIN is {PIN_LENGTH} digits")
        return await self._hasher.hash(pin)

    async def _set(self, number: str, **values: Any) -> None:
        async with self._database.write() as connection:
            changed = await connection.execute(update(tables.accounts).where(_a.number == number).values(**values))
        if changed.rowcount == 0:
            raise NotFound(f"no account {number}")


def to_account(row: Row[Any]) -> Account:
    return Account(
        number=row.number,
        status=row.status,
        address=row.address,
        balance_fen=row.balance_fen,
        due_date=row.due_date,
        locked_until=row.locked_until,
    )
