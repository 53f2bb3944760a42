"""What goes wrong around a caller: odd numbers, endless digits, sources that lie or hang, a database or a folder that is gone,
flows with errors. He always hears something and reaches a person; whoever runs the server is told what to mend.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from cti_server.app import Server
from cti_server.config import AgiSettings, CallSettings, DatabaseSettings, HttpSettings, PathSettings
from cti_server.domain import facts as f
from cti_server.domain.aloud import aloud
from cti_server.errors import BadSettings
from cti_server.lab.asterisk import CHECKOUT, AsteriskInstance
from cti_server.lab.postgres import PostgresInstance
from tests.real.centre import Centre, open_centre, settings
from tests.real.hearing import Caller, caller
from tests.real.ivr_world import KNOWN, STRANGER, together

pytestmark = [pytest.mark.real, pytest.mark.timeout(170)]
DIDS = {"95598": "power:zh", "4008": "power:en"}


def paths(folder: Path, **changes: Path | None) -> PathSettings:
    """Like the centre's, with flows of the test's own to change."""
    flows = folder / "flows"
    if not flows.exists():
        flows.mkdir()
        for source in (CHECKOUT / "ivr_flows").glob("*.yaml"):
            shutil.copy(source, flows)
        (flows / "prompts").symlink_to(CHECKOUT / "ivr_flows/prompts")
    usual: dict[str, Path | None] = {"data": folder / "data", "flows": flows, "recordings": folder / "recordings"}
    return PathSettings(**{**usual, **changes})


async def reaches_person(one: Caller, queue: str = "general", within: float = 40.0) -> None:
    assert (await one.until(f.VisitStarted, within=within)).queue == queue


# ---- who calls, and what he presses --------------------------------------------------------------------------------

ODD_NUMBERS = {
    "quotes": "%22139%22%270000",
    "line ends": "139%0d%0aagi_arg_1:%20q-vip%0d%0a",
    "line ends and a variable": "139%0d%0aVariable:%20CTI_DONE=1",
    "expressions": "$%7BCTI_CALL_ID%7D$%5B1+1%5D%7C1,2)",
    "a long one": "9" * 500,
    "letters beyond ASCII": "%E5%BC%A0%E4%B8%89",
    "withheld": "anonymous",
    "only a blank": "%20",
}
ODD_NAME = 'x"; ${SHELL(touch /tmp/x)} $[1+1],|张三\\' + "n" * 200


async def odd_number(centre: Centre, number: str) -> None:
    async with caller(centre, number, name=ODD_NAME) as one:
        await one.press("0", at="main")
        await reaches_person(one)
        told = one.of(f.CallArrived)[0].caller
        assert told.isprintable()
        assert len(told) <= 80
        await one.hang_up()
    assert [x.side for x in one.of(f.CallEnded)] == ["caller"]


async def unknown_number(centre: Centre) -> None:
    async with caller(centre, STRANGER, to="12345678") as one:
        await reaches_person(one)
        await one.hang_up()
    assert [x.error for x in one.of(f.FlowFailed)] == ["unknown_did"]
    assert await one.heard_phrase("apology_to_person")
    one.check_never_silent()


async def five_hundred_digits(centre: Centre) -> None:
    async with caller(centre, STRANGER) as one:
        await one.press("2", at="main")
        await one.press("7" * 500, at="balance_account")
        await reaches_person(one, "billing", within=90)
        await one.hang_up()
    assert {x.digits for x in one.of(f.InputCollected)} == {"7777••77"}
    assert [x.side for x in one.of(f.CallEnded)] == ["caller"]


async def test_odd_callers_are_served(asterisk: AsteriskInstance, tmp_path: Path) -> None:
    async with open_centre(asterisk, tmp_path) as centre:
        odd = [odd_number(centre, number) for number in ODD_NUMBERS.values()]
        await together(*odd, unknown_number(centre), five_hundred_digits(centre))
        await centre.calls_over()


# ---- sources outside ---------------------------------------------------------------------------------------------

LOOKUPS = """
adapters:
  crm:
    kind: http
    base: http://127.0.0.1:{port}
    queries:
      debt: {{path: '/{{how}}', answer: {{amount: amount}}}}
policies:
  crm: {{timeout_seconds: 4.8, tries: 1, breaker_failures: 50}}
"""
FLOW = """
name: {how}
title: {{zh: 试, en: try}}
languages: [zh, en]
start: ask
person: help
fallback_queue: general
nodes:
  ask:
    {{kind: lookup, adapter: crm, query: debt, arguments: {{how: "'{how}'"}}, save: found, nothing: help, next: tell}}
  tell:
    kind: say
    say:
      zh: 您的账户欠费{{found.amount:amount}}，请尽快缴清。
      en: Your account is in arrears by {{found.amount:amount}}. Please pay as soon as you can.
    next: help
  help:
    kind: queue
    queue: repair
    say: {{zh: 正在为您转接报修客服，请稍候。, en: I am connecting you to the repair desk. Please hold.}}
