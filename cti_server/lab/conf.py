"""Asterisk's conf files: templates in docker/asterisk/conf, filled in per instance. Pure: text in, text out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from cti_server.errors import InvalidValue

PLACEHOLDER = re.compile(r"@([A-Z_]+)@")

AGENTS = ("1001", "1002", "1003", "1004", "1900", "1800")


def render(template: str, values: Mapping[str, str]) -> str:
    """Fill every `@NAME@`. Raises InvalidValue for a name without a value and for a value no conf line can hold."""

    def value(found: re.Match[str]) -> str:
        name = found[1]
        if name not in values:
            raise InvalidValue(f"no value for the placeholder @{name}@")
        if re.search(r"[;\r\0]", values[name]):
            raise InvalidValue(f"the value of @{name}@ has a character that ends a conf line; choose another")
        return values[name]

    return PLACEHOLDER.sub(value, template)


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
