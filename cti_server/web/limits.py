"""How often one may try to sign in: failures are counted by login and by address in a sliding window.

The address limit is wider, since a whole office may share one. A login is locked only for the window, so an attacker
can slow an agent's sign-in but not end it; sessions already open are not touched.
"""

from __future__ import annotations

from collections import OrderedDict, deque

from cti_server.clock import Clock
from cti_server.errors import TooMany

WINDOW = 300.0
LOGIN_FAILURES = 8
ADDRESS_FAILURES = 40
KEYS = 10_000


class FailureWindow:
    """Counts failures by key; the least recently failed keys are forgotten beyond `KEYS`."""

    def __init__(self, clock: Clock, limit: int, seconds: float = WINDOW) -> None:
        self._clock = clock
        self._limit = limit
        self._seconds = seconds
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def wait(self, key: str) -> float:
        """Seconds until the key may try again; 0 = now."""
        times = self._failures.get(key)
        if times is None:
            return 0.0
        while times and times[0] <= self._clock.monotonic() - self._seconds:
            times.popleft()
        if len(times) < self._limit:
            return 0.0
        return times[0] + self._seconds - self._clock.monotonic()

    def add(self, key: str) -> None:
        times = self._failures.setdefault(key, deque(maxlen=self._limit))
        times.append(self._clock.monotonic())
        self._failures.move_to_end(key)
        if len(self._failures) > KEYS:
            self._failures.popitem(last=False)

    def forget(self, key: str) -> None:
        self._failures.pop(key, None)

    def take_back(self, key: str) -> None:
        if times := self._failures.get(key):
            times.pop()


class SignInLimits:
    def __init__(self, clock: Clock) -> None:
        self._logins = FailureWindow(clock, LOGIN_FAILURES)
        self._addresses = FailureWindow(clock, ADDRESS_FAILURES)

    def count(self, login: str, address: str) -> None:
        """Counts the try as failed until `succeeded`: guesses sent all at once are counted too.
        Raises TooMany with `retry_after` (whole seconds)."""
        seconds = max(self._logins.wait(login), self._addresses.wait(address))
        if seconds > 0:
            after = int(seconds) + 1
            raise TooMany(f"too many failed sign-ins; try again in {after} s", retry_after=after)
        self._logins.add(login)
        self._addresses.add(address)

    def locked(self, login: str) -> bool:
        return self._logins.wait(login) > 0

    def unlock(self, login: str) -> None:
        self._logins.forget(login)

    def succeeded(self, login: str, address: str) -> None:
        self._logins.forget(login)
        self._addresses.take_back(address)
