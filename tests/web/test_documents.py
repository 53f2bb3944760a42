"""What is generated or written from the code is compared with it: protocol.ts, OpenAPI, docs/http-api.md, translations."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from aiohttp import web
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance, unsupported_method

from cti_server.domain.orders import CLOSED, NEXT
from cti_server.web.app import ROUTES, WISHES
from cti_server.web.live.client import Close
from cti_server.web.openapi import document
from cti_server.web.protocol_ts import error_codes, render
from cti_server.web.routes import API, PUBLIC
from tests.web.web_world import PASSWORD, make_world

ROOT = Path(__file__).parents[2]
DESKTOP = ROOT / "agent_desktop" / "src"
DOCS = (ROOT / "docs" / "http-api.md").read_text(encoding="utf-8")


def test_the_desktops_protocol_is_the_servers() -> None:
    assert (DESKTOP / "protocol.ts").read_text(encoding="utf-8") == render(), "run scripts/build"


def test_the_desktop_has_words_for_every_error_it_can_meet() -> None:
    for language in ("zh", "en"):
        words = (DESKTOP / f"words.{language}.ts").read_text(encoding="utf-8")
        known = set(re.findall(r'"error\.(\w+)"', words))
        assert set(error_codes()) - {"bad_settings"} <= known


def test_the_desktop_has_words_for_every_state_of_a_ticket() -> None:
    states = {state for kind, steps in NEXT.items() for state in (*steps, *CLOSED[kind])}
    for language in ("zh", "en"):
        files = [DESKTOP / f"words.{language}.ts", *(DESKTOP / "words").glob(f"*.{language}.ts")]
        words = "".join(file.read_text(encoding="utf-8") for file in files)
        assert states <= set(re.findall(r'"order\.(\w+)"', words)), language


AGENTS_MEET = (
    "domain/agents/wishes.py",
    "services/desk.py",
    "services/work.py",
    "services/customer_files.py",
    "storage/work.py",
)


def test_the_desktop_says_why_for_every_conflict_an_agent_can_meet() -> None:
    server = ROOT / "cti_server"
    told = [text for name in AGENTS_MEET for text in re.split(r"raise Conflict\(", (server / name).read_text())[1:]]
    reasons = {match[1] if (match := re.search(r'reason="(\w+)"', text[:400])) else text[:60] for text in told}
    for language in ("zh", "en"):
        files = [DESKTOP / f"words.{language}.ts", *(DESKTOP / "words").glob(f"*.{language}.ts")]
        words = "".join(file.read_text(encoding="utf-8") for file in files)
        assert reasons <= set(re.findall(r'"error\.conflict\.(\w+)"', words)), language


def test_every_route_command_close_code_and_error_stands_in_the_documentation() -> None:
    for route in ROUTES:
        assert f"`{route.method} {route.path}`" in DOCS, route
    for name in (*WISHES, "resume", "ping"):
        assert f"`{name}`" in DOCS, name
    for code in Close:
        assert f"| {code.value} |" in DOCS, code
    for error in error_codes():
        assert f"`{error}`" in DOCS, error


def test_roles_in_the_openapi_document_are_the_tables() -> None:
    paths = document(ROUTES)["paths"]
    for route in (route for route in ROUTES if route.documented):
        operation = paths[API + route.path][route.method.lower()]
        assert operation["x-roles"] == ([] if route.roles is PUBLIC else sorted(route.roles))
        assert bool(operation["security"]) == (route.roles is not PUBLIC)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The application in a thread of its own: schemathesis asks synchronously."""
    loop, started = asyncio.new_event_loop(), threading.Event()
    port: list[int] = []
    runners: list[web.AppRunner] = []

    async def start() -> None:
        world = make_world()
        await world.desk.sign_in("1900", "1900")
        world.desk.records["x"] = {"call_id": "x", "at": 1, "caller": "+8613900000001"}
        await world.work.service.codes()  # the database's thread is the fixture's, no test's
        runner = web.AppRunner(world.app, access_log=None, shutdown_timeout=1.0)
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port.append(runner.addresses[0][1])
        started.set()

    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    yield f"http://127.0.0.1:{port[0]}"
    asyncio.run_coroutine_threadsafe(runners[0].cleanup(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture(scope="module")
def leader(address: str) -> Iterator[requests.Session]:
    with requests.Session() as session:
        answer = session.post(f"{address}{API}/session", json={"login": "1900", "password": PASSWORD}, timeout=5)
        assert answer.status_code == 201
        yield session


def _signed_in_document() -> dict[str, Any]:
    """Without its security scheme: the session of the test is signed in, schemathesis must not vary the cookie."""
    served = document(ROUTES)
    served["components"].pop("securitySchemes")
    for operations in served["paths"].values():
        for operation in operations.values():
            operation["security"] = []
    return served


schema = schemathesis.openapi.from_dict(_signed_in_document())
SIGNS_IN_OR_OUT = re.compile(r"/session$")


@schema.exclude(path_regex=SIGNS_IN_OR_OUT.pattern).parametrize()
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_answers_are_as_the_openapi_document_says(
    case: schemathesis.Case[Any], address: str, leader: requests.Session
) -> None:
    excluded = [unsupported_method]
    if case.path.endswith(
        ("/pause", "/customers")
    ):  # which reasons there are is data, which numbers can be rung no schema
        excluded.append(positive_data_acceptance)
    case.call_and_validate(base_url=address, session=leader, timeout=10, excluded_checks=excluded)
