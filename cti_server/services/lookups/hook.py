"""A Python function as a lookup: `function(query, arguments) -> mapping`, plain or async.

A plain function runs in a daemon thread, so that one that never returns holds up neither the calls nor the stop of the
server; it keeps one of `MOST_THREADS` places until it does.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from cti_server.errors import BadSettings, LookupUnavailable

MOST_THREADS = 8
Hook = Callable[[str, Mapping[str, Any]], Any]


def find_hook(entry: str) -> Hook:
    """The function named `module:function`. Raises BadSettings that says what is missing."""
    module, _, name = entry.partition(":")
    try:
        hook = getattr(importlib.import_module(module), name)
    except (ImportError, ValueError) as error:
        raise BadSettings(f"hook {entry}: module {module!r} cannot be imported: {error}") from error
    except AttributeError as error:
        raise BadSettings(f"hook {entry}: module {module!r} has no {name!r}") from error
    if not callable(hook):
        raise BadSettings(f"hook {entry} is no function")
    found: Hook = hook
    return found


class HookLookup:
    """A LookupAdapter."""

    def __init__(self, hook: Hook) -> None:
        self._hook = hook
        self._places = threading.BoundedSemaphore(MOST_THREADS)

    async def lookup(self, query: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        if inspect.iscoroutinefunction(self._hook):
            answer = await self._hook(query, arguments)
        else:
            answer = await self._in_thread(query, arguments)
        return {} if answer is None else answer

    async def _in_thread(self, query: str, arguments: Mapping[str, Any]) -> Any:
        if not self._places.acquire(blocking=False):
            raise LookupUnavailable(f"all {MOST_THREADS} threads of the hook are busy")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Any] = loop.create_future()

        def settle(answer: Any, error: BaseException | None) -> None:
            if not done.done():
                done.set_exception(error) if error else done.set_result(answer)

        def work() -> None:
            answer, failure = None, None
            try:
                answer = self._hook(query, arguments)
            except BaseException as error:  # SystemExit too: a hook must not end a thread silently
                failure = RuntimeError(f"{type(error).__name__} in hook")
            self._places.release()
            with suppress(RuntimeError):  # the server stopped meanwhile; nobody waits for the answer
                loop.call_soon_threadsafe(settle, answer, failure)

        threading.Thread(target=work, name="lookup-hook", daemon=True).start()
        return await done
