"""Every route: who may use it, what it refuses, what every answer carries."""

from __future__ import annotations

import re
from typing import Any

import pytest

from cti_server.domain.users import ROLES
from cti_server.web.app import ROUTES
from cti_server.web.routes import API, PUBLIC, Route
from tests.web.web_world import LOGINS, SignIn, World

PUBLIC_ROUTES = {
    ("GET", "/health"),
    ("GET", "/metrics"),
    ("POST", "/session"),
    ("GET", "/openapi.json"),
    ("GET", "/demo/phone"),  # these three are NotFound outside the demo
    ("GET", "/demo/phone/asked"),
    ("GET", "/demo/phone/ws"),
}
LOGIN_OF = {role: login for login, (role, agent_id) in reversed(LOGINS.items()) if agent_id or role not in ("agent",)}
BODIES: dict[str, dict[str, Any]] = {
    "pause": {"reason": "meal"},
    "transfer": {"target": "general"},
    "consult": {"step": "cancel"},
    "call_back": {"ticket_id": "t1"},
    "place_call": {"number": "13900000001"},
    "assign": {"agent_id": "1001"},
    "move": {"queues": {"general": 5}},
    "announce": {"text": "Storm over the east district"},
}
QUERIES = {"/history": {"number": "1390"}, "/customers": {"text": "Zhao"}}


def _url(route: Route) -> str:
    return API + re.sub(r"{\w+}", "me" if "agents" in route.path else "x1", route.path)


async def _ask(client: Any, route: Route) -> int:
    body = {"json": BODIES.get(route.wish, {})} if route.method == "POST" else {}
    answer = await client.request(route.method, _url(route), params=QUERIES.get(route.path, {}), **body)
    return int(answer.status)


def test_the_public_routes_are_these_and_no_others() -> None:
    assert {(route.method, route.path) for route in ROUTES if route.roles is PUBLIC} == PUBLIC_ROUTES


@pytest.mark.parametrize("route", [r for r in ROUTES if r.roles is not PUBLIC], ids=lambda r: f"{r.method} {r.path}")
async def test_a_route_refuses_strangers_and_other_roles(route: Route, client_of: SignIn) -> None:
    assert route.roles
    assert await _ask(await client_of(), route) == 401
    for role in sorted(ROLES):
        status = await _ask(await client_of(LOGIN_OF[role]), route)
        if role not in route.roles:
            assert status == 403, role
        else:
            assert status not in (401, 403, 405, 500), (role, status)


def test_every_route_of_the_router_stands_in_the_table(world: World) -> None:
    table = {(route.method, API + route.path) for route in ROUTES}
    for resource in world.app.router.routes():
        canonical = resource.resource.canonical if resource.resource else ""
        if canonical.startswith("/api/") and resource.method != "HEAD":
            assert (resource.method, canonical) in table


async def test_answers_carry_security_headers_even_when_refused(client_of: SignIn) -> None:
    client = await client_of()
    for path in ("/", "/api/v1/board", "/nowhere", "/api/v1/health"):
        headers = (await client.get(path)).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Request-Id"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "evil.example", "Origin": "http://evil.example"},
    ],
)
async def test_another_sites_page_changes_nothing(client_of: SignIn, world: World, headers: dict[str, str]) -> None:
    client = await client_of("1001")
    answer = await client.post("/api/v1/agents/me/sign_in", json={}, headers=headers)
    assert answer.status in (400, 403)
    assert world.desk.states["1001"].intent == "signed_out"
    answer = await client.get("/api/v1/live", headers={**headers, "Upgrade": "websocket", "Connection": "upgrade"})
    assert answer.status in (400, 403)


async def test_our_own_page_is_let_in(client_of: SignIn, world: World) -> None:
    client = await client_of("1001")
    origin = f"http://127.0.0.1:{client.port}"
    answer = await client.post("/api/v1/agents/me/sign_in", json={}, headers={"Origin": origin})
    assert answer.status == 200
    assert (await answer.json())["me"]["intent"] == "paused"
    assert world.desk.states["1001"].intent == "paused"


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b"{", "application/json", 400, "bad_request"),
        (b"[]", "application/json", 400, "bad_request"),
        (b"[" * 50_000, "application/json", 400, "bad_request"),
        (b'{"reason": "meal"}', "text/plain", 400, "bad_request"),
        (b'{"reason": "meal", "x": 1}', "application/json", 422, "invalid_value"),
        (b'{"reason": "a\\u0000b"}', "application/json", 422, "invalid_value"),
        (b'{"reason": "\\ud800"}', "application/json", 422, "invalid_value"),
        (b'{"reason": 5}', "application/json", 422, "invalid_value"),
        (b'{"reason": "nap"}', "application/json", 422, "invalid_value"),
        (b'"' + b"x" * 70_000 + b'"', "application/json", 413, "bad_request"),
    ],
)
async def test_a_bad_body_is_told_what_is_wrong(
    client_of: SignIn, body: bytes, content_type: str, status: int, code: str
) -> None:
    client = await client_of("1001")
    answer = await client.post("/api/v1/agents/me/pause", data=body, headers={"Content-Type": content_type})
    assert answer.status == status
    error = (await answer.json())["error"]
    assert error["code"] == code
    assert error["message"]


