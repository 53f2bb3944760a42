from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from cti_server.domain.customers import Account, Customer, CustomerCard, KnownCaller
from cti_server.domain.ids import CustomerId
from cti_server.errors import InvalidValue, StorageUnavailable
from cti_server.services import customers as service
from cti_server.services.customers import Customers, to_e164


class Files:
    """A store of two people; `trouble` is what asking it comes to instead."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.trouble: Exception | None = None
        self.stuck = False

    async def known_callers(self, number: str) -> Sequence[KnownCaller]:
        self.asked.append(number)
        if self.stuck:
            await asyncio.Event().wait()
        if self.trouble:
            raise self.trouble
        return [_known(name) for name in {"+8613900000001": ["a"], "+8613900000002": ["a", "b"]}.get(number, [])]

    async def card(self, customer_id: CustomerId) -> CustomerCard:
        raise NotImplementedError

    async def search(self, text: str, number: str | None, limit: int) -> Sequence[Customer]:
        return [_known(f"{text}|{number}").customer][:limit]


def _known(name: str) -> KnownCaller:
    customer = Customer(customer_id=CustomerId(name), name=name, tier="vip", flags=("elderly",))
    accounts = (Account(number="10000018"), Account(number="10000026", status="closed"))
    return KnownCaller(customer=customer, accounts=accounts, open_orders=(), last_agent="1004")


@pytest.mark.parametrize(
    "sent",
    ["13900000001", "008613900000001", "+8613900000001", "0086 139-0000-0001", "86 139 0000 0001", " 139 0000 0001 "],
)
def test_the_same_number_however_it_is_sent(sent: str) -> None:
    assert to_e164(sent, "CN") == "+8613900000001"


@pytest.mark.parametrize(
    ("sent", "number"),
    [("02168881234", "+862168881234"), ("0044 20 7946 0018", "+442079460018"), ("+12025550123", "+12025550123")],
)
def test_landlines_and_other_countries(sent: str, number: str) -> None:
    assert to_e164(sent, "CN") == number


@pytest.mark.parametrize(
    "sent", ["", "anonymous", "Restricted", "unknown", "1001", "110", "95598", "00", "+", "1" * 500, "139;DROP", "\r\n"]
)
def test_what_is_no_number_of_the_public_network_identifies_nobody(sent: str) -> None:
    assert to_e164(sent, "CN") == ""


async def test_a_known_caller() -> None:
    known = await Customers(Files()).identify("13900000001")
    assert (known["id"], known["tier"], known["flags"], known["last_agent"]) == ("a", "vip", ["elderly"], "1004")
    assert (known["account"], known["accounts"], known["open_order"]) == ("10000018", ["10000018"], None)


async def test_a_number_several_people_share_identifies_none_of_them() -> None:
    assert await Customers(Files()).identify("13900000002") == {}


async def test_a_withheld_number_is_not_even_looked_up() -> None:
    files = Files()
    assert await Customers(files).identify("anonymous") == {}
    assert files.asked == []


async def test_without_a_database_the_caller_is_unknown_and_served() -> None:
    files = Files()
    files.trouble = StorageUnavailable("away")
    assert await Customers(files).identify("13900000001") == {}


async def test_a_database_that_does_not_answer_holds_no_caller_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "LIMIT", 0.01)
    files = Files()
    files.stuck = True
    assert await Customers(files).identify("13900000001") == {}


async def test_a_search_knows_a_phone_number_when_it_sees_one() -> None:
    assert (await Customers(Files()).search("139 0000 0001", 5))[0]["name"] == "139 0000 0001|+8613900000001"
    assert (await Customers(Files()).search("陈", 5))[0]["name"] == "陈|None"
    with pytest.raises(InvalidValue):
        await Customers(Files()).search("  ", 5)


def test_letters_are_no_digits() -> None:
    """A telephone keypad would turn this name into a mobile number."""
    assert to_e164("139Variable", "CN") == ""
