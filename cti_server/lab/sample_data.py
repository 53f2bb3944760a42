"""The invented people, accounts, queues and agents of the demo.

Everything has a fixed id and is made only when it is not there, so a second run changes nothing and one that was
interrupted can be repeated. Passwords exist in the logins file alone, which is written before the users are.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher

from cti_server.clock import Clock
from cti_server.domain.agents import Agent
from cti_server.domain.customers import Account
from cti_server.domain.ids import MINUTE, AgentId, Micros, QueueName, to_datetime
from cti_server.domain.queues import Queue
from cti_server.domain.setup import Disposition, PauseCode, Skill
from cti_server.domain.users import Role, User
from cti_server.errors import BadSettings, NotFound
from cti_server.lab.sample_history import write_history
from cti_server.lab.sample_people import CALLERS, PEOPLE, Caller
from cti_server.storage.accounts import SqlAccounts
from cti_server.storage.configuration import SqlConfiguration
from cti_server.storage.customers import SqlCustomers
from cti_server.storage.engine import Database
from cti_server.storage.passwords import Hasher
from cti_server.storage.users import SqlUsers

LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without those people mix up."""
PASSWORD_LENGTH = 14
DUE_IN: Micros = 20 * 24 * 60 * MINUTE


def queue(name: str, zh: str, en: str, code: str, **settings: Any) -> Queue:
    return Queue(name=QueueName(name), title={"zh": zh, "en": en}, code=code, **settings)


GENERAL = QueueName("general")
QUEUES = (
    queue("general", "综合服务", "General", "6001", callback_after_seconds=60),
    queue("vip", "贵宾专席", "VIP", "6002", priority=10, wrap_up_seconds=45, callback_after_seconds=45),
    queue("billing", "账务", "Billing", "6003", overflow_after_seconds=90, overflow_to=GENERAL),
    queue("repair", "报修", "Repair", "6004", wrap_up_seconds=45, callback_after_seconds=60),
    queue("emergency", "抢修值班", "Emergency", "6005", priority=40, wrap_up_seconds=10, announce_position=False),
    queue("english", "英语服务", "English", "6006", callback_after_seconds=60),
)


def agent(agent_id: str, name: str, queues: dict[str, int], skills: dict[str, int], **more: Any) -> Agent:
    levels = {QueueName(queue): level for queue, level in queues.items()}
    return Agent(agent_id=AgentId(agent_id), name=name, queues=levels, skills=skills, **more)


AGENTS = (
    agent("1001", "林晓", {"general": 8, "billing": 5}, {"zh": 9}),
    agent("1002", "周宁", {"billing": 9, "general": 6, "english": 4}, {"zh": 8, "en": 5}),
    agent("1003", "何川", {"repair": 9, "emergency": 9, "general": 3}, {"zh": 9, "en": 1, "power": 8}),
    agent("1004", "苏晴", {"vip": 9, "english": 9, "general": 4, "billing": 3}, {"zh": 8, "en": 9}),
    agent(
        "1900",
        "沈岚",
        {"vip": 5, "general": 2, "billing": 2, "repair": 2, "emergency": 5, "english": 2},
        {"zh": 10, "en": 7, "power": 5},
    ),
    agent("1800", "方静", {}, {}, certified=False),
)
"""1800 is the inspector's phone to listen with: no queues, and without a certificate no calls."""
PAUSE_CODES = (
    PauseCode(code="break", zh="小休", en="Break", position=1),
    PauseCode(code="meal", zh="用餐", en="Meal", position=2),
    PauseCode(code="training", zh="培训", en="Training", position=3),
    PauseCode(code="meeting", zh="会议", en="Meeting", position=4),
    PauseCode(code="paperwork", zh="案头工作", en="Paperwork", position=5),
)
SKILLS = (
    Skill(code="zh", zh="中文", en="Chinese", position=1),
    Skill(code="en", zh="英文", en="English", position=2),
    Skill(code="power", zh="电力抢修", en="Power faults", position=3),
)
SUPPLY: dict[str, Any] = {"group_zh": "供电", "group_en": "Supply"}
BILLS: dict[str, Any] = {"group_zh": "电费", "group_en": "Billing"}
AT_FAULT, AT_BILLS = ("repair", "emergency", "general"), ("billing", "general", "vip")
DISPOSITIONS = (
    Disposition(code="enquiry", zh="咨询查询", en="Enquiry", position=1),
    Disposition(code="fault", zh="故障报修", en="Fault report", position=2, queues=AT_FAULT, **SUPPLY),
    Disposition(code="outage", zh="停电查询", en="Outage", position=3, queues=AT_FAULT, **SUPPLY),
    Disposition(code="new_supply", zh="用电报装", en="New supply", position=4, **SUPPLY),
    Disposition(code="bill", zh="电费账务", en="Bill", position=5, queues=AT_BILLS, **BILLS),
    Disposition(code="payment", zh="缴费办理", en="Payment", position=6, queues=AT_BILLS, **BILLS),
    Disposition(code="meter", zh="电表异议", en="Meter reading", position=7, queues=AT_BILLS, **BILLS),
    Disposition(code="complaint", zh="投诉举报", en="Complaint", position=8),
    Disposition(code="other", zh="其他", en="Other", position=9),
)


