"""What holds for every request: an id, one form of errors, security headers, our own host and origin only.

Cross-site requests are refused three times over: the cookie is SameSite=Strict, `Origin` must be ours on every request
that changes something and on the WebSocket, and bodies must be JSON. `Host` must be a name we serve, so that a
foreign name pointed at our address (DNS rebinding) reaches nothing.
"""

from __future__ import annotations

import ipaddress
import secrets
import time
from urllib.parse import urlsplit

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from cti_server.config import HttpSettings
from cti_server.errors import BadRequest, Forbidden
from cti_server.web import failures
from cti_server.web.meters import Meters

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
REQUEST_ID: web.RequestKey[str] = web.RequestKey("request_id", str)

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(self)",
}


async def add_security_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(SECURITY_HEADERS)
    if REQUEST_ID in request:
        response.headers["X-Request-Id"] = request[REQUEST_ID]
    if request.path.startswith("/api/"):
        response.headers.setdefault("Cache-Control", "no-store")


def identify_and_measure(meters: Meters) -> Middleware:
    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        request[REQUEST_ID] = secrets.token_hex(8)
        started, status = time.perf_counter(), 500
        with structlog.contextvars.bound_contextvars(request_id=request[REQUEST_ID]):
            try:
                response = await handler(request)
                status = response.status
                return response
            finally:
                meters.request(request, status, time.perf_counter() - started)

    return middleware


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Exception as error:
        answer = failures.response(failures.as_cti_error(error))
        if isinstance(error, web.HTTPMethodNotAllowed):
            answer.headers["Allow"] = ", ".join(sorted(error.allowed_methods))
        return answer


def same_origin(settings: HttpSettings) -> Middleware:
    """Refuses foreign hosts and origins. A program that is no browser sends no Origin and is let through."""
    public = urlsplit(settings.public_url)

    def host_is_ours(request: web.Request) -> bool:
        return request.host == public.netloc or not _is_loopback(settings.host) or _name(request.host) in LOOPBACK_NAMES

    def origin_is_ours(request: web.Request) -> bool:
        origin = request.headers.get("Origin")
        if origin is None:
            return request.headers.get("Sec-Fetch-Site", "same-origin") in {"same-origin", "none"}
        return origin in {f"{request.scheme}://{request.host}", f"{public.scheme}://{public.netloc}"}

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not host_is_ours(request):
            raise BadRequest(
                "this server is not reached by that name; set CTI_HTTP__PUBLIC_URL to the address users type"
            )
        changes = request.method not in SAFE or request.headers.get("Upgrade", "").lower() == "websocket"
        if changes and not origin_is_ours(request):
            raise Forbidden("a page of another site may not do this", reason="origin")
        return await handler(request)

    return middleware


def _name(host: str) -> str:
    return host if host.endswith("]") else host.rsplit(":", 1)[0] if ":" in host else host


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
