"""A clock moved by hand, and a guard that does not wait long."""

from __future__ import annotations

from typing import Any

from cti_server.domain.ids import SECOND, Micros
from cti_server.services.lookups import Guard, Policy


class HandClock:
    """Time moves only when the test says so."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def now(self) -> Micros:
        return int(self.seconds * SECOND)

    def monotonic(self) -> float:
        return self.seconds


def guard(adapter: Any, repeatable: str = "", clock: HandClock | None = None, **policy: Any) -> Guard:
    rules = Policy.model_validate({"timeout_seconds": 0.2, **policy})
    return Guard("meters", adapter, frozenset(repeatable.split()), rules, clock or HandClock())
