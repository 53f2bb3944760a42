"""Lookups over HTTP: what a caller keyed in stays what it is, and a lying service is no danger."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from cti_server.errors import InvalidValue, LookupUnavailable
from cti_server.services.lookups import HttpLookup
from cti_server.services.lookups.http import HttpSource
from tests.services.lookup_world import guard


class Service:
    """A real web service; each test sets `answer`."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str], Any]] = []
        self.answer: Callable[[web.Request], Awaitable[web.StreamResponse]] = self.balance
        self.stop = asyncio.Event()

    async def balance(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(text='{"data": {"balance": 128.50, "due": "2026-03-01"}}')

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.json() if request.can_read_body else None
        self.asked.append((request.method, request.raw_path.split("?")[0], dict(request.query), body))
        return await self.answer(request)


@pytest.fixture
async def service() -> AsyncIterator[tuple[Service, str]]:
    service = Service()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", service.handle)
    async with TestServer(application, host="127.0.0.1") as server:
        yield service, str(server.make_url("/api/"))
        service.stop.set()


QUERIES: dict[str, Any] = {
    "balance": {"path": "/accounts/{account}/balance", "answer": {"balance": "data.balance", "due_date": "data.due"}},
    "search": {"path": "/search", "query": ["text"]},
    "report": {"method": "POST", "path": "/faults", "body": ["account", "text"]},
}


def source(base: str, **more: Any) -> HttpSource:
    return HttpSource.model_validate({"kind": "http", "base": base, "queries": QUERIES, **more})


@pytest.fixture
async def http(service: tuple[Service, str]) -> AsyncIterator[HttpLookup]:
    lookup = HttpLookup(source(service[1], most_bytes=4096))
    yield lookup
    await lookup.close()


async def test_answer_is_mapped_and_money_stays_exact(service: tuple[Service, str], http: HttpLookup) -> None:
    found = await http.lookup("balance", {"account": "10000018"})
    assert found == {"balance": "128.50", "due_date": "2026-03-01"}
    assert service[0].asked == [("GET", "/api/accounts/10000018/balance", {}, None)]


@pytest.mark.parametrize("evil", ["1?admin=1", "1#x", "1 2", "%2e%2e", "1%2F2", "1&a=b", "账户"])
async def test_what_a_caller_keys_in_stays_one_segment(
    service: tuple[Service, str], http: HttpLookup, evil: str
) -> None:
    await http.lookup("balance", {"account": evil})
    (_, path, query, _) = service[0].asked[0]
    assert path.startswith("/api/accounts/")
    assert path.endswith("/balance")
    assert path.count("/") == 4
    assert query == {}


@pytest.mark.parametrize("evil", ["", ".", "..", "../admin", "a/b", "a\\b", "1" * 500, None, ["1"], {"a": 1}])
async def test_what_cannot_be_a_segment_is_refused_unasked(
    service: tuple[Service, str], http: HttpLookup, evil: Any
) -> None:
    with pytest.raises(InvalidValue):
        await http.lookup("balance", {"account": evil})
    assert service[0].asked == []


async def test_query_and_body_carry_values_verbatim(service: tuple[Service, str], http: HttpLookup) -> None:
    nasty = 'x&admin=1\r\nX: y"}'
    await http.lookup("search", {"text": nasty})
    await http.lookup("report", {"account": "1", "text": nasty, "other": "not sent"})
    assert service[0].asked == [
        ("GET", "/api/search", {"text": nasty}, None),
        ("POST", "/api/faults", {}, {"account": "1", "text": nasty}),
    ]


def _text(text: str, **how: Any) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(text=text, **({"content_type": "application/json"} | how))

    return answer


async def _redirect(_: web.Request) -> web.StreamResponse:
    raise web.HTTPFound("http://127.0.0.1:1/elsewhere")


async def _cut(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "100"})
    await response.prepare(request)
    await response.write(b'{"data":')
    assert request.transport
    request.transport.close()
    return response


SENT: list[int] = []


async def _fifty_megabytes(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    SENT.clear()
    with suppress(ConnectionError):
        for _ in range(800):
            await response.write(b" " * 65_536)
            SENT.append(65_536)
    return response


@pytest.mark.parametrize(
    "answer",
    [
        _text("<html>sorry</html>", content_type="text/html"),
        _text("{not json"),
        _text("[1, 2]"),
        _text('{"data": {"balance": 1}}'),
        _text("[" * 2000),
        _text("", status=500),
        _text("{}", status=202),
        _redirect,
        _cut,
    ],
    ids=["html", "no-json", "list", "lacks-a-key", "nested", "500", "202", "redirect", "cut"],
)
async def test_a_lying_service_is_unavailable(service: tuple[Service, str], http: HttpLookup, answer: Any) -> None:
    service[0].answer = answer
    with pytest.raises(LookupUnavailable):
        await http.lookup("balance", {"account": "10000018"})


async def test_fifty_megabytes_are_not_read(service: tuple[Service, str], http: HttpLookup) -> None:
    service[0].answer = _fifty_megabytes
    with pytest.raises(LookupUnavailable, match="longer than 4096"):
        await http.lookup("balance", {"account": "10000018"})
    assert sum(SENT) < 50_000_000


async def test_404_is_nothing_found_and_the_next_question_works(service: tuple[Service, str], http: HttpLookup) -> None:
    service[0].answer = _text("{}", status=404)
    assert await http.lookup("balance", {"account": "1"}) == {}
    service[0].answer = service[0].balance
    assert (await http.lookup("balance", {"account": "1"}))["balance"] == "128.50"


async def test_nobody_listens_there(unused_tcp_port: int) -> None:
    lookup = HttpLookup(source(f"http://127.0.0.1:{unused_tcp_port}/"))
    with pytest.raises(LookupUnavailable):
        await lookup.lookup("balance", {"account": "1"})
    await lookup.close()


async def test_a_slow_service_is_asked_twice_then_given_up(service: tuple[Service, str], http: HttpLookup) -> None:
    async def slow(_: web.Request) -> web.StreamResponse:
        await service[0].stop.wait()
        return web.Response()

    service[0].answer = slow
    guarded = guard(http, "balance", timeout_seconds=0.05)
    with pytest.raises(LookupUnavailable, match="did not answer"):
        await guarded.lookup("balance", {"account": "1"})
    assert len(service[0].asked) == 2


async def test_what_changes_something_is_never_repeated(service: tuple[Service, str], http: HttpLookup) -> None:
    service[0].answer = _text("", status=500)
    with pytest.raises(LookupUnavailable):
        await guard(http, "balance").lookup("report", {"account": "1", "text": "x"})
    assert len(service[0].asked) == 1