"""
ANSWERS: dict[str, object] = {
    "nested": {"amount": {"of": ["it"]}},
    "list": [1, 2, 3],
    "words": {"amount": "a lot"},
    "endless": {"amount": "1" * 40},
    "nothing_in_it": {"amount": None},
}


async def crm(request: web.Request) -> web.Response:
    how = request.path.strip("/")
    match how:
        case "slow":
            await asyncio.sleep(4)
            return web.json_response({"amount": "12.30"})
        case "hanging":
            await asyncio.sleep(6)
        case "error":
            return web.Response(status=500)
        case "html":
            return web.Response(text="<html>", content_type="text/html")
    return web.json_response(ANSWERS.get(how))


@asynccontextmanager
async def service() -> AsyncIterator[int]:
    application = web.Application()
    application.router.add_get("/{how}", crm)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


async def slow_source(centre: Centre, did: str) -> None:
    async with caller(centre, STRANGER, to=did) as one:
        await reaches_person(one, "repair")
        await asyncio.sleep(2.5)
        await one.hang_up()
    assert await one.heard_phrase("one_moment")
    assert await one.heard(("您的账户欠费", *aloud("amount", "12.30", "zh")))
    one.check_never_silent()


async def bad_source(centre: Centre, did: str, *, tells: bool) -> None:
    async with caller(centre, STRANGER, to=did) as one:
        await reaches_person(one)
        await asyncio.sleep(2.5)
        await one.hang_up()
    assert one.of(f.FlowFailed)
    assert bool(await one.heard_phrase("one_moment")) == tells
    one.check_never_silent()


async def test_sources_that_are_slow_or_lie(asterisk: AsteriskInstance, tmp_path: Path) -> None:
    hows = ["slow", "hanging", "error", "html", *ANSWERS]
    dids = {str(7100 + place): f"{how}:zh" for place, how in enumerate(hows)}
    where = paths(tmp_path)
    async with service() as port:
        (where.flows / "lookups.yaml").write_text(LOOKUPS.format(port=port))
        for how in hows:
            (where.flows / f"{how}.yaml").write_text(FLOW.format(how=how))
        calls = CallSettings(node=asterisk.node, hours="always", dids=DIDS | dids)
        async with open_centre(asterisk, tmp_path, paths=where, calls=calls) as centre:
            assert not centre.server.flows.problems
            bad = [bad_source(centre, did, tells=how == "hanging:zh") for did, how in dids.items() if how != "slow:zh"]
            await together(slow_source(centre, "7100"), *bad)
            await centre.calls_over()


# ---- the database ------------------------------------------------------------------------------------------------


@pytest.mark.postgres
async def test_a_database_that_stops_under_calls(asterisk: AsteriskInstance, tmp_path: Path) -> None:
    """One caller in the middle of his balance, one who comes later: both reach a person; what happened is stored later."""
    async with PostgresInstance() as postgres:
        url = await postgres.database()
        async with open_centre(asterisk, tmp_path, database=DatabaseSettings(url=url)) as centre:
            async with caller(centre, KNOWN) as one:
                await one.press("2", at="main")
                await one.asked("balance_own")
                await postgres.stop()
                await one.listened()
                await one.press("1")
                await reaches_person(one)
                async with caller(centre, KNOWN) as late:
                    await late.press("1", at="main")
                    await late.press("1", at="fault")
                    await late.asked("fault_describe_place")
                    await late.listened()
                    await late.speak(2)
                    await late.press("#")
                    await reaches_person(late, "repair")
                    await asyncio.sleep(1)
                    await late.hang_up()
                await one.hang_up()
            for each in (one, late):
                each.check_never_silent()
            assert await late.heard_node("fault_order_failed")
            health = await centre.server.health()
            assert (health["status"], health["database"]) == ("degraded", False)
            await postgres.start()
            await asyncio.wait_for(centre.server.ground.journal.flush(), 20)
            for each in (one, late):
                record = await centre.server.ground.facts.load_call(each.call_id)
                assert record is not None
                assert record.ended is not None


async def test_a_locked_database_file(asterisk: AsteriskInstance, tmp_path: Path) -> None:
    """Another program holds SQLite's write lock: the report cannot be registered, the repair desk takes it down."""
    async with open_centre(asterisk, tmp_path) as centre, caller(centre, STRANGER) as one:
        await one.press("11", at="main")
        await one.asked("fault_describe_place")
        await one.listened()
        await one.speak(1)
        lock = sqlite3.connect(tmp_path / "cti.db", isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        await one.press("#")
        await reaches_person(one, "repair")
        lock.execute("ROLLBACK")
        lock.close()
        await one.hang_up()
        assert await one.heard_phrase("one_moment")
        assert await one.heard_node("fault_order_failed")
        one.check_never_silent()


# ---- starting ------------------------------------------------------------------------------------------------------


async def serve(folder: Path, **environment: str) -> tuple[int, str]:
    """`cti-server serve` as a program: exit status and what it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cti_server", "serve", cwd=folder, env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, said.decode()


async def test_no_database_at_the_start(tmp_path: Path) -> None:
    flows = str(CHECKOUT / "ivr_flows")
    away, nowhere = await asyncio.gather(
        serve(
            tmp_path, CTI_PATHS__FLOWS=flows, CTI_DATABASE__URL=f"postgresql+asyncpg://cti@/cti?host={tmp_path}/none"
        ),
        serve(tmp_path, CTI_PATHS__FLOWS=flows, CTI_DATABASE__URL="sqlite+aiosqlite:////proc/none/cti.db"),
    )
    for status, said in (away, nowhere):
        assert status == 1
        assert "Traceback" not in said
        assert "database" in said.lower()
    assert "CTI_DATABASE__URL" in nowhere[1]
    assert "CTI_DATABASE__URL" in away[1]


async def test_a_second_server_is_told_which_setting(asterisk: AsteriskInstance, tmp_path: Path) -> None:
    async with open_centre(asterisk, tmp_path) as centre:
        second = tmp_path / "second"
        with pytest.raises(BadSettings, match="CTI_AGI__PORT"):
            async with Server(settings(asterisk, second)):
                pass
        taken = HttpSettings(port=centre.server.web_port)
        with pytest.raises(BadSettings, match="CTI_HTTP__PORT"):
            async with Server(settings(asterisk, second, agi=AgiSettings(port=0), http=taken)):
                pass
        async with caller(centre, STRANGER) as one:  # the first has not noticed
            await one.press("0", at="main")
            await reaches_person(one)
            await one.hang_up()


# ---- flows and folders -----------------------------------------------------------------------------------------------


async def test_flows_changed_while_serving(asterisk: AsteriskInstance, tmp_path: Path) -> None:
    where = paths(tmp_path)
    file = where.flows / "power.yaml"
    good = file.read_text()
    async with open_centre(asterisk, tmp_path, paths=where) as centre, caller(centre, STRANGER) as one:
        await one.asked("main")
        file.write_text(good.replace("4: {to: information,", "4: {to: nowhere,"))
        await centre.true(lambda: bool(centre.server.flows.problems), "the error was noticed")
        (problem,) = centre.server.flows.problems
        lines = good.splitlines()
        assert problem.file == str(file)
        assert problem.node == "main"
        assert "4: {to: information," in lines[problem.line - 1] or lines[problem.line - 1].startswith("  main")
        assert "nowhere" in problem.message
        assert str(problem) in json.dumps((await centre.server.health())["details"], ensure_ascii=False)
        async with caller(centre, STRANGER) as other:  # the old version serves on
            await other.press("4", at="main")
            await other.asked("information")
            await other.hang_up()
        swapped = good.replace("4: {to: information,", "4: {to: COMPLAINT,").replace(
            "3: {to: complaint,", "3: {to: information,"
        )
        file.write_text(swapped.replace("COMPLAINT", "complaint"))
        await centre.true(lambda: not centre.server.flows.problems, "the good version was taken")
        async with caller(centre, STRANGER) as newer:
            await newer.press("4", at="main")
            await newer.asked("complaint")
            await newer.hang_up()
        await one.press("4")
        await one.asked("information")
        await one.hang_up()
        versions = [each.of(f.FlowEntered)[0].version for each in (one, other, newer)]
        assert versions[0] == versions[1] != versions[2]


@pytest.mark.parametrize("whose", ["ours", "switch"])
async def test_recordings_that_cannot_be_written(asterisk: AsteriskInstance, tmp_path: Path, whose: str) -> None:
    """Our own folder is a file; or Asterisk does not have the folder. The caller gets a person who takes it down."""
    (tmp_path / "file").write_text("")
    wrong = {"recordings": tmp_path / "file"} if whose == "ours" else {"recordings_on_switch": Path("/proc/none")}
    async with (
        open_centre(asterisk, tmp_path, paths=paths(tmp_path, **wrong)) as centre,
        caller(centre, STRANGER) as one,
    ):
        await one.press("5", at="main")
        await reaches_person(one)
        await asyncio.sleep(2)
        await one.hang_up()
        assert one.of(f.FlowFailed)
        assert not one.of(f.RecordingMade)
        assert await one.heard_phrase("apology_to_person")
        one.check_never_silent()
