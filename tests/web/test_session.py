"""Sign-in, sessions, and what keeps them safe."""

from __future__ import annotations

from dataclasses import replace

import pytest
from aiohttp.test_utils import TestClient, TestServer

from cti_server.storage.passwords import Hasher
from cti_server.web.auth import Auth, token_hash
from cti_server.web.limits import ADDRESS_FAILURES, LOGIN_FAILURES
from cti_server.web.parts import PARTS
from tests.web.web_world import PASSWORD, SignIn, World, make_world, user

SESSION = "/api/v1/session"


async def test_sign_in_sets_a_cookie_scripts_cannot_read(client_of: SignIn, world: World) -> None:
    client = await client_of()
    answer = await client.post(SESSION, json={"login": "1001", "password": PASSWORD})
    assert answer.status == 201
    assert (await answer.json())["role"] == "agent"
    cookie = answer.cookies["cti_session"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
    assert not cookie["secure"]
    assert token_hash(cookie.value) in world.users.sessions
    assert cookie.value not in str(world.users.sessions)


@pytest.mark.parametrize("login", ["1001", "nobody", "gone"])
async def test_a_refusal_does_not_tell_what_was_wrong(client_of: SignIn, world: World, login: str) -> None:
    world.users.users["gone"] = replace(user("1001"), login="gone", active=False)
    client = await client_of()
    password = PASSWORD if login == "gone" else "wrong"
    answer = await client.post(SESSION, json={"login": login, "password": password})
    assert answer.status == 401
    assert await answer.json() == {
        "error": {
            "code": "not_signed_in",
            "message": "login or password is wrong",
            "details": {"reason": "credentials"},
        }
    }
    assert (login, "sign_in_refused", "") in world.users.audited


async def test_an_unknown_login_costs_the_same_hash(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str] = []
    matches = Hasher._matches

    def counting(self: Hasher, password_hash: str, password: str) -> bool:
        checked.append(password_hash)
        return matches(self, password_hash, password)

    monkeypatch.setattr(Hasher, "_matches", counting)
    auth: Auth = world.app[PARTS].auth
    for login in ("1001", "nobody"):
        with pytest.raises(Exception, match="login or password is wrong"):
            await auth.sign_in(login, "wrong", "a")
    assert len(checked) == 2
    assert checked[1].startswith("$argon2id$")


async def test_failures_lock_a_login_for_a_while(client_of: SignIn, world: World) -> None:
    client = await client_of()
    for _ in range(LOGIN_FAILURES):
        assert (await client.post(SESSION, json={"login": "1001", "password": "wrong"})).status == 401
    locked = await client.post(SESSION, json={"login": "1001", "password": PASSWORD})
    assert locked.status == 429
    assert int(locked.headers["Retry-After"]) > 0
    assert (await client.post(SESSION, json={"login": "1002", "password": PASSWORD})).status == 201
    world.clock.pass_seconds(int(locked.headers["Retry-After"]))
    assert (await client.post(SESSION, json={"login": "1001", "password": PASSWORD})).status == 201


async def test_failures_lock_an_address_over_many_logins(client_of: SignIn) -> None:
    client = await client_of()
    for number in range(ADDRESS_FAILURES):
        assert (await client.post(SESSION, json={"login": f"guess{number}", "password": "x"})).status == 401
    assert (await client.post(SESSION, json={"login": "1002", "password": PASSWORD})).status == 429


async def test_a_session_ends_when_idle_and_at_the_latest_after_its_hours(client_of: SignIn, world: World) -> None:
    client = await client_of("1001")
    for _ in range(11 * 60 // 50):
        world.clock.pass_seconds(50 * 60)
        assert (await client.get(SESSION)).status == 200
    world.clock.pass_seconds(61 * 60)
    assert (await client.get(SESSION)).status == 401

    client = await client_of("1001")
    for _ in range(12 * 60 // 50):
        world.clock.pass_seconds(50 * 60)
        assert (await client.get(SESSION)).status == 200
    world.clock.pass_seconds(50 * 60)
    assert (await client.get(SESSION)).status == 401


async def test_sign_out_ends_the_session_itself(client_of: SignIn, world: World) -> None:
    client = await client_of("1001")
    cookies = {c.key: c.value for c in client.session.cookie_jar}
    assert (await client.delete(SESSION)).status == 204
    assert world.users.sessions == {}
    stolen = await client_of()
    assert (await stolen.get(SESSION, cookies=cookies)).status == 401


async def test_a_user_made_inactive_is_out(client_of: SignIn, world: World) -> None:
    client = await client_of("1001")
    world.users.users["1001"] = replace(user("1001"), active=False)
    world.clock.pass_seconds(11)
    assert (await client.get(SESSION)).status == 401


async def test_agents_keep_working_while_the_database_is_away(client_of: SignIn, world: World) -> None:
    client, stranger = await client_of("1001"), await client_of()
    world.users.away = True
    world.clock.pass_seconds(60)
    assert (await client.get(SESSION)).status == 200
    assert (await stranger.get(SESSION, headers={"Cookie": "cti_session=guess"})).status == 503
    refused = await stranger.post(SESSION, json={"login": "1001", "password": PASSWORD})
    assert refused.status == 503
    assert (await refused.json())["error"]["code"] == "storage_unavailable"
    assert (await stranger.get("/api/v1/health")).status == 200


async def test_over_https_the_cookie_is_bound_to_host_and_tls() -> None:
    world = make_world(public_url="https://cc.example.test")
    async with TestClient(TestServer(world.app)) as client:
        answer = await client.post(SESSION, json={"login": "1001", "password": PASSWORD})
        cookie = answer.cookies["__Host-cti_session"]
        assert cookie["secure"]
        assert cookie["path"] == "/"
        assert not cookie["domain"]
