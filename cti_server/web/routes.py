"""A route is data: method, path, who may use it, what it takes, what it answers. The router, the role check, the live
commands, the OpenAPI document and the tests all read the same table.

Arguments of one route are one pydantic model: its fields come from the path, then from the query (GET, DELETE) or the
JSON body (POST).
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import TypeAdapter, ValidationError

from cti_server.domain.users import ROLES, Role
from cti_server.errors import BadRequest, NotSignedIn, StorageUnavailable
from cti_server.web import failures
from cti_server.web.auth import Identity, token_hash
from cti_server.web.parts import PARTS, Ask, Parts
from cti_server.web.wire import Args

API = "/api/v1"
PUBLIC = None
STAFF: frozenset[Role] = ROLES
TAKES_CALLS: frozenset[Role] = frozenset({"agent", "leader"})
LEADS: frozenset[Role] = frozenset({"leader"})


Handle = Callable[[Ask, Any], Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """`answer` is the type of a good answer (None = 204). `wish` names the live command that does the same."""

    method: Literal["GET", "POST", "DELETE"]
    path: str
    handle: Handle
    summary: str
    roles: frozenset[Role] | None
    args: type[Args] = Args
    answer: Any = None
    status: int = 200
    wish: str = ""
    documented: bool = True
    media_type: str = "application/json"
    most_bytes: int = 0
    """Of the body; 0 = the application's limit."""

    @property
    def path_fields(self) -> list[str]:
        return re.findall(r"{(\w+)}", self.path)


def add_routes(app: web.Application, routes: Sequence[Route]) -> None:
    for route in routes:
        app.router.add_route(route.method, API + route.path, _handler(route))


def _handler(route: Route) -> Handler:
    adapter: TypeAdapter[Any] | None = TypeAdapter(route.answer) if route.answer is not None else None

    async def handle(request: web.Request) -> web.StreamResponse:
        parts = request.app[PARTS]
        ask = Ask(parts, await _identity(parts, request, route.roles), request.remote or "", request)
        ask.require(route.roles)
        answer = await route.handle(ask, parse(route.args, await _arguments(request, route.most_bytes)))
        if isinstance(answer, web.StreamResponse):
            return answer
        if adapter is None:
            return web.Response(status=204)
        body = adapter.dump_json(adapter.validate_python(answer))
        return web.Response(body=body, status=route.status, content_type="application/json")

    return handle


def parse(model: type[Args], values: dict[str, Any]) -> Any:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise failures.invalid(error) from None


async def _arguments(request: web.Request, most_bytes: int) -> dict[str, Any]:
    if request.method != "POST":
        return {**request.query, **request.match_info}
    sized = request.clone(client_max_size=most_bytes) if most_bytes else request
    body = await _json_object(sized) if request.can_read_body else {}
    return {**body, **request.match_info}


async def _json_object(request: web.Request) -> dict[str, Any]:
    if request.content_type != "application/json":
        raise BadRequest("send application/json")
    try:
        value = json.loads(await request.read())
    except (ValueError, RecursionError):
        raise BadRequest("the body is not valid JSON") from None
    if not isinstance(value, dict):
        raise BadRequest("the body must be a JSON object")
    return value


def cookie_name(parts: Parts) -> str:
    """`__Host-` binds the cookie to this host and to https; browsers refuse that name without TLS."""
    return "__Host-cti_session" if is_https(parts) else "cti_session"


def is_https(parts: Parts) -> bool:
    return parts.settings.http.public_url.startswith("https://")


async def _identity(parts: Parts, request: web.Request, roles: frozenset[Role] | None) -> Identity | None:
    token = request.cookies.get(cookie_name(parts))
    if not token:
        return None
    try:
        return await parts.auth.recognise(token_hash(token))
    except (NotSignedIn, StorageUnavailable):
        if roles is PUBLIC:
            return None
        raise
