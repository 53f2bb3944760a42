from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from cti_server.clock import SystemClock
from cti_server.domain.calls import CallRecord
from cti_server.domain.queues import check
from cti_server.errors import BadSettings
from cti_server.lab import sample_data
from cti_server.lab.sample_people import customer_id
from cti_server.services.customers import Customers
from cti_server.storage.accounts import SqlAccounts
from cti_server.storage.configuration import SqlConfiguration
from cti_server.storage.customers import SqlCustomers
from cti_server.storage.engine import Database
from cti_server.storage.facts import SqlFactStore
from cti_server.storage.users import SqlUsers

CLOCK = SystemClock()


async def test_the_demo_has_the_callers_agents_and_queues_it_promises(database: Database, tmp_path: Path) -> None:
    facts = await sample_data.create(database, CLOCK, tmp_path / "logins.json")
    customers, accounts = Customers(SqlCustomers(database)), SqlAccounts(database, CLOCK)
    first, second, third = [
        await customers.identify(number) for number in ("13900000001", "008613900000002", "+8613900000003")
    ]
    assert (first["tier"], first["account"], first["last_agent"]) == ("vip", "10000018", "1004")
    assert first["open_order"]["state"] == "assigned"
    assert (second["tier"], second["account"], second["open_order"]) == ("ordinary", "10000026", None)
    assert third["flags"] == ["elderly"]
    assert (await accounts.get("10000018")).balance_fen == 12_850
    assert (await accounts.get("10000026")).arrears_fen == 5_620
    assert await accounts.verify_pin("10000018", "246810")
    assert await accounts.verify_pin("10000026", "135790")
    configuration = SqlConfiguration(database)
    queues = {queue.name: queue for queue in await configuration.queues()}
    check(queues)
    assert list(queues) == ["general", "vip", "billing", "repair", "emergency", "english"]
    agents = await configuration.agents()
    assert [agent.agent_id for agent in agents] == ["1001", "1002", "1003", "1004", "1800", "1900"]
    assert len({tuple(sorted(agent.skills.items())) for agent in agents}) == 6
    assert {entry["role"] for entry in facts["logins"]} == {"agent", "leader", "inspector", "admin"}


async def test_contacts_on_file_are_folds_of_stored_facts(database: Database, tmp_path: Path) -> None:
    await sample_data.create(database, CLOCK, tmp_path / "logins.json")
    card = await SqlCustomers(database).card(customer_id(2))
    assert [(contact.kind, contact.outcome) for contact in card.contacts] == [
        ("call", None),
        ("complaint", "closed"),
        ("call", "answered"),
    ]
    assert card.orders == ()
    store = SqlFactStore(database)
    calls: list[CallRecord] = await store.search_calls(number="+8613900000001")
    assert len(calls) == 3
    assert all(call.ended and not call.missing_start for call in calls)
    assert await store.open_calls() == []


async def test_a_second_run_changes_nothing_and_keeps_the_logins(database: Database, tmp_path: Path) -> None:
    logins = tmp_path / "logins.json"
    await sample_data.create(database, CLOCK, logins)
    assert stat.S_IMODE(logins.stat().st_mode) == 0o600
    text, users = logins.read_text(), await SqlUsers(database).users()
    facts = await SqlFactStore(database).after(0, limit=1000)
    await SqlAccounts(database, CLOCK).set_balance("10000018", 1)
    await sample_data.create(database, CLOCK, logins)
    assert logins.read_text() == text
    assert await SqlUsers(database).users() == users
    assert await SqlFactStore(database).after(0, limit=1000) == facts
    assert (await SqlAccounts(database, CLOCK).get("10000018")).balance_fen == 1


async def test_lost_logins_are_made_anew_and_work(database: Database, tmp_path: Path) -> None:
    await sample_data.create(database, CLOCK, tmp_path / "lost.json")
    facts = await sample_data.create(database, CLOCK, tmp_path / "new.json")
    admin = await SqlUsers(database).user_by_login("admin")
    assert admin is not None
    (password,) = [entry["password"] for entry in facts["logins"] if entry["login"] == "admin"]
    assert PasswordHasher().verify(admin.password_hash, password)
    assert password not in (tmp_path / "lost.json").read_text()


async def test_a_foreign_file_is_not_overwritten(database: Database, tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text(json.dumps({"mine": 1}))
    with pytest.raises(BadSettings, match="logins file"):
        await sample_data.create(database, CLOCK, tmp_path / "other.json")
    assert await SqlUsers(database).users() == []
