"""Lookups in our own files, and the file that lists adapters."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cti_server.domain.customers import Account, Customer, Holding
from cti_server.domain.ids import CustomerId
from cti_server.domain.orders import Ticket
from cti_server.errors import BadSettings, InvalidValue, NotFound
from cti_server.services.lookups import CustomerLookup, Lookups, NoticeFile
from cti_server.services.lookups.registry import read_settings
from tests.services.lookup_world import HandClock


class Files:
    """Accounts and customers in memory, with the lock after three wrong PINs."""

    def __init__(self) -> None:
        self.accounts = {
            "10000018": Account(number="10000018", balance_fen=12850, due_date="2026-03-01", address="1 Sample Road"),
            "10000026": Account(number="10000026", balance_fen=-5620),
        }
        self.wrong = 0

    async def get(self, number: str) -> Account:
        if number not in self.accounts:
            raise NotFound("no account")
        return self.accounts[number]

    async def verify_pin(self, number: str, pin: str) -> bool:
        right = self.wrong < 3 and pin == "246810"
        self.wrong = 0 if right else self.wrong + 1
        return right

    async def tries_left(self, number: str) -> int:
        return max(0, 3 - self.wrong)

    async def of_account(self, number: str) -> list[Customer]:
        return [
            Customer(
                customer_id=CustomerId("c9"), name="Lodger", holdings=(Holding(account=number, relation="prospect"),)
            ),
            Customer(customer_id=CustomerId("c1"), name="Holder", tier="vip", holdings=(Holding(account=number),)),
        ]

    async def open_orders(self, customer_id: CustomerId) -> list[Ticket]:
        return [_ticket("order", "8002"), _ticket("order", "8001")] if customer_id == "c1" else []


def _ticket(kind: Any, number: str) -> Ticket:
    return Ticket(ticket_id=number, kind=kind, number=number, state="assigned", opened_at=5, due_at=9, changed_at=5)


@pytest.fixture
def own() -> CustomerLookup:
    files = Files()
    notices = [
        {"zh": "周日停电", "en": "No power on Sunday"},
        {"zh": "东区检修", "en": "Works in the east", "area": "east"},
    ]
    return CustomerLookup(files, files, HandClock(), lambda: notices)


@pytest.mark.parametrize(
    ("query", "arguments", "expected"),
    [
        ("account", {"account": "1"}, {}),
        (
            "open_order",
            {"customer_id": "c1"},
            {"ticket_id": "8002", "number": "8002", "state": "assigned", "promised": 9, "created": 5},
        ),
        ("open_order", {"customer_id": "nobody"}, {}),
        ("notices", {}, {"zh": "周日停电", "en": "No power on Sunday", "text": "周日停电"}),
        (
            "notices",
            {"area": "east", "language": "en"},
            {"zh": "周日停电 东区检修", "en": "No power on Sunday Works in the east"}
            | {"text": "No power on Sunday Works in the east"},
        ),
    ],
)
async def test_own_queries(own: CustomerLookup, query: str, arguments: dict[str, Any], expected: Any) -> None:
    assert await own.lookup(query, arguments) == expected


async def test_account_names_its_holder(own: CustomerLookup) -> None:
    found = await own.lookup("account", {"account": "10000018"})
    assert (found["customer_id"], found["name"], found["tier"]) == ("c1", "Holder", "vip")
    assert (found["account"], found["address"], found["status"]) == ("10000018", "1 Sample Road", "open")


async def test_money_is_exact_text(own: CustomerLookup) -> None:
    credit = await own.lookup("balance", {"account": "10000018"})
    debt = await own.lookup("balance", {"account": "10000026"})
    assert (credit["balance"], credit["arrears"], credit["due_date"]) == ("128.50", "0.00", "2026-03-01")
    assert (debt["balance"], debt["arrears"], debt["due_date"]) == ("-56.20", "56.20", None)


async def test_the_third_wrong_pin_locks(own: CustomerLookup) -> None:
    async def try_pin(pin: str) -> Mapping[str, Any]:
        return await own.lookup("verify_pin", {"account": "10000018", "pin": pin})

    assert await try_pin("246810") == {"ok": True, "locked": False}
    assert [await try_pin("000000") for _ in range(3)] == [{"ok": False, "locked": n == 2} for n in range(3)]
    assert await try_pin("246810") == {"ok": False, "locked": True}


async def test_wrong_questions_say_what_is_missing(own: CustomerLookup) -> None:
    with pytest.raises(InvalidValue, match="account"):
        await own.lookup("balance", {})
    with pytest.raises(NotFound, match="open_order"):
        await own.lookup("drop_tables", {})


def test_notices_come_from_a_file_that_may_change(tmp_path: Path) -> None:
    path, clock = tmp_path / "notices.yaml", HandClock()
    notices = NoticeFile(path, clock)
    assert notices() == []
    path.write_text("- {zh: 今天停电, en: No power today, until: 1970-01-01}\n- {zh: 检修, en: Works, area: east}\n")
    assert [notice["en"] for notice in notices()] == ["No power today", "Works"]
    clock.seconds += 86_400
    assert [notice["en"] for notice in notices()] == ["Works"]
    path.write_text("- {zh: 只有中文}\n")
    assert [notice["en"] for notice in notices()] == ["Works"], "a wrong file changes nothing"
    path.unlink()
    assert notices() == []


GOOD = """
adapters:
  meters:
    kind: http
    base: http://127.0.0.1:9/api
    headers_from: {Authorization: METERS_TOKEN}
    queries:
      reading: {path: "/meters/{meter}"}
      close: {method: POST, path: /close, body: [meter]}
  tariff: {kind: hook, entry: "tests.services.test_lookups_guard:exits"}
