"""Administration through the composed server: who may, what is refused and where, what holds at once, what the log says."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from cti_server.app import Server
from cti_server.domain.ids import AgentId
from cti_server.web.api import admin, admin_flows
from tests.services.call_world import DESK
from tests.web.admin_world import ROLES, Client, client, open_server


@pytest.fixture
async def server(tmp_path: Path, unused_tcp_port: int) -> AsyncIterator[Server]:
    async with open_server(tmp_path, unused_tcp_port) as running:
        yield running


@pytest.fixture
async def administrator(server: Server) -> AsyncIterator[Client]:
    async with client(server, "admin") as one:
        yield one


def queue(name: str, **settings: Any) -> dict[str, Any]:
    return {"name": name, "title": {"zh": "夜间", "en": "Night"}, **settings}


async def test_only_administrators_administrate(server: Server) -> None:
    for role in ROLES:
        async with client(server, role) as one:
            for route in (*admin.ROUTES, *admin_flows.ROUTES):
                path = "/api/v1" + route.path.replace("{key}", "x").replace("{file}", "x.yaml").replace(
                    "{version}", "1"
                )
                body: dict[str, Any] | None = {} if route.method == "POST" else None
                async with one.http.request(route.method, path, json=body) as answer:
                    assert (answer.status == 403) == (role != "admin"), (role, route.path, answer.status)


async def test_a_new_queue_and_agent_serve_at_once(server: Server, administrator: Client) -> None:
    await administrator.post("/admin/queues", {"item": queue("night", overflow_to="general"), "seen": None})
    item = {"agent_id": "1002", "name": "Li Wei", "queues": {"night": 7}, "skills": {"power": 3}}
    await administrator.post("/admin/agents", {"item": item, "seen": None})
    new = {"login": "li", "name": "Li Wei", "role": "agent", "agent_id": "1002"}
    made = await administrator.post("/admin/new-users", {"item": new})
    assert "night" in server.acd.queues
    assert server.floor.agent(AgentId("1002")).queues == {"night": 7}
    async with client(server, "li", made["password"]) as agent:
        assert (await agent.post("/agents/me/sign_in", {}))["me"]["queues"] == ["night"]
        assert [row["signed_in"] for row in (await agent.get("/queues")) if row["name"] == "night"] == [1]
    assert "password_hash" not in str(await administrator.get("/admin/setup"))
    log = await administrator.get("/admin/audit", login="admin")
    assert [one["action"] for one in log][:3] == ["user_created", "agent_created", "queue_created"]
    assert log[1]["after"]["queues"] == {"night": 7}
    assert made["password"] not in str(log)


async def test_a_wrong_field_is_named(administrator: Client) -> None:
    wrong: dict[str, dict[str, Any]] = {
        "overflow_to": queue("night", overflow_to="nowhere"),
        "ring_seconds": queue("night", ring_seconds=0),
        "wrap_up_seconds": queue("night", wrap_up_seconds="long"),
        "max_length": queue("night", max_length=1e9),
        "calendar": queue("night", calendar="moon"),
        "code": queue("night", code="1001"),
        "title.en": queue("night", title={"zh": "夜间", "en": ""}),
        "name": queue("Nacht!"),
        "shoe_size": queue("night", shoe_size=42),
    }
    for field, item in wrong.items():
        body = await administrator.post("/admin/queues", {"item": item, "seen": None}, status=422)
        assert field in body["error"]["details"]["fields"], (field, body)
    people: dict[str, dict[str, Any]] = {
        "agent_id": {"agent_id": "x"},
        "queues": {"agent_id": "1009", "queues": {"none": 1}},
        "skills": {"agent_id": "1009", "skills": {"power": 11}},
        "endpoint": {"agent_id": "1009", "endpoint": "1001w"},
    }
    for field, item in people.items():
        body = await administrator.post("/admin/agents", {"item": item, "seen": None}, status=422)
        assert field in body["error"]["details"]["fields"], (field, body)


async def test_the_second_of_two_administrators_is_shown_what_the_first_did(administrator: Client) -> None:
    part = await administrator.part("queues", "general", "name")
    first = {**part["item"], "ring_seconds": 11}
    await administrator.post("/admin/queues", {"item": first, "seen": part["seen"]})
    second = {**part["item"], "wrap_up_seconds": 99}
    body = await administrator.post("/admin/queues", {"item": second, "seen": part["seen"]}, status=409)
    details = body["error"]["details"]
    assert (details["by"], details["now"]["item"]["ring_seconds"]) == ("admin", 11)
    await administrator.post("/admin/queues", {"item": second, "seen": details["now"]["seen"]})
    body = await administrator.post("/admin/queues", {"item": second, "seen": None}, status=409)
    assert body["error"]["details"]["reason"] == "changed"


async def test_what_is_needed_stays(server: Server, administrator: Client) -> None:
    part = await administrator.part("queues", "general", "name")
    body = await administrator.delete("/admin/queues/general", 409, seen=part["seen"])
    assert "fallback queue" in body["error"]["message"]
    await administrator.post("/admin/queues", {"item": queue("night", calendar="day"), "seen": None})
    day = await administrator.get("/admin/calendars")
    body = await administrator.delete("/admin/calendars/day", 409, seen=day["seen"])
    assert "night" in body["error"]["message"]
    agent = await administrator.part("agents", "1001", "agent_id")
    body = await administrator.delete("/admin/agents/1001", 409, seen=agent["seen"])
    assert "agent" in body["error"]["message"]
    night = await administrator.part("queues", "night", "name")
    await administrator.post(
        "/admin/agents", {"item": {**agent["item"], "queues": {"night": 1, "general": 2}}, "seen": agent["seen"]}
    )
    await administrator.delete("/admin/queues/night", seen=night["seen"])
    assert server.floor.agent(AgentId("1001")).queues == {"general": 2}
    assert "night" not in server.acd.queues


async def test_lines_for_a_new_agents_phone_are_made_and_kept_nowhere(administrator: Client) -> None:
    assert (await administrator.get("/admin/switch")) == {
        "linked": False,
        "phones": {},
        "queues": [],
        "last_queue": True,
    }
    part = await administrator.part("agents", "1001", "agent_id")
    await administrator.post("/admin/agents", {"item": {**part["item"], "endpoint": "desk-7"}, "seen": part["seen"]})
    made = await administrator.post("/admin/agents/1001/phone", {})
    assert "[desk-7](agent-desk)" in made["lines"]
    assert "callerid=1001 <1001>" in made["lines"]
    assert f"password={made['password']}\n" in made["lines"]
    assert made["endpoint"] == "desk-7w"
    assert (await administrator.post("/admin/agents/1001/phone", {}))["password"] != made["password"]
    await administrator.post("/admin/agents/1009/phone", {}, 404)
    assert made["password"] not in str(await administrator.get("/admin/audit"))


async def test_the_last_administrator_stays(administrator: Client) -> None:
    part = await administrator.part("users", "admin", "login")
    for change in ({"active": False}, {"role": "leader"}):
        body = {"item": {**part["item"], **change}, "seen": part["seen"]}
        answer = await administrator.post("/admin/users", body, status=422)
        assert "last administrator" in answer["error"]["details"]["fields"]["role"]


async def test_a_disabled_user_is_out_at_once(server: Server, administrator: Client) -> None:
    async with client(server, "agent") as agent:
        await agent.post("/agents/me/sign_in", {})
        async with agent.http.ws_connect("/api/v1/live") as socket:
            await socket.send_json({"id": 1, "do": "resume", "args": {"after": None}})
            part = await administrator.part("users", "agent", "login")
            await administrator.post("/admin/users", {"item": {**part["item"], "active": False}, "seen": part["seen"]})
            async with asyncio.timeout(5):
                async for _ in socket:
                    pass
            assert socket.close_code == 4401
        await agent.get("/session", 401)
    assert server.floor.state(AgentId("1001")).intent == "signed_out"
    async with client(server, "agent", status=401):
        pass


async def test_a_leaders_move_for_good_is_a_change_like_any_other(server: Server, administrator: Client) -> None:
    await administrator.post("/admin/queues", {"item": queue("night"), "seen": None})
    part = await administrator.part("agents", "1001", "agent_id")
    async with client(server, "leader") as leader:
        await leader.post("/agents/1001/move", {"queues": {"night": 3}, "for_good": False})
        assert (await administrator.part("agents", "1001", "agent_id")) == part
        await leader.post("/agents/1001/move", {"queues": {"night": 9}, "for_good": True})
    assert server.floor.agent(AgentId("1001")).queues == {"night": 9}
    late = {"item": {**part["item"], "name": "Chen Mei-Ling"}, "seen": part["seen"]}
    details = (await administrator.post("/admin/agents", late, 409))["error"]["details"]
    assert (details["by"], details["now"]["item"]["queues"]) == ("leader", {"night": 9})
    entry = (await administrator.get("/admin/audit", login="leader", action="agent_saved"))[0]
    assert (entry["before"]["queues"], entry["after"]["queues"]) == ({"general": 5}, {"night": 9})

    async with client(server, "leader") as leader:  # lent away and back again for good
        await leader.post("/agents/1001/move", {"queues": {"general": 1}, "for_good": False})
        await leader.post("/agents/1001/move", {"queues": {"night": 9}, "for_good": True})
    assert server.floor.agent(AgentId("1001")).queues == {"night": 9}
    assert not [row for row in await administrator.get("/agents") if row["lent"]]


async def test_a_new_password_is_shown_once_and_ends_the_old_ones_sessions(
    server: Server, administrator: Client
) -> None:
    async with client(server, "leader") as leader:
        password = (await administrator.post("/admin/users/leader/password", {}))["password"]
        await leader.get("/session", 401)
    async with client(server, "leader", password) as leader:
        await leader.get("/session")
    assert password not in str(await administrator.get("/admin/audit"))


async def test_pause_codes_are_in_the_menu_at_once(server: Server, administrator: Client) -> None:
    tea = {"code": "tea", "zh": "喝茶", "en": "Tea", "position": 1}
    await administrator.post("/admin/pause_codes", {"item": tea, "seen": None})
    assert [one["code"] for one in await administrator.get("/pause-codes")] == ["meal", "tea"]
    body = await administrator.post("/admin/pause_codes", {"item": {**tea, "code": "missed_calls"}, "seen": None}, 422)
    assert "code" in body["error"]["details"]["fields"]


async def test_hours_are_changed_checked_and_kept(administrator: Client) -> None:
    day = await administrator.get("/admin/calendars")
    item = {**day["calendars"]["day"], "dates": {"2026-10-01": ["09:00-12:00"], "2026-10-02": []}}
    saved = await administrator.post("/admin/calendars/day", {"item": item, "seen": day["seen"]})
    assert saved["calendars"]["day"]["dates"] == {"2026-10-01": ["09:00-12:00"], "2026-10-02": []}
    wrong = {**item, "weekly": {"mon": ["8-20"]}}
    body = await administrator.post("/admin/calendars/day", {"item": wrong, "seen": saved["seen"]}, status=422)
    assert "weekly.mon.0" in body["error"]["details"]["fields"]
    await administrator.post("/admin/calendars/day", {"item": item, "seen": day["seen"]}, status=409)


async def test_a_flow_is_checked_saved_put_in_force_and_undone(server: Server, administrator: Client) -> None:
    shown = await administrator.get("/admin/flows/desk.yaml")
    assert (shown["text"], shown["problems"], shown["lines"]) == (DESK, [], {"main": 8, "help": 13})
    assert [box["name"] for box in shown["picture"]["boxes"]] == ["main", "help"]
    broken = DESK.replace("to: help", "to: nowhere")
    problems = (await administrator.post("/admin/flows/desk.yaml/check", {"file": "desk.yaml", "text": broken}))[
        "problems"
    ]
    assert [(one["line"], one["node"]) for one in problems] == [(12, "main")]
    save = {"text": broken, "seen": shown["seen"], "note": "try"}
    body = await administrator.post("/admin/flows/desk.yaml", save, status=422)
    assert body["error"]["details"]["problems"][0]["line"] == 12
    better = DESK.replace("For help press 1.", "Welcome! For help press 1.")
    saved = await administrator.post("/admin/flows/desk.yaml", {**save, "text": better})
    assert server.flows.get("desk").version == saved["seen"] != shown["seen"]
    await administrator.post("/admin/flows/desk.yaml", {**save, "text": DESK}, status=409)
    versions = await administrator.get("/admin/flows/desk.yaml/versions")
    assert [(one["login"], one["in_force"]) for one in versions] == [("admin", True), ("", False)]
    old = await administrator.get(f"/admin/flows/desk.yaml/versions/{versions[1]['id']}")
    assert old["text"] == DESK
    assert '+    say: {en: "Welcome!' in old["diff"]
    undone = {"text": old["text"], "seen": saved["seen"], "note": "undo"}
    await administrator.post("/admin/flows/desk.yaml", undone)
    assert server.flows.get("desk").version == shown["seen"]
    log = await administrator.get("/admin/audit", action="flow_saved")
    assert [one["subject"] for one in log] == ["desk.yaml: undo", "desk.yaml: try"]
    assert "Welcome" in log[0]["after"]["diff"]


async def test_a_preview_speaks_both_languages_and_stops_at_each_question(administrator: Client) -> None:
    async def walk(*answers: str) -> Any:
        body = {"text": DESK, "language": "en", "answers": answers}
        return await administrator.post("/admin/flows/desk.yaml/preview", body)

    first = await walk()
    assert first["wants"] == "keys"
    assert first["steps"][-1]["words"] == {"en": "For help press 1.", "zh": "求助请按1。"}
    second = await walk("1")
    assert (second["wants"], second["steps"][-1]["about"]) == ("queue", "general")
    third = await walk("1", "answered")
    assert (third["wants"], third["steps"][-1]["what"]) == (None, "end")


@pytest.mark.parametrize("name", ["../desk.yaml", "lookups.yaml", "calendars.yaml", "desk.yml", ".yaml"])
async def test_only_flow_files_of_the_folder_are_written(administrator: Client, name: str) -> None:
    path = f"/admin/flows/{name.replace('/', '%2F')}"
    async with administrator.http.post(f"/api/v1{path}", json={"text": DESK, "seen": None}) as answer:
        assert answer.status in (404, 422)


async def test_a_folder_that_cannot_be_written_says_so_and_keeps_nothing(server: Server, administrator: Client) -> None:
    shown = await administrator.get("/admin/flows/desk.yaml")
    folder = server.flows.folder
    shutil.move(folder, folder.with_name("away"))
    new = {"text": DESK.replace("name: desk", "name: night"), "seen": None, "note": ""}
    body = await administrator.post("/admin/flows/night.yaml", new, status=503)
    assert body["error"]["details"]["reason"] == "folder"
    shutil.move(folder.with_name("away"), folder)
    assert await administrator.get("/admin/flows/desk.yaml/versions") == []
    assert (await administrator.get("/admin/flows/desk.yaml"))["seen"] == shown["seen"]


async def test_a_retired_flow_is_gone_kept_and_brought_back(server: Server, administrator: Client) -> None:
    made = await administrator.post(
        "/admin/new-flow", {"template": "menu", "name": "night", "zh": "夜间", "en": "Night"}
    )
    new = {"text": made["text"], "seen": None, "note": ""}
    await administrator.post("/admin/flows/night.yaml", new)
    assert "night" in server.flows.flows
    dids = await administrator.get("/admin/dids")
    lead = {"dids": {**dids["dids"], "4008": "night:zh"}, "seen": dids["seen"]}
    now = await administrator.post("/admin/dids", lead)
    assert server.flows.for_did("4008")[0].name == "night"
    seen = (await administrator.get("/admin/flows/night.yaml"))["seen"]
    body = await administrator.delete("/admin/flows/night.yaml", 409, seen=seen)
    assert body["error"]["details"]["why"] == {"code": "did_leads_here", "values": {"number": "4008", "name": "night"}}
    await administrator.post("/admin/dids", {"dids": dids["dids"], "seen": now["seen"]})
    await administrator.delete("/admin/flows/night.yaml", seen=seen)
    assert "night" not in server.flows.flows
    assert (await administrator.get("/admin/flows"))["retired"] == ["night.yaml"]
    (kept,) = await administrator.get("/admin/flows/night.yaml/versions")
    text = (await administrator.get(f"/admin/flows/night.yaml/versions/{kept['id']}"))["text"]
    await administrator.post("/admin/flows/night.yaml", {"text": text, "seen": None, "note": "again"})
    assert "night" in server.flows.flows
    only = await administrator.get("/admin/flows/desk.yaml")
    body = await administrator.delete("/admin/flows/desk.yaml", 409, seen=only["seen"])
    assert body["error"]["details"]["reason"] == "needed"


async def test_every_template_is_a_flow_that_can_be_put_in_force(administrator: Client) -> None:
    templates = (await administrator.get("/admin/flows"))["templates"]
    assert templates == ["menu", "hours", "notice"]
    for template in templates:
        made = await administrator.post("/admin/new-flow", {"template": template, "name": f"a_{template}", "zh": 'x"y'})
        found = await administrator.post(f"/admin/flows/{template}.yaml/check", {"text": made["text"]})
        assert found["problems"] == [], template


async def test_a_flow_begins_with_the_queue_one_names(administrator: Client) -> None:
    await administrator.post("/admin/queues", {"item": queue("night"), "seen": None})
    begun = {"template": "notice", "name": "late", "queue": "night"}
    assert "queue: night" in (await administrator.post("/admin/new-flow", begun))["text"]
    assert "queue: general" in (await administrator.post("/admin/new-flow", {**begun, "queue": ""}))["text"]
    body = await administrator.post("/admin/new-flow", {**begun, "queue": "nowhere"}, 422)
    assert "queue" in body["error"]["details"]["fields"]


async def test_a_number_leads_nowhere_else_than_to_a_flow_in_force(server: Server, administrator: Client) -> None:
    dids = await administrator.get("/admin/dids")
    wrong = {"dids": {"*": "desk:en", "4008": "moon", "12a": "desk"}, "seen": dids["seen"]}
    body = await administrator.post("/admin/dids", wrong, status=422)
    codes = {field: one["code"] for field, one in body["error"]["details"]["wrong"].items()}
    assert codes == {"4008": "did_nowhere", "12a": "did_form"}
    saved = await administrator.post("/admin/dids", {"dids": {"*": "desk:zh"}, "seen": dids["seen"]})
    assert server.flows.for_did("1")[1] == "zh"
    body = await administrator.post("/admin/dids", {"dids": {}, "seen": dids["seen"]}, status=409)
    assert body["error"]["details"]["now"] == saved


async def test_two_changes_of_one_flow_are_shown_and_merged(administrator: Client) -> None:
    shown = await administrator.get("/admin/flows/desk.yaml")
    title, menu = DESK.replace("zh: 服务台", "zh: 总台"), DESK.replace("For help press 1.", "Press 1 for help.")
    await administrator.post("/admin/flows/desk.yaml", {"text": DESK + "\n", "seen": shown["seen"], "note": ""})
    first = await administrator.get("/admin/flows/desk.yaml")
    await administrator.post("/admin/flows/desk.yaml", {"text": title + "\n", "seen": first["seen"], "note": ""})
    body = await administrator.post(
        "/admin/flows/desk.yaml", {"text": menu + "\n", "seen": first["seen"], "note": ""}, status=409
    )
    details = body["error"]["details"]
    assert "+title: {en: Desk, zh: 总台}" in details["theirs"]
    assert "服务台" not in details["theirs"].replace("-title: {en: Desk, zh: 服务台}", "")
    assert details["merged"] == title.replace("For help press 1.", "Press 1 for help.") + "\n"


async def test_hours_that_overlap_are_refused_and_others_are_looked_at(administrator: Client) -> None:
    async def look(weekly: dict[str, list[str]], status: int = 200, **more: Any) -> Any:
        body = {"item": {"weekly": weekly, **more}}
        return await administrator.post("/admin/opening-hours", body, status=status)

    body = await look({"mon": ["08:00-12:00", "11:00-14:00"]}, 422)
    assert body["error"]["details"]["wrong"]["weekly.mon"]["code"] == "span_overlap"
    body = await look({"sun": ["20:00-08:00"], "mon": ["07:00-12:00"]}, 422)
    assert list(body["error"]["details"]["wrong"]) == ["weekly.mon"]
    every = {day: ["00:00-24:00"] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
    assert (await look(every, holidays="none"))["open"] is True
    closed = await look({}, dates={"2020-01-01": []})
    assert (closed["open"], closed["opens_at"]) == (False, None)
    assert {"en": "National Day", "zh": "国庆节"} in [day["name"] for day in closed["days"]] or not closed["days"]
    day = await administrator.get("/admin/calendars")
    item = {"weekly": {"mon": ["08:00-12:00", "11:00-14:00"]}}
    await administrator.post("/admin/calendars/day", {"item": item, "seen": day["seen"]}, status=422)


LOOKUP = """name: money
title: {en: Money, zh: 账单}
languages: [en, zh]
start: ask
person: help
fallback_queue: general
nodes:
  ask:
    kind: lookup
    adapter: own
    query: balance
    arguments: {account: "'10000018'"}
    save: bill
    nothing: none
    failed: away
    next: tell
  tell:
    kind: say
    say: {en: "You owe {bill.arrears:amount}.", zh: "您欠费{bill.arrears:amount}。"}
    next: help
  none:
    kind: say
    say: {en: "Nothing found.", zh: "没有找到。"}
    next: help
  away:
    kind: say
    say: {en: "We cannot look now.", zh: "现在不能查询。"}
    next: help
  help:
    kind: queue
    queue: general
