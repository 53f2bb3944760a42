"""The demo as its users start it: two side by side, everything told in the ready file, nothing left at the end."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from cti_server.lab.process import Process, run

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]


def demo(data: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "cti_server.lab.demo", "--data", str(data), *options]


@asynccontextmanager
async def running(data: Path, *options: str) -> AsyncIterator[tuple[Process, dict[str, Any]]]:
    """A demo that is up, and its ready file."""
    ready = data.parent / f"{data.name}.json"
    with (data.parent / f"{data.name}.log").open("ab") as log:
        process = Process(demo(data, "--ready-file", str(ready), *options), output=log)
    try:
        async with asyncio.timeout(120):
            while not ready.is_file():
                assert process.running, (data.parent / f"{data.name}.log").read_text()
                await asyncio.sleep(0.05)
        yield process, json.loads(ready.read_text())
    finally:
        assert await process.stop(60) in (0, 1)
        assert not ready.exists()


async def call(data: Path, *options: str) -> list[dict[str, Any]]:
    """`cti-server call --json` against a running demo: what it told."""
    code, output = await run(sys.executable, "-m", "cti_server", "call", "--demo", str(data), "--json", *options)
    assert code == 0, output
    return [json.loads(line) for line in output.splitlines()]


async def interrupted_call(data: Path, facts: dict[str, Any]) -> None:
    """Ctrl-C on `cti-server call`: the caller hangs up, and the server has seen it."""
    told = data.parent / "call.txt"
    command = [sys.executable, "-m", "cti_server", "call", "--demo", str(data), "--json", "--script", "wait 60; hangup"]
    with told.open("wb") as output:
        process = Process(command, output=output)
    try:
        async with asyncio.timeout(40):
            while "FlowEntered" not in told.read_text():
                assert process.running, told.read_text()
                await asyncio.sleep(0.05)
    finally:
        code = await process.stop(20, signal.SIGINT)
    assert code == 130, told.read_text()
    assert told.read_text().splitlines()[-1] == "hung up"
    async with asyncio.timeout(10):
        while (await health(facts))["calls"]:
            await asyncio.sleep(0.05)


async def health(facts: dict[str, Any]) -> dict[str, Any]:
    async with aiohttp.ClientSession() as client, client.get(facts["http"]["health"]) as answer:
        found: dict[str, Any] = await answer.json()
        return found


async def status(address: str) -> int:
    async with aiohttp.ClientSession() as client, client.get(address) as answer:
        return answer.status


async def test_two_demos_side_by_side(tmp_path: Path) -> None:
    async with running(tmp_path / "a") as (_, first), running(tmp_path / "b") as (_, second):
        for facts in (first, second):
            assert await status(facts["http"]["health"]) == 200
        for part in ("http", "sip", "ami", "agi", "webrtc", "carrier"):
            assert first[part] != second[part]
        assert {login["login"] for login in first["logins"]} >= {"1001", "1002", "1003", "1004", "1900", "1800"}
        assert {phone["desk"] for phone in first["phones"]} == {"1001", "1002", "1003", "1004", "1800", "1900"}
        told = await call(tmp_path / "a", "--script", "wait 3; digits 0; wait 1; hangup")
        assert [line["kind"] for line in told][:2] == ["dialled", "CallArrived"]
        kinds = {line["kind"] for line in told}
        assert {"CallerIdentified", "MenuChosen", "CallEnded", "report"} <= kinds
        assert told[-1]["data"]["ended_by"] == "caller"
        await interrupted_call(tmp_path / "a", first)
        code, output = await run(*demo(tmp_path / "a"))
        assert code == 1
        assert "another --data folder" in output


@pytest.mark.parametrize("part", ["server", "asterisk"])
async def test_when_one_part_dies_the_other_is_stopped(tmp_path: Path, part: str) -> None:
    async with running(tmp_path / "a") as (process, facts):
        await run("kill", "-KILL", str(facts[part]["pid"]))
        assert await process.wait() == 1
        other = facts["asterisk" if part == "server" else "server"]["pid"]
        assert not Path(f"/proc/{other}").exists()


async def test_a_newcomer_without_a_phone_talks_to_a_caller(tmp_path: Path) -> None:
    async with running(tmp_path / "a") as (_, facts):
        assert facts["test_phones"] == ["1001", "1002", "1003", "1004"]
        assert facts["hours"] == "always"
        login = next(known for known in facts["logins"] if known["login"] == "1004")
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(f"{facts['http']['url']}/api/v1/", cookie_jar=jar) as agent:
            await agent.post("session", json={"login": login["login"], "password": login["password"]})
            for wish in ("sign_in", "ready"):
                assert (await agent.post(f"agents/me/{wish}", json={})).status == 200
            told = await call(tmp_path / "a", "--script", "wait 3; digits 0; wait 12; hangup")
        talks = [line["data"]["agent_id"] for line in told if line["kind"] == "TalkStarted"]
        assert talks == ["1004"]


async def signed_in(facts: dict[str, Any], login: str, client: aiohttp.ClientSession) -> None:
    known = next(one for one in facts["logins"] if one["login"] == login)
    async with client.post("session", json={"login": login, "password": known["password"]}) as answer:
        assert answer.status == 201


async def test_with_traffic_a_leader_sees_a_centre_at_work(tmp_path: Path) -> None:
    """Callers come and are answered, nobody having signed in; at the end agents are signed out and nobody calls."""
    async with running(tmp_path / "a", "--traffic") as (process, facts):
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(f"{facts['http']['url']}/api/v1/", cookie_jar=jar) as leader:
            await signed_in(facts, "1900", leader)
            async with asyncio.timeout(90):
                while True:
                    board = await (await leader.get("board")).json()
                    states = {agent["agent_id"]: agent for agent in board["agents"]}
                    if any(agent["system"] == "talking" for agent in states.values()):
                        break
                    await asyncio.sleep(0.2)
        assert {agent["intent"] for name, agent in states.items() if name != "1900"} == {"ready"}
        assert await process.stop(60) == 0
    log = (tmp_path / "a" / "server.log").read_text()
    assert (tmp_path / "a" / "traffic.log").read_text() == ""
    assert "Traceback" not in log


async def test_second_start_keeps_logins_and_passwords(tmp_path: Path) -> None:
    kept = []
    for _ in range(2):
        async with running(tmp_path / "a") as (process, facts):
            kept.append((facts["logins"], facts["phones"], facts["ami"]["password"]))
            assert await process.stop(60, signal.SIGINT) == 0
    assert kept[0] == kept[1]
