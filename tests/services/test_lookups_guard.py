"""The guard around every adapter, and hooks: whatever an adapter does, the caller waits no longer than promised."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from typing import Any

import pytest

from cti_server.errors import LookupUnavailable, NotFound, StorageUnavailable
from cti_server.services.lookups import HookLookup
from tests.services.lookup_world import HandClock, guard


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