"""


async def test_a_lookup_of_the_preview_answers_as_asked(administrator: Client) -> None:
    async def heard(**found: Any) -> tuple[str, str]:
        body = {"text": LOOKUP, "language": "en", "answers": [], "found": found}
        steps = (await administrator.post("/admin/flows/money.yaml/preview", body))["steps"]
        lookup, told = (one for one in steps if one["what"] in ("lookup", "say"))
        assert told["words"]["zh"] != told["words"]["en"]
        return lookup["outcome"], told["words"]["en"]

    assert await heard() == ("found", "You owe zero yuan")
    owes = {"outcome": "found", "values": {"arrears": "56.20"}}
    assert "fifty" in (await heard(**{"own.balance": owes}))[1]
    assert await heard(**{"own.balance": {"outcome": "nothing"}}) == ("nothing", "Nothing found.")
    assert await heard(**{"own.balance": {"outcome": "failed"}}) == ("failed", "We cannot look now.")


async def test_a_locked_login_is_shown_and_unlocked(server: Server, administrator: Client) -> None:
    for _ in range(8):
        async with client(server, "leader", "wrong", status=401):
            pass
    async with client(server, "leader", status=429):
        pass
    assert (await administrator.get("/admin/setup"))["locked"] == ["leader"]
    await administrator.post("/admin/users/leader/unlock", {}, status=204)
    async with client(server, "leader"):
        pass
    assert [one["subject"] for one in await administrator.get("/admin/audit", action="user_unlocked")] == ["leader"]


async def test_the_log_is_filtered_paged_and_exported(administrator: Client) -> None:
    for number in range(5):
        item = {"code": f"c{number}", "zh": "=1+1", "en": "Tea"}
        await administrator.post("/admin/pause_codes", {"item": item, "seen": None})
    first = await administrator.get("/admin/audit", action="pause_code_created", limit=2)
    second = await administrator.get("/admin/audit", action="pause_code_created", limit=2, below=first[-1]["id"])
    assert [one["subject"] for one in (*first, *second)] == ["c4", "c3", "c2", "c1"]
    assert [one["subject"] for one in await administrator.get("/admin/audit", subject="C3")] == ["c3"]
    assert "pause_code_created" in await administrator.get("/admin/audit-actions")
    table = (await administrator.post("/admin/audit-export", {"action": "pause_code_created"}))["csv"]
    assert len(table.splitlines()) == 6
    assert table.startswith("\ufeffat,login,action")
    assert [one["subject"] for one in await administrator.get("/admin/audit", action="audit_exported")] == [
        "action=pause_code_created"
    ]
