"""Lookups against a real HTTP service that is slow, wrong, gone or hostile, real threads, and the policy around them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from cti_server.domain.customers import Account, Customer, Holding
from cti_server.domain.ids import SECOND, CustomerId, Micros
from cti_server.domain.orders import Ticket
from cti_server.errors import BadSettings, InvalidValue, LookupUnavailable, NotFound, StorageUnavailable
from cti_server.services.lookups import CustomerLookup, Guard, HookLookup, HttpLookup, Lookups, NoticeFile, Policy
from cti_server.services.lookups.http import HttpSource
from cti_server.services.lookups.registry import read_settings


class HandClock:
    """Time moves only when the test says so."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def now(self) -> Micros:
        return int(self.seconds * SECOND)

    def monotonic(self) -> float:
        return self.seconds


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


def guard(adapter: Any, repeatable: str = "", clock: HandClock | None = None, **policy: Any) -> Guard:
    rules = Policy.model_validate({"timeout_seconds": 0.2, **policy})
    return Guard("meters", adapter, frozenset(repeatable.split()), rules, clock or HandClock())


# ---- HTTP ----------------------------------------------------------------------------------------------------


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


# ---- the guard -------------------------------------------------------------------------------------------------


class Script:
    """Answers from a list; exceptions are raised."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.asked = list(answers), 0

    async def lookup(self, query: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        self.asked += 1
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        found: Mapping[str, Any] = answer
        return found


GONE = LookupUnavailable("gone")


async def test_the_second_try_helps() -> None:
    adapter = Script(GONE, {"a": 1})
    assert await guard(adapter, "q").lookup("q", {}) == {"a": 1}
    assert adapter.asked == 2


@pytest.mark.parametrize(
    "answer", [None, "text", [1], {1: 2}, {"a": 1.5}, {"a": object()}, ValueError("x"), KeyError()]
)
async def test_whatever_an_adapter_does_wrong_is_unavailable(answer: Any) -> None:
    with pytest.raises(LookupUnavailable):
        await guard(Script(answer)).lookup("q", {})


async def test_an_absent_database_is_unavailable_but_a_wrong_question_is_not() -> None:
    with pytest.raises(LookupUnavailable):
        await guard(Script(StorageUnavailable("away"))).lookup("q", {})
    adapter = Script(NotFound("no such query"), NotFound("no such query"))
    with pytest.raises(NotFound):
        await guard(adapter, "q").lookup("q", {})
    assert adapter.asked == 1


async def test_the_breaker_opens_probes_and_closes() -> None:
    clock = HandClock()
    adapter = Script(GONE, GONE, GONE, {"a": 1}, GONE, {"a": 2})
    guarded = guard(adapter, clock=clock, breaker_failures=2, breaker_seconds=30)
    for _ in range(4):
        with pytest.raises(LookupUnavailable):
            await guarded.lookup("q", {})
    assert (adapter.asked, guarded.breaker.state) == (2, "open")
    clock.seconds += 30
    assert guarded.breaker.state == "half_open"
    with pytest.raises(LookupUnavailable, match="gone"):
        await guarded.lookup("q", {})
    assert guarded.breaker.state == "open"
    clock.seconds += 30
    assert await guarded.lookup("q", {}) == {"a": 1}
    assert guarded.breaker.state == "closed"
    with pytest.raises(LookupUnavailable):
        await guarded.lookup("q", {})
    assert await guarded.lookup("q", {}) == {"a": 2}


async def test_only_one_probe_at_a_time_and_a_hang_up_frees_it() -> None:
    clock, release = HandClock(), asyncio.Event()

    class Waits:
        async def lookup(self, query: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
            if query == "bad":
                raise GONE
            await release.wait()
            return {"a": 1}

    guarded = guard(Waits(), clock=clock, breaker_failures=1, timeout_seconds=5)
    with pytest.raises(LookupUnavailable):
        await guarded.lookup("bad", {})
    clock.seconds += 60
    probe = asyncio.create_task(guarded.lookup("good", {}))
    await asyncio.sleep(0)
    with pytest.raises(LookupUnavailable, match="left alone"):
        await guarded.lookup("good", {})
    probe.cancel()
    await asyncio.wait({probe})
    assert guarded.breaker.state == "half_open"
    release.set()
    assert await guarded.lookup("good", {}) == {"a": 1}


async def test_answers_are_kept_for_their_time_and_number() -> None:
    clock = HandClock()
    adapter = Script({"n": 1}, {"n": 2}, {"n": 3}, {"n": 4}, {"n": 5})
    guarded = guard(adapter, clock=clock, cache_seconds={"q": 10}, cache_entries=2)
    first = await guarded.lookup("q", {"k": 1})
    assert isinstance(first, dict)
    first["n"] = "spoilt by the asker"
    assert await guarded.lookup("q", {"k": 1}) == {"n": 1}
    await guarded.lookup("q", {"k": 2})
    await guarded.lookup("q", {"k": 3})
    assert adapter.asked == 3
    assert await guarded.lookup("q", {"k": 1}) == {"n": 4}, "the oldest went when the third came"
    clock.seconds += 10
    assert await guarded.lookup("q", {"k": 1}) == {"n": 5}


async def test_secrets_are_neither_kept_nor_repeated() -> None:
    adapter = Script({"ok": True}, {"ok": False}, GONE)
    guarded = guard(adapter, "verify_pin q", cache_seconds={"verify_pin": 60, "q": 60})
    assert await guarded.lookup("verify_pin", {"account": "1", "pin": "1"}) == {"ok": True}
    assert await guarded.lookup("q", {"pin": "1"}) == {"ok": False}
    with pytest.raises(LookupUnavailable):
        await guarded.lookup("q", {"pin": "1"})
    assert adapter.asked == 3
    assert len(guarded._cache) == 0


async def test_no_argument_reaches_the_logs(capsys: pytest.CaptureFixture[str]) -> None:
    def hook(query: str, arguments: Mapping[str, Any]) -> Any:
        raise ValueError(f"bad pin {arguments['pin']}")

    with pytest.raises(LookupUnavailable) as failed:
        await guard(HookLookup(hook)).lookup("q", {"pin": "246810"})
    logged = capsys.readouterr()
    assert "lookup_try_failed" in logged.out + logged.err
    assert "246810" not in logged.out + logged.err + str(failed.value)


# ---- hooks -----------------------------------------------------------------------------------------------------


async def test_plain_and_async_hooks() -> None:
    async def coming(query: str, arguments: Mapping[str, Any]) -> Any:
        return {"query": query}

    def plain(query: str, arguments: Mapping[str, Any]) -> Any:
        return {"thread": threading.current_thread().name} if arguments else None

    assert await HookLookup(coming).lookup("q", {}) == {"query": "q"}
    assert await HookLookup(plain).lookup("q", {"a": 1}) == {"thread": "lookup-hook"}
    assert await HookLookup(plain).lookup("q", {}) == {}


async def test_stuck_hooks_use_up_their_threads_and_no_more() -> None:
    free = threading.Event()
    running: list[threading.Thread] = []

    def stuck(query: str, arguments: Mapping[str, Any]) -> Any:
        running.append(threading.current_thread())
        free.wait()
        return {}

    guarded = guard(HookLookup(stuck), timeout_seconds=0.01, breaker_failures=100)
    for _ in range(8):
        with pytest.raises(LookupUnavailable, match="did not answer"):
            await guarded.lookup("q", {})
    with pytest.raises(LookupUnavailable, match="busy"):
        await guarded.lookup("q", {})
    free.set()
    for thread in running:
        thread.join()
    assert len(running) == 8
    await asyncio.sleep(0)
    assert await guard(HookLookup(stuck), timeout_seconds=5).lookup("q", {}) == {}


def exits(query: str, arguments: Mapping[str, Any]) -> Any:
    raise SystemExit(3)


async def test_a_hook_that_exits_does_not() -> None:
    with pytest.raises(LookupUnavailable, match="RuntimeError"):
        await guard(HookLookup(exits)).lookup("q", {})


# ---- our own file ----------------------------------------------------------------------------------------------


class Files:
    """Accounts and customers in memory, with the lock after three wrong PINs."""

    def __init__(self) -> None:
        self.accounts = {
            "10000018": Account(number="10000018", balance_fen=12850, due_date="2026-03-01", address="1 Sample Road"),
            "10000026": Account(number="10000026", balance_fen=-5620),
        }
        self.wrong = 0

    async def get(self, number: str) -> Account:
        if number not in self.accounts:
            raise NotFound("no account")
        return self.accounts[number]

    async def verify_pin(self, number: str, pin: str) -> bool:
        right = self.wrong < 3 and pin == "246810"
        self.wrong = 0 if right else self.wrong + 1
        return right

    async def tries_left(self, number: str) -> int:
        return max(0, 3 - self.wrong)

    async def of_account(self, number: str) -> list[Customer]:
        return [
            Customer(
                customer_id=CustomerId("c9"), name="Lodger", holdings=(Holding(account=number, relation="prospect"),)
            ),
            Customer(customer_id=CustomerId("c1"), name="Holder", tier="vip", holdings=(Holding(account=number),)),
        ]

    async def open_orders(self, customer_id: CustomerId) -> list[Ticket]:
        return [_ticket("order", "8002"), _ticket("order", "8001")] if customer_id == "c1" else []


def _ticket(kind: Any, number: str) -> Ticket:
    return Ticket(ticket_id=number, kind=kind, number=number, state="assigned", opened_at=5, due_at=9, changed_at=5)


@pytest.fixture
def own() -> CustomerLookup:
    files = Files()
    notices = [
        {"zh": "周日停电", "en": "No power on Sunday"},
        {"zh": "东区检修", "en": "Works in the east", "area": "east"},
    ]
    return CustomerLookup(files, files, HandClock(), lambda: notices)


@pytest.mark.parametrize(
    ("query", "arguments", "expected"),
    [
        ("account", {"account": "1"}, {}),
        (
            "open_order",
            {"customer_id": "c1"},
            {"ticket_id": "8002", "number": "8002", "state": "assigned", "promised": 9, "created": 5},
        ),
        ("open_order", {"customer_id": "nobody"}, {}),
        ("notices", {}, {"zh": "周日停电", "en": "No power on Sunday", "text": "周日停电"}),
        (
            "notices",
            {"area": "east", "language": "en"},
            {"zh": "周日停电 东区检修", "en": "No power on Sunday Works in the east"}
            | {"text": "No power on Sunday Works in the east"},
        ),
    ],
)
async def test_own_queries(own: CustomerLookup, query: str, arguments: dict[str, Any], expected: Any) -> None:
    assert await own.lookup(query, arguments) == expected


async def test_account_names_its_holder(own: CustomerLookup) -> None:
    found = await own.lookup("account", {"account": "10000018"})
    assert (found["customer_id"], found["name"], found["tier"]) == ("c1", "Holder", "vip")
    assert (found["account"], found["address"], found["status"]) == ("10000018", "1 Sample Road", "open")


async def test_money_is_exact_text(own: CustomerLookup) -> None:
    credit = await own.lookup("balance", {"account": "10000018"})
    debt = await own.lookup("balance", {"account": "10000026"})
    assert (credit["balance"], credit["arrears"], credit["due_date"]) == ("128.50", "0.00", "2026-03-01")
    assert (debt["balance"], debt["arrears"], debt["due_date"]) == ("-56.20", "56.20", None)


async def test_the_third_wrong_pin_locks(own: CustomerLookup) -> None:
    async def try_pin(pin: str) -> Mapping[str, Any]:
        return await own.lookup("verify_pin", {"account": "10000018", "pin": pin})

    assert await try_pin("246810") == {"ok": True, "locked": False}
    assert [await try_pin("000000") for _ in range(3)] == [{"ok": False, "locked": n == 2} for n in range(3)]
    assert await try_pin("246810") == {"ok": False, "locked": True}


async def test_wrong_questions_say_what_is_missing(own: CustomerLookup) -> None:
    with pytest.raises(InvalidValue, match="account"):
        await own.lookup("balance", {})
    with pytest.raises(NotFound, match="open_order"):
        await own.lookup("drop_tables", {})


def test_notices_come_from_a_file_that_may_change(tmp_path: Path) -> None:
    path, clock = tmp_path / "notices.yaml", HandClock()
    notices = NoticeFile(path, clock)
    assert notices() == []
    path.write_text("- {zh: 今天停电, en: No power today, until: 1970-01-01}\n- {zh: 检修, en: Works, area: east}\n")
    assert [notice["en"] for notice in notices()] == ["No power today", "Works"]
    clock.seconds += 86_400
    assert [notice["en"] for notice in notices()] == ["Works"]
    path.write_text("- {zh: 只有中文}\n")
    assert [notice["en"] for notice in notices()] == ["Works"], "a wrong file changes nothing"
    path.unlink()
    assert notices() == []


# ---- lookups.yaml ----------------------------------------------------------------------------------------------

GOOD = """
adapters:
  meters:
    kind: http
    base: http://127.0.0.1:9/api
    headers_from: {Authorization: METERS_TOKEN}
    queries:
      reading: {path: "/meters/{meter}"}
      close: {method: POST, path: /close, body: [meter]}
  tariff: {kind: hook, entry: "tests.services.test_lookups:exits"}
