"""What the private Asterisks of this machine have in common: their agents, and ports that never meet."""

from __future__ import annotations

from dataclasses import dataclass

AGENTS = ("1001", "1002", "1003", "1004", "1900", "1800")


@dataclass(frozen=True, slots=True)
class Ports:
    """One instance's ports, all derived from `base` so that two instances never meet: keep bases 1000 apart."""

    base: int

    @property
    def sip(self) -> int:
        return self.base

    @property
    def http(self) -> int:
        """WebSocket of browser phones: ws://127.0.0.1:<http>/ws."""
        return self.base + 1

    @property
    def ami(self) -> int:
        return self.base + 2

    @property
    def carrier(self) -> int:
        """UDP port on 127.0.0.2 where calls to the outside are sent."""
        return self.base + 3

    @property
    def agi(self) -> int:
        """For the server of this instance, when it has to be known beforehand."""
        return self.base + 4

    @property
    def web(self) -> int:
        return self.base + 5

    @property
    def rtp(self) -> tuple[int, int]:
        """First and last: room for 450 legs."""
        return (self.base + 100, self.base + 999)
