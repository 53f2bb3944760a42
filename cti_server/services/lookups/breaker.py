"""Circuit breaker: a source that keeps failing is left alone for a while, then asked once to see whether it is back.

closed     every question goes through; `failures` in a row open it
open       none goes through until `seconds` are over
half open  one goes through as a probe: its success closes, its failure opens again
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cti_server.clock import Clock
from cti_server.errors import LookupUnavailable


class Breaker:
    def __init__(self, name: str, failures: int, seconds: float, clock: Clock) -> None:
        self._name, self._most, self._seconds, self._clock = name, failures, seconds, clock
        self._failures = 0
        self._open_until: float | None = None
        self._probing = False

    @property
    def state(self) -> str:
        if self._open_until is None:
            return "closed"
        return "open" if self._probing or self._clock.monotonic() < self._open_until else "half_open"

    @contextmanager
    def question(self) -> Iterator[None]:
        """Raises LookupUnavailable at once when open. LookupUnavailable from inside counts as a failure; any other way out
        (an answer, or a caller who hung up) does not, but only an answer closes it."""
        if self.state == "open":
            raise LookupUnavailable(f"lookup {self._name} failed too often and is left alone for a moment")
        self._probing = self._open_until is not None
        try:
            yield
        except LookupUnavailable:
            self._failed()
            raise
        else:
            self._failures, self._open_until = 0, None
        finally:
            self._probing = False

    def _failed(self) -> None:
        self._failures += 1
        if self._failures >= self._most:
            self._open_until = self._clock.monotonic() + self._seconds
