from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer

from tests.web.web_world import PASSWORD, Client, SignIn, World, make_world


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture
async def client_of(world: World) -> AsyncIterator[SignIn]:
    """`await client_of("1001")`: a client of its own with that login's cookie; without a login, signed out."""
    server = TestServer(world.app)
    await server.start_server()
    clients: list[Client] = []

    async def make(login: str | None = None) -> Client:
        client: Client = TestClient(server, cookie_jar=aiohttp.CookieJar(unsafe=True))
        clients.append(client)
        if login is not None:
            answer = await client.post("/api/v1/session", json={"login": login, "password": PASSWORD})
            assert answer.status == 201, await answer.text()
        return client

    yield make
    for client in clients:
        await client.session.close()
    await server.close()
