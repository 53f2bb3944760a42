"""Time and randomness from outside the domain: the only place that reads the system clock."""

from __future__ import annotations

import os
import time
from typing import Protocol

from cti_server.domain.ids import Micros, uuid7


class Clock(Protocol):
    def now(self) -> Micros:
        """Wall clock, micros UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back; only differences mean something."""
        ...


class SystemClock:
    def now(self) -> Micros:
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        return time.monotonic()


def new_id(clock: Clock) -> str:
    """A fresh UUIDv7 text."""
    return uuid7(clock.now(), os.urandom(10))
