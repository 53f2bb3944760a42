"""`/demo/phone`: a caller without a telephone, for newcomers. Exists only where `settings.demo` is set.

The phone may call as any of the sample's customers: the number it gives counts as the caller's (docker/asterisk/conf/demo.conf).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aiohttp import web

from cti_server.errors import NotFound
from cti_server.web.pages import STATIC
from cti_server.web.parts import Ask
from cti_server.web.phone.api import phones_of
from cti_server.web.phone.proxy import serve_endpoint
from cti_server.web.phone.wire import DemoAsked, DemoCall, DemoCaller, DemoKey, DemoPhone, PhoneSocket, SipAccount
from cti_server.web.routes import API, PUBLIC, Route
from cti_server.web.wire import Args

PAGE = "/demo/phone"
SOCKET_PATH = "/demo/phone/ws"
SAMPLE = ("13900000001", "13900000002", "13900000003")
"""Numbers of the sample's customers (lab/sample_data.py)."""


def in_demo(ask: Ask) -> None:
    """Raises NotFound outside the demo: there, this phone does not exist."""
    if not ask.parts.settings.demo:
        raise NotFound("there is no such address")


async def phone(ask: Ask, _: Args) -> DemoPhone:
    in_demo(ask)
    account, dids = phones_of(ask.parts).demo_account(), ask.parts.settings.calls.dids
    rows = [(number, row) for number in SAMPLE for row in await ask.parts.desk.customers(number, 1)]
    return DemoPhone(
        account=SipAccount(
            uri=account.uri, user=account.endpoint, password=account.password, websocket=f"{API}{SOCKET_PATH}"
        ),
        callers=[DemoCaller(number=number, name=row["name"]) for number, row in rows],
        dids=[did for did in dids if did != "*"],
        languages={did: flow.partition(":")[2] for did, flow in dids.items()},
    )


async def asked(ask: Ask, args: DemoCall) -> DemoAsked | None:
    in_demo(ask)
    found = ask.parts.guide.asked(args.caller) if ask.parts.guide else None
    if found is None:
        return None
    keys = [DemoKey(key=key, label=dict(label)) for key, label in found.keys]
    return DemoAsked(step=found.step, keys=keys, secret=found.secret)


async def socket(ask: Ask, _: Args) -> web.StreamResponse:
    in_demo(ask)
    return await serve_endpoint(ask, phones_of(ask.parts).demo_account().endpoint)


def add_demo_page(app: web.Application, static: Path = STATIC) -> None:
    async def page(_: web.Request) -> web.StreamResponse:
        file = static / "demo-phone.html"
        if not file.is_file():
            raise NotFound("the demo's phone is not built; run scripts/build")
        return web.FileResponse(file, headers={"Cache-Control": "no-cache"})

    app.router.add_get(PAGE, page)


def _route(path: str, handle: Any, summary: str, **more: Any) -> Route:
    return Route(method="GET", path=path, handle=handle, summary=summary, roles=PUBLIC, **more)


ROUTES = (
    _route("/demo/phone", phone, "The newcomers' phone; only in the demo", answer=DemoPhone),
    _route(
        "/demo/phone/asked",
        asked,
        "What the newcomer's call is being asked; only in the demo",
        args=DemoCall,
        answer=DemoAsked | None,
    ),
    _route(
        SOCKET_PATH,
        socket,
        "WebSocket: SIP of the newcomers' phone; only in the demo",
        args=PhoneSocket,
        documented=False,
    ),
)