policies:
  meters: {timeout_seconds: 1.5, cache_seconds: {reading: 30}}
"""


async def test_adapters_are_listed_in_a_file(
    tmp_path: Path, own: CustomerLookup, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lookups.yaml"
    path.write_text(GOOD)
    with pytest.raises(BadSettings, match="METERS_TOKEN"):
        Lookups.load(path, own)
    monkeypatch.setenv("METERS_TOKEN", "Bearer sample")
    lookups = Lookups.load(path, own)
    assert lookups.names == {"customers", "meters", "tariff"}
    assert lookups.states() == {"customers": "closed", "meters": "closed", "tariff": "closed"}
    assert (await lookups.lookup("customers", "balance", {"account": "10000018"}))["balance"] == "128.50"
    with pytest.raises(NotFound, match="billing"):
        await lookups.lookup("billing", "q", {})
    await lookups.close()


def test_without_a_file_only_our_own(tmp_path: Path, own: CustomerLookup) -> None:
    assert Lookups.load(tmp_path / "none.yaml", own).names == {"customers"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("adapters: [", "lookups.yaml"),
        ("adapters: {customers: {kind: hook, entry: 'a:b'}}", "choose another"),
        ("adapters: {x: {kind: ftp}}", "adapters.x"),
        ("adapters: {x: {kind: http, base: 'file:///etc/passwd', queries: {}}}", "base"),
        ("adapters: {x: {kind: http, base: 'http://h', queries: {q: {path: '/a-{b}'}}}}", "whole segment"),
        ("policies: {x: {}}", "no such adapter"),
        ("policies: {customers: {cache_seconds: {verify_pin: 5}}}", "secret"),
        ("policies: {customers: {timeout: 5}}", "timeout"),
    ],
)
def test_a_wrong_file_says_where(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "lookups.yaml"
    path.write_text(text)
    with pytest.raises(BadSettings, match=says):
        read_settings(path)


@pytest.mark.parametrize("entry", ["no_such_module_here:f", "json:no_such", "json:decoder"])
def test_a_wrong_hook_says_what_is_missing(tmp_path: Path, own: CustomerLookup, entry: str) -> None:
    path = tmp_path / "lookups.yaml"
    path.write_text(f"adapters: {{x: {{kind: hook, entry: '{entry}'}}}}")
    with pytest.raises(BadSettings, match="hook"):
        Lookups.load(path, own)