async def test_a_wrong_password_field_is_not_echoed(client_of: SignIn) -> None:
    client = await client_of()
    answer = await client.post("/api/v1/session", json={"login": "1001", "password": {"secret": "hunter2"}})
    assert answer.status == 422
    assert "hunter2" not in await answer.text()


async def test_a_leader_acts_for_an_agent_and_it_is_kept_who_did(client_of: SignIn, world: World) -> None:
    agent, leader = await client_of("1001"), await client_of("1900")
    await agent.post("/api/v1/agents/me/sign_in", json={})
    refused = await agent.post("/api/v1/agents/1002/pause", json={"reason": "meal"})
    assert refused.status == 403
    assert (await leader.post("/api/v1/agents/1001/pause", json={"reason": "meal"})).status == 200
    assert world.desk.states["1001"].reason == "meal"
    assert ("1900", "pause", "1001") in world.users.audited


async def test_an_answer_leaves_out_what_the_wire_model_does_not_name(client_of: SignIn) -> None:
    client = await client_of("1001")
    assert "password" not in await (await client.get("/api/v1/agents/me")).json()


async def test_agents_see_counts_and_leaders_see_people(client_of: SignIn, world: World) -> None:
    world.desk.board_calls = [{"call_id": "c", "stage": "waiting", "since": 1, "caller": "+8613900000001"}]
    boards = {}
    for login in ("1001", "1900", "1800", "admin"):
        boards[login] = await (await (await client_of(login)).get("/api/v1/board")).json()
    assert boards["1001"]["agents"] == boards["1001"]["calls"] == []
    assert boards["1001"]["queues"][0]["waiting"] == 1
    assert boards["1900"]["calls"][0]["caller"] == boards["1800"]["calls"][0]["caller"] == "+8613900000001"
    assert boards["admin"]["calls"][0]["caller"] == "+86•••••••••01"


async def test_agents_read_only_calls_they_had_a_part_in(client_of: SignIn, world: World) -> None:
    world.desk.records = {
        "mine": {"call_id": "mine", "at": 1, "agent_id": "1001"},
        "other": {"call_id": "other", "at": 2, "agent_id": "1002"},
    }
    agent, leader = await client_of("1001"), await client_of("1900")
    listed = await (await agent.get("/api/v1/calls", params={"agent_id": "1002"})).json()
    assert [row["call_id"] for row in listed] == ["mine"]
    assert (await agent.get("/api/v1/calls/mine")).status == 200
    assert (await agent.get("/api/v1/calls/other")).status == 403
    assert (await leader.get("/api/v1/calls/other")).status == 200
    assert (await leader.get("/api/v1/calls/none")).status == 404


async def test_looking_up_people_is_kept_in_the_audit_log(client_of: SignIn, world: World) -> None:
    world.desk.cards["c1"] = {"customer_id": "c1", "name": "Zhao Lin", "phones": ["+8613900000001"]}
    client = await client_of("1001")
    found = await (await client.get("/api/v1/customers", params={"text": "Zhao"})).json()
    assert [row["customer_id"] for row in found] == ["c1"]
    assert (await client.get("/api/v1/customers/c1")).status == 200
    assert {("1001", "customer_search", "Zhao"), ("1001", "customer_read", "c1")} <= set(world.users.audited)


async def test_health_tells_details_to_administrators_only(client_of: SignIn) -> None:
    stranger, admin = await client_of(), await client_of("admin")
    assert (await (await stranger.get("/api/v1/health")).json())["details"] is None
    assert (await (await admin.get("/api/v1/health")).json())["details"] == {"node": "asterisk"}


async def test_metrics_are_for_this_machine_or_an_administrator(client_of: SignIn) -> None:
    stranger, admin = await client_of(), await client_of("admin")
    text = await (await stranger.get("/api/v1/metrics")).text()
    assert 'cti_http_requests_total{method="POST",route="/api/v1/session",status="201"} 1.0' in text
    proxied = {"X-Forwarded-For": "203.0.113.9"}
    assert (await stranger.get("/api/v1/metrics", headers=proxied)).status == 403
    assert (await admin.get("/api/v1/metrics", headers=proxied)).status == 200


async def test_an_unforeseen_error_tells_nothing_of_itself(
    client_of: SignIn, world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await client_of("1900")
    monkeypatch.setattr(world.desk, "board", lambda: {"calls": [{"call_id": "c", "caller": "13900000001"}]})
    answer = await client.get("/api/v1/board")
    assert answer.status == 500
    assert (await answer.json())["error"]["code"] == "internal"
    printed = capsys.readouterr()
    assert "answer_does_not_fit" in printed.out + printed.err
    assert "13900000001" not in printed.out + printed.err