policies:
  meters: {timeout_seconds: 1.5, cache_seconds: {reading: 30}}
"""


async def test_adapters_are_listed_in_a_file(
    tmp_path: Path, own: CustomerLookup, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lookups.yaml"
    path.write_text(GOOD)
    with pytest.raises(BadSettings, match="METERS_TOKEN"):
        Lookups.load(path, own)
    monkeypatch.setenv("METERS_TOKEN", "Bearer sample")
    lookups = Lookups.load(path, own)
    assert lookups.names == {"customers", "meters", "tariff"}
    assert lookups.states() == {"customers": "closed", "meters": "closed", "tariff": "closed"}
    assert (await lookups.lookup("customers", "balance", {"account": "10000018"}))["balance"] == "128.50"
    with pytest.raises(NotFound, match="billing"):
        await lookups.lookup("billing", "q", {})
    await lookups.close()


def test_without_a_file_only_our_own(tmp_path: Path, own: CustomerLookup) -> None:
    assert Lookups.load(tmp_path / "none.yaml", own).names == {"customers"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("adapters: [", "lookups.yaml"),
        ("adapters: {customers: {kind: hook, entry: 'a:b'}}", "choose another"),
        ("adapters: {x: {kind: ftp}}", "adapters.x"),
        ("adapters: {x: {kind: http, base: 'file:///etc/passwd', queries: {}}}", "base"),
        ("adapters: {x: {kind: http, base: 'http://h', queries: {q: {path: '/a-{b}'}}}}", "whole segment"),
        ("policies: {x: {}}", "no such adapter"),
        ("policies: {customers: {cache_seconds: {verify_pin: 5}}}", "secret"),
        ("policies: {customers: {timeout: 5}}", "timeout"),
    ],
)
def test_a_wrong_file_says_where(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "lookups.yaml"
    path.write_text(text)
    with pytest.raises(BadSettings, match=says):
        read_settings(path)


@pytest.mark.parametrize("entry", ["no_such_module_here:f", "json:no_such", "json:decoder"])
def test_a_wrong_hook_says_what_is_missing(tmp_path: Path, own: CustomerLookup, entry: str) -> None:
    path = tmp_path / "lookups.yaml"
    path.write_text(f"adapters: {{x: {{kind: hook, entry: '{entry}'}}}}")
    with pytest.raises(BadSettings, match="hook"):
        Lookups.load(path, own)
