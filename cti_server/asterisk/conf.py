"""Asterisk's conf files: templates filled in. Pure: text in, text out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from cti_server.errors import InvalidValue

PLACEHOLDER = re.compile(r"@([A-Z_]+)@")
AGENT = Path(__file__).with_name("agent.conf")


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


def agent_phones(agent_id: str, endpoint: str, password: str) -> str:
    """The lines of an agent's two phones, by the templates of our pjsip.conf."""
    return render(AGENT.read_text(), {"AGENT": agent_id, "ENDPOINT": endpoint, "AGENT_SECRET": password})
