"""A queue, an agent and a number an administrator has just made take real calls; his Asterisk lacks what he is told it lacks."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from cti_server.domain import facts as f
from cti_server.lab.asterisk import CHECKOUT, AsteriskInstance
from cti_server.lab.phones import Behaviour
from tests.real.server_process import Site, open_site, until
from tests.real.test_command_line import cti
from tests.web.admin_world import Client

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]
NUMBER, AGENT = "4008001000", "1050"


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """An Asterisk of its own: its files are changed."""
    flows = shutil.copytree(CHECKOUT / "ivr_flows", tmp_path / "flows")
    async with AsteriskInstance(tmp_path / "asterisk") as asterisk:
        secrets = str(asterisk.softphone_secrets)
        async with open_site(
            asterisk, tmp_path, retry_seconds=1, CTI_PATHS__FLOWS=str(flows), CTI_PHONES__SECRETS=secrets
        ) as opened:
            yield opened


async def signed_in(http: aiohttp.ClientSession, login: str, password: str) -> Client:
    one = Client(http)
    await one.post("/session", {"login": login, "password": password}, 201)
    return one


async def set_up(admin: Client) -> str:
    """As in the page, section by section; the new user's password."""
    await admin.post("/admin/skills", {"item": {"code": "solar", "zh": "光伏", "en": "Solar"}, "seen": None})
    queue = {"name": "solar", "title": {"zh": "光伏专席", "en": "Solar"}, "code": "6050", "disposition_required": True}
    await admin.post("/admin/queues", {"item": {**queue, "wrap_up_seconds": 60}, "seen": None})
    code = {"code": "solar_offer", "zh": "光伏报价", "en": "Solar offer", "queues": ["solar"]}
    await admin.post("/admin/dispositions", {"item": code, "seen": None})
    agent = {"agent_id": AGENT, "name": "Ren Tong", "queues": {"solar": 7}, "skills": {"solar": 6}}
    await admin.post("/admin/agents", {"item": agent, "seen": None})
    user = {"login": AGENT, "name": "Ren Tong", "role": "agent", "agent_id": AGENT}
    made = await admin.post("/admin/new-users", {"item": user})
    flow = {"template": "notice", "name": "solar", "zh": "光伏热线", "en": "Solar line", "queue": "solar"}
    text = (await admin.post("/admin/new-flow", flow))["text"]
    asks = text.replace("    queue: solar\n", "    queue: solar\n    skills: {solar: 5}\n")
    assert asks != text
    await admin.post("/admin/flows/solar.yaml", {"text": asks, "seen": None})
    dids = await admin.get("/admin/dids")
    await admin.post("/admin/dids", {"dids": {**dids["dids"], NUMBER: "solar:en"}, "seen": dids["seen"]})
    password: str = made["password"]
    return password


async def add_lines(site: Site, made: dict[str, Any]) -> None:
    """What the page tells the administrator to do on his Asterisk."""
    etc = site.asterisk.folder / "etc"
    with (etc / "pjsip_agents.conf").open("a") as conf:
        conf.write(made["lines"])
    secrets = site.asterisk.softphone_secrets
    secrets.write_text(json.dumps({**json.loads(secrets.read_text()), made["endpoint"]: made["password"]}))
    await site.asterisk.cli("module reload res_pjsip.so")


async def test_a_queue_and_an_agent_made_in_the_page_take_calls_and_its_callers_are_caught(site: Site) -> None:
    asterisk = site.asterisk
    async with aiohttp.ClientSession(site.server.web, cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        admin = await signed_in(http, "admin", site.logins["admin"])
        site.logins = {**site.logins, AGENT: await set_up(admin)}
        seen = await admin.get("/admin/switch")
        assert (seen["linked"], seen["queues"], seen["last_queue"]) == (True, ["solar"], True)
        assert {one for one, phones in seen["phones"].items() if phones["desk"]["state"] == "missing"} == {AGENT}
        assert seen["phones"][AGENT]["softphone"] == {"endpoint": "1050w", "state": "missing"}
        assert not seen["phones"][AGENT]["password"]
        code, said = await cti(site.server.environment, "doctor")
        assert code == 0, said
        assert "no endpoint for 1050" in said
        assert "without their own: solar" in said
        assert "[cti-solar](cti)" in said

        made = await admin.post(f"/admin/agents/{AGENT}/phone", {})
        await add_lines(site, made)
        phone = await site.bank.phone(AGENT, made["password"], Behaviour(answer_after=0.2))

        async def registered() -> bool:
            states = (await admin.get("/admin/switch"))["phones"][AGENT]
            assert states["softphone"]["state"] == "away"
            assert states["password"]
            return bool(states["desk"]["state"] == "registered")

        await until(registered, "the new phone is seen")
        _, said = await cti(site.server.environment, "doctor")
        assert "no endpoint for" not in said

        # a call
        await site.wish(AGENT, "sign_in")
        await site.state(AGENT, system="available")
        await site.wish(AGENT, "ready")
        call_id = await site.call("wait 60", caller="13900000040", to=NUMBER)
        await phone.answers(20)
        (talk,) = await site.until(f.TalkStarted, call_id=call_id)
        (visit,) = await site.of(f.VisitStarted, call_id=call_id)
        assert (talk.agent_id, visit.queue) == (AGENT, "solar")
        await phone.hang_up()
        await site.state(AGENT, system="wrap_up")
        async with aiohttp.ClientSession(site.server.web, cookie_jar=aiohttp.CookieJar(unsafe=True)) as desk:
            agent = await signed_in(desk, AGENT, site.logins[AGENT])
            work = await agent.get(f"/calls/{call_id}/work")
            assert work["required"]
            assert "solar_offer" in [one["code"] for one in work["codes"]]
            refused = await agent.post("/agents/me/end_wrap_up", {}, 409)
            assert refused["error"]["details"]["reason"] == "disposition_required"
            await agent.post(f"/calls/{call_id}/disposition", {"code": "solar_offer"})
            await agent.post("/agents/me/end_wrap_up", {})

        # no server: its callers have no queue of their own in Asterisk
        await site.true_on_switch("queue show cti-fallback", f"PJSIP/{AGENT}")
        await site.server.kill()
        task = asyncio.create_task(site.caller.call(NUMBER, caller="13900000041", script="wait 60", wait=120))
        site.callers.append(task)
        talk_there = await phone.answers(30)
        assert "cti-fallback" in (asterisk.queue_log).read_text()
        await talk_there.call.hangup()
        await site.server.start()
        (unseen,) = await site.until(f.CallUnseen)
        assert (unseen.caller, unseen.answered_by) == ("+8613900000041", AGENT)
        site.sign_everybody_out()
    await own_queue_is_used_once_it_is_there(site)


async def own_queue_is_used_once_it_is_there(site: Site) -> None:
    """The administrator follows the hint; the server fills the new queue, and its callers wait there."""
    with (site.asterisk.folder / "etc" / "queues.conf").open("a") as conf:
        conf.write("\n[cti-solar](cti)\n")
    await site.asterisk.cli("queue reload all")
    async with aiohttp.ClientSession(site.server.web, cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        admin = await signed_in(http, "admin", site.logins["admin"])
        assert (await admin.get("/admin/switch"))["queues"] == []
    await site.true_on_switch("queue show cti-solar", f"PJSIP/{AGENT}")
    _, said = await cti(site.server.environment, "doctor")
    assert "cti-solar" not in said
