"""A running demo as another program sees it: its ready file, and its live stream with the shift leader's eyes.

States of a follower: signed in → resumed (from here on no fact is missed) → closed by leaving the context.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from cti_server.domain.ids import Micros
from cti_server.errors import BadSettings, Unavailable

SIGN_IN_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Event:
    """A fact as the wire tells it. `at` in micros UTC."""

    kind: str
    at: Micros
    data: Mapping[str, Any]


def read_ready(path: Path) -> dict[str, Any]:
    """What the demo wrote when it was up. `path` is its ready file or its data folder. Raises BadSettings."""
    file = path / "ready.json" if path.is_dir() else path
    try:
        facts: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadSettings(f"no demo runs: there is no {file}. Start scripts/demo, or name its ready file") from None
    except PermissionError:
        raise BadSettings(
            f"{file} holds passwords and may be read by its owner only; be the user who runs it"
        ) from None
    except ValueError:
        raise BadSettings(f"{file} is no ready file of a demo (not JSON)") from None
    if not isinstance(facts, dict) or not {"http", "sip", "logins"} <= facts.keys():
        raise BadSettings(f"{file} is no ready file of a demo (http, sip and logins are missing)")
    return facts


@asynccontextmanager
async def following(facts: Mapping[str, Any]) -> AsyncIterator[AsyncIterator[Event]]:
    """Every fact from now on; iterate it once. Raises Unavailable when the demo does not answer."""
    url = facts["http"]["url"]
    # unsafe: cookies of an address without a name
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(f"{url}/api/v1/", cookie_jar=jar) as client:
        try:
            await _sign_in(client, facts["logins"])
            socket = await client.ws_connect("live", heartbeat=20.0)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unavailable(f"the demo at {url} does not answer ({_reason(error)}); does it still run?") from error
        async with socket:
            messages = _messages(socket)
            await _resume(socket, messages)
            yield _events(messages)


async def _sign_in(client: aiohttp.ClientSession, logins: list[Mapping[str, str]]) -> None:
    leader = next((login for login in logins if login["role"] == "leader"), None)
    if leader is None:
        raise BadSettings("the ready file names no leader, and only leaders see all calls")
    body = {"login": leader["login"], "password": leader["password"]}
    timeout = aiohttp.ClientTimeout(total=SIGN_IN_SECONDS)
    async with client.post("session", json=body, timeout=timeout) as answer:
        if answer.status != 201:
            raise Unavailable(f"the demo refused {leader['login']}: {(await answer.json())['error']['message']}")


async def _resume(socket: aiohttp.ClientWebSocketResponse, messages: AsyncIterator[dict[str, Any]]) -> None:
    await socket.send_json({"id": 1, "do": "resume", "args": {"after": None}})
    async for message in messages:
        if message.get("id") == 1:
            return


async def _messages(socket: aiohttp.ClientWebSocketResponse) -> AsyncIterator[dict[str, Any]]:
    async for frame in socket:
        if frame.type is aiohttp.WSMsgType.TEXT:
            content = json.loads(frame.data)
            for message in content if isinstance(content, list) else [content]:
                yield message
    raise Unavailable(f"the demo closed the live connection (code {socket.close_code})")


async def _events(messages: AsyncIterator[dict[str, Any]]) -> AsyncIterator[Event]:
    async for message in messages:
        if "event" in message:
            yield Event(message["kind"], Micros(message["at"]), message["data"])


def _reason(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        return error.os_error.strerror or "no connection"
    return str(error) or type(error).__name__
