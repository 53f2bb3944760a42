"""The doctor tells what is wrong in plain words, one fault at a time, and never raises."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from cti_server.asterisk import doctor
from cti_server.asterisk.ami.wire import Message
from cti_server.asterisk.doctor import CONTEXTS, EXCESS, RIGHTS, Finding, examine, render
from cti_server.config import Settings, load
from cti_server.domain.agents import Agent
from cti_server.domain.ids import AgentId, QueueName
from cti_server.domain.queues import Queue
from cti_server.domain.setup import Setup
from tests.asterisk.ami_fake import FakeAmi, reply, reply_list

NOW = 1_795_295_845_886_596
CHANNEL = (
    b"Event: Newchannel\r\nTimestamp: 1795295845.886596\r\nChannel: Local/0@x-1;1\r\nChanVariable: CTI_CALL_ID=\r\n\r\n"
    b"Event: Hangup\r\nChannel: Local/0@x-1;1\r\n\r\n"
)


class StillClock:
    def now(self) -> int:
        return NOW

    def monotonic(self) -> float:
        return 0.0


class Healthy(FakeAmi):
    """A manager with nothing to mend; each test breaks one thing."""

    channel = CHANNEL
    modules_absent: frozenset[str] = frozenset()
    contexts = frozenset(CONTEXTS)

    def __init__(self) -> None:
        super().__init__()
        self.rights = dict.fromkeys(RIGHTS, "what it does")
        self.answers |= {
            "Ping": lambda m: reply(m, Ping="Pong", Timestamp="1795295845.886596"),
            "ListCommands": lambda m: reply(m, **self.rights),
            "Originate": self._originate,
            "Getvar": self._getvar,
            "ShowDialPlan": self._dialplan,
        }

    def _originate(self, request: Message) -> bytes:
        self.send(self.channel)
        return reply(request)

    def _getvar(self, request: Message) -> bytes:
        name = request.get("Variable")
        if name == "CTI_NODES":
            return reply(request, Value="10.0.0.1:4573&127.0.0.1:0")
        module = name.removeprefix("IFMODULE(").removesuffix(".so)")
        return reply(request, Value="0" if module in self.modules_absent else "1")

    def _dialplan(self, request: Message) -> bytes:
        if request.get("Context") in self.contexts:
            return reply_list(request)
        return reply(request, "Error", Message=f"Did not find context {request.get('Context')}")


@pytest.fixture
async def fake(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Healthy]:
    monkeypatch.setattr(doctor, "EVENT_PAUSE", 0.01)
    async with Healthy() as fake:
        yield fake


def settings(fake: FakeAmi, folder: Path, **changes: Any) -> Settings:
    base: dict[str, Any] = {
        "ami": fake.settings(),
        "agi": {"port": 0},
        "http": {"port": 0},
        "calls": {"node": "lab"},
        "database": {"url": f"sqlite+aiosqlite:///{folder}/cti.db"},
        "paths": {"data": folder / "var", "recordings": folder / "recordings", "queue_log": folder / "queue_log"},
    }
    (folder / "queue_log").touch()
    return load(**(base | changes))


async def bad(fake: FakeAmi, folder: Path, **changes: Any) -> list[Finding]:
    return [f for f in await examine(settings(fake, folder, **changes), StillClock()) if f.level != "ok"]


async def test_a_healthy_switch_has_nothing_to_mend(fake: Healthy, tmp_path: Path) -> None:
    findings = await examine(settings(fake, tmp_path), StillClock())
    assert [f for f in findings if f.level != "ok"] == []
    assert "all is well" in render(findings)


@pytest.mark.parametrize(
    ("answer", "what", "level", "words"),
    [
        (("CoreSettings", {"AsteriskVersion": "20.9.3", "SystemName": "lab-x7"}), "Asterisk version", "fail", "22.10"),
        (("CoreSettings", {"AsteriskVersion": "22.9.1", "SystemName": "lab-x7"}), "Asterisk version", "fail", "22.10"),
        (("CoreSettings", {"AsteriskVersion": "odd", "SystemName": "lab-x7"}), "Asterisk version", "warn", "reporting"),
        (("CoreSettings", {"AsteriskVersion": "23.0.0", "SystemName": ""}), "system name", "warn", "systemname=lab"),
        (("Ping", {"Timestamp": "1795295847.886596"}), "clocks", "fail", "chrony"),
        (("Ping", {}), "clocks", "warn", "time service"),
    ],
)
async def test_one_fault(
    fake: Healthy, tmp_path: Path, answer: tuple[str, Mapping[str, str]], what: str, level: str, words: str
) -> None:
    fake.answers[answer[0]] = lambda m: reply(m, **answer[1])
    (finding,) = await bad(fake, tmp_path)
    assert (finding.what, finding.level) == (what, level)
    assert words in finding.mend


@pytest.mark.parametrize("right", sorted(set(RIGHTS.values())))
async def test_a_missing_right_is_named(fake: Healthy, tmp_path: Path, right: str) -> None:
    fake.rights = {action: "" for action, gives in RIGHTS.items() if gives != right}
    (finding,) = await bad(fake, tmp_path)
    assert finding.level == "fail"
    assert f"add {right} to write=" in finding.mend


@pytest.mark.parametrize(("action", "right"), EXCESS.items())
async def test_a_right_too_many_is_a_warning(fake: Healthy, tmp_path: Path, action: str, right: str) -> None:
    fake.rights[action] = ""
    (finding,) = await bad(fake, tmp_path)
    assert finding.level == "warn"
    assert right in finding.found


async def test_events_that_do_not_come_are_missed(fake: Healthy, tmp_path: Path) -> None:
    fake.booted, fake.channel = b"", b""
    assert [(f.level, f.what) for f in await bad(fake, tmp_path)] == [
        ("fail", "events: system"),
        ("fail", "events: call"),
    ]


async def test_manager_settings_are_seen_in_the_events(fake: Healthy, tmp_path: Path) -> None:
    fake.channel = b"Event: Newchannel\r\nChannel: a\r\n\r\nEvent: Hangup\r\nChannel: a\r\n\r\n"
    found = await bad(fake, tmp_path)
    assert [f.found for f in found] == ["no timestampevents=yes", "no channelvars=CTI_CALL_ID"]


async def test_modules_and_contexts_that_are_missing_are_named(fake: Healthy, tmp_path: Path) -> None:
    fake.modules_absent = frozenset({"res_agi", "app_mixmonitor"})
    fake.contexts = frozenset(CONTEXTS) - {"cti-serve"}
    found = {(f.level, f.found) for f in await bad(fake, tmp_path)}
    assert found == {
        ("fail", "res_agi is not loaded"),
        ("warn", "app_mixmonitor is not loaded"),
        ("fail", "missing: cti-serve"),
    }


async def test_what_is_set_up_and_not_on_the_switch_is_named(fake: Healthy, tmp_path: Path) -> None:
    healthy = fake.answers["Getvar"]
    absent = {
        "DEVICE_STATE(PJSIP/1002)": "INVALID",
        "DEVICE_STATE(PJSIP/1002w)": "INVALID",
        "QUEUE_EXISTS(cti-night)": "0",
    }
    absent["DEVICE_STATE(PJSIP/desk7w)"] = "INVALID"  # one phone is enough

    def lacks(request: Message) -> bytes:
        name = request.get("Variable")
        return reply(request, Value=absent[name]) if name in absent else healthy(request)

    fake.answers["Getvar"] = lacks
    agents = {"1001": Agent(agent_id=AgentId("1001"), endpoint="desk7"), "1002": Agent(agent_id=AgentId("1002"))}
    queues = {name: Queue(name=QueueName(name)) for name in ("night", "vip")}
    setup = Setup(agents=agents, queues=queues)

    async def found() -> list[tuple[str, str, str]]:
        findings = await examine(settings(fake, tmp_path), StillClock(), setup)
        return [(f.level, f.found, f.mend) for f in findings if f.level != "ok"]

    own, phones = await found()
    assert own[:2] == ("warn", "without their own: night")
    assert "[cti-night](cti)" in own[2]
    assert phones[:2] == ("warn", "no endpoint for 1002")
    absent["QUEUE_EXISTS(cti-fallback)"] = "0"
    assert (await found())[0][:2] == ("fail", "missing: cti-fallback")


async def test_login_refused_and_nobody_there(fake: Healthy, tmp_path: Path) -> None:
    wrong = fake.settings(password=SecretStr("wrong-secret"))
    (finding,) = await bad(fake, tmp_path, ami=wrong)
    assert "CTI_AMI__PASSWORD" in finding.mend
    assert "wrong-secret" not in render([finding])
    (finding,) = await bad(fake, tmp_path, ami=fake.settings(port=1))
    assert "cannot reach" in finding.found


async def test_a_user_who_may_nothing_still_gets_a_report(fake: Healthy, tmp_path: Path) -> None:
    for action in ("CoreSettings", "ListCommands", "Originate", "Getvar", "ShowDialPlan"):
        fake.answers[action] = lambda m: reply(m, "Error", Message="Permission denied")
    found = {f.what for f in await bad(fake, tmp_path)}
    assert {"Asterisk version", "AMI rights", "events: call", "modules", "dialplan"} <= found


async def test_a_folder_that_even_root_cannot_write_is_told(fake: Healthy, tmp_path: Path) -> None:
    paths = {"data": Path("/proc/cti"), "recordings": tmp_path, "queue_log": tmp_path / "queue_log"}
    (found,) = await bad(fake, tmp_path, paths=paths)
    assert found.what == "data and prompt folder"
    assert "/proc cannot be written" in found.found
    assert "CTI_PATHS__DATA" in found.mend


async def test_a_queue_log_that_is_not_there_is_said_and_fails_nothing(fake: Healthy, tmp_path: Path) -> None:
    paths = {"data": tmp_path, "recordings": tmp_path, "queue_log": tmp_path / "nowhere"}
    (found,) = await bad(fake, tmp_path, paths=paths)
    assert (found.level, found.what) == ("warn", "queue_log")
    assert "CTI_PATHS__QUEUE_LOG" in found.mend


async def test_a_taken_port_a_file_for_a_folder_and_a_dead_database(fake: Healthy, tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = await bad(
            fake,
            tmp_path,
            http={"port": port},
            database={"url": "postgresql+asyncpg://cti:hidden-word@127.0.0.1:1/cti"},
        )
    assert [f.what for f in found] == ["HTTP port", "data and prompt folder", "database"]
    assert str(port) in found[0].found
    assert "hidden-word" not in render(found)


async def test_a_server_the_dialplan_does_not_know(fake: Healthy, tmp_path: Path) -> None:
    (finding,) = await bad(fake, tmp_path, agi={"port": _free_port()})
    assert finding.what == "servers in the dialplan"
    assert "CTI_NODES" in finding.mend


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