USERS: tuple[tuple[str, str, Role], ...] = (
    ("1001", "林晓", "agent"),
    ("1002", "周宁", "agent"),
    ("1003", "何川", "agent"),
    ("1004", "苏晴", "agent"),
    ("1900", "沈岚", "leader"),
    ("1800", "方静", "inspector"),
    ("admin", "管理员", "admin"),
)


async def create(database: Database, clock: Clock, logins: Path) -> dict[str, Any]:
    """Make what is missing; the content of the logins file. Raises BadSettings when that file cannot be used."""
    facts = _logins(logins)
    await _configuration(SqlConfiguration(database))
    await _users(SqlUsers(database), facts["logins"], Hasher(PasswordHasher()))
    await _callers(database, clock)
    await write_history(database, clock)
    return facts


async def _configuration(configuration: SqlConfiguration) -> None:
    """What an administrator has changed since stays as he left it."""
    known: set[str] = {queue.name for queue in await configuration.queues()}
    for position, queue in enumerate(QUEUES):
        if queue.name not in known:
            await configuration.save_queue(queue, position)
    known = {agent.agent_id for agent in await configuration.agents()}
    for agent in AGENTS:
        if agent.agent_id not in known:
            await configuration.save_agent(agent)
    await _lists(configuration)


async def _lists(configuration: SqlConfiguration) -> None:
    if not await configuration.pause_codes():
        for code in PAUSE_CODES:
            await configuration.save_pause_code(code)
    if not await configuration.skills():
        for skill in SKILLS:
            await configuration.save_skill(skill)
    if not await configuration.dispositions():
        for disposition in DISPOSITIONS:
            await configuration.save_disposition(disposition)


async def _users(users: SqlUsers, logins: list[dict[str, str]], hasher: Hasher) -> None:
    """The logins file is right: a user whose password is another (an older file was lost) gets the one in the file."""
    taking_calls = {agent.agent_id for agent in AGENTS}
    for entry, (login, name, role) in zip(logins, USERS, strict=True):
        known = await users.user_by_login(login)
        if known is not None and await hasher.verify(entry["password"], known.password_hash):
            continue
        user = User(
            login=login,
            name=name,
            role=role,
            password_hash=await hasher.hash(entry["password"]),
            agent_id=AgentId(login) if login in taking_calls else None,
        )
        await (users.create_user(user) if known is None else users.save_user(user))


async def _callers(database: Database, clock: Clock) -> None:
    accounts, files = SqlAccounts(database, clock), SqlCustomers(database, clock)
    for caller in (*CALLERS, *PEOPLE):
        if caller.account is not None and not await _known(accounts.get(caller.account.number)):
            await accounts.create(replace(caller.account, due_date=_due(caller.account, clock)), caller.pin)
        if not await _known(files.get(caller.customer.customer_id)):
            await files.create(caller.customer)


def _due(account: Account, clock: Clock) -> str | None:
    """A bill not yet paid is due some days after the demo was made."""
    return to_datetime(clock.now() + DUE_IN).date().isoformat() if account.arrears_fen else None


async def _known(found: Any) -> bool:
    try:
        await found
    except NotFound:
        return False
    return True


def _logins(path: Path) -> dict[str, Any]:
    """Read, or made up and written for the owner's eyes only."""
    try:
        if path.exists():
            return _read(path)
        facts = {
            "logins": [
                {"login": login, "password": _password(), "name": name, "role": role} for login, name, role in USERS
            ],
            "callers": [_caller_facts(caller) for caller in CALLERS],
            "queues": [queue.name for queue in QUEUES],
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        part.touch(mode=0o600)
        part.write_text(json.dumps(facts, ensure_ascii=False, indent=2) + "\n")
        part.replace(path)
        return facts
    except OSError as error:
        raise BadSettings(f"--logins {path}: {error.strerror}; give a file that can be written") from error


def _read(path: Path) -> dict[str, Any]:
    try:
        facts: dict[str, Any] = json.loads(path.read_text())
        if [entry["login"] for entry in facts["logins"]] == [login for login, _, _ in USERS]:
            return facts
    except (ValueError, KeyError, TypeError):
        pass
    raise BadSettings(f"--logins {path} is no logins file of this program; move it away and a new one is written")


def _caller_facts(caller: Caller) -> dict[str, Any]:
    account = asdict(caller.account) if caller.account else {}
    return {
        "number": caller.number,
        "name": caller.customer.name,
        "tier": caller.customer.tier,
        "flags": list(caller.customer.flags),
        "account": account.get("number"),
        "pin": caller.pin,
        "balance_fen": account.get("balance_fen"),
    }


def _password() -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(PASSWORD_LENGTH))
