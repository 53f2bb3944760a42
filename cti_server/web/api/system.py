"""Health, metrics and the OpenAPI document: for monitors and programs."""

from __future__ import annotations

import ipaddress
from typing import Any

from aiohttp import web
from prometheus_client import generate_latest

from cti_server.errors import Forbidden
from cti_server.web.parts import Ask
from cti_server.web.routes import PUBLIC, Route
from cti_server.web.wire import Args, Health


async def health(ask: Ask, _: Args) -> dict[str, Any]:
    report = await ask.parts.health()
    if ask.identity is None or ask.user.role != "admin":
        report = {**report, "details": None}
    return report


async def metrics(ask: Ask, _: Args) -> web.Response:
    """For administrators, and for a monitor on this machine; a request that came through a proxy is not local."""
    if not (_is_local(ask) or (ask.identity is not None and ask.user.role == "admin")):
        raise Forbidden("metrics are for administrators or for a monitor on this machine")
    return web.Response(body=generate_latest(ask.parts.registry), content_type="text/plain", charset="utf-8")


def _is_local(ask: Ask) -> bool:
    headers = ask.request.headers if ask.request else {}
    if "X-Forwarded-For" in headers or "Forwarded" in headers:
        return False
    try:
        return ipaddress.ip_address(ask.address).is_loopback
    except ValueError:
        return False


ROUTES = (
    Route(
        method="GET",
        path="/health",
        handle=health,
        summary="Whether calls are served; `details` for administrators",
        roles=PUBLIC,
        answer=Health,
    ),
    Route(
        method="GET",
        path="/metrics",
        handle=metrics,
        summary="Prometheus text; local monitors and administrators only",
        roles=PUBLIC,
        answer=str,
        media_type="text/plain",
    ),
)
