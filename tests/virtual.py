"""Time that jumps: a loop whose clock runs ahead to the next timer when there is nothing else to do.

`run(main)` plays a 30-minute wrap-up in milliseconds, in the same order real time would.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

from cti_server.domain.ids import SECOND, Micros

T = TypeVar("T")
START: Micros = 1_780_000_000 * SECOND
"""A Thursday in May 2026, 20:26:40 UTC."""


TICK = 1e-6


class _Selector(selectors.SelectSelector):
    """Never sleeps: what would be waited for is added to the clock."""

    passed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            return super().select(1.0)  # a worker thread may still call back
        self.passed += max(timeout, TICK)  # a float too small to change the clock would stop time
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.virtual = _Selector()
        super().__init__(self.virtual)

    def time(self) -> float:
        return self.virtual.passed


class VirtualClock:
    """cti_server.clock.Clock on the running VirtualLoop."""

    def now(self) -> Micros:
        return START + round(asyncio.get_running_loop().time() * SECOND)

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()


def run(main: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
