"""Flows to begin with. Each is whole and valid: it can be put in force as it stands and changed afterwards."""

from __future__ import annotations

import json
from collections.abc import Mapping

_HEAD = """name: {name}
title: {{zh: {zh}, en: {en}}}
languages: [zh, en]
start: {start}
person: person
fallback_queue: {queue}
nodes:
"""
_PERSON = """  person:
    kind: queue
    queue: {queue}
"""
_MENU = """  main:
    kind: menu
    say:
      zh: 业务咨询请按1，报修请按2。
      en: For questions press 1. To report a fault press 2.
    keys:
      1: {{to: person, label: {{zh: 咨询, en: questions}}}}
      2: {{to: person, label: {{zh: 报修, en: fault}}}}
"""
_HOURS = """  open:
    kind: hours
    calendar: {calendar}
    open: person
    closed: closed
  closed:
    kind: say
    say:
      zh: 现在是非营业时间，请在营业时间内来电。
      en: We are closed now. Please call again during opening hours.
    next: end
  end:
    kind: hangup
"""
_NOTICE = """  notice:
    kind: say
    say:
      zh: 您好，请稍候，正在为您转接人工服务。
      en: Hello. Please wait while we connect you to an agent.
    next: person
"""
_PARTS: Mapping[str, tuple[str, str]] = {
    "menu": ("main", _MENU),
    "hours": ("open", _HOURS),
    "notice": ("notice", _NOTICE),
}


def templates(queue: str, calendar: str | None) -> tuple[str, ...]:
    """Names of those that fit what is set up: opening hours need a calendar."""
    return tuple(name for name in _PARTS if name != "hours" or calendar)


def from_template(template: str, name: str, title: Mapping[str, str], queue: str, calendar: str | None) -> str:
    """Raises KeyError for a template there is not."""
    start, body = _PARTS[template]
    values = {"name": name, "queue": queue, "start": start, "calendar": calendar}
    words = {language: json.dumps(title.get(language) or name, ensure_ascii=False) for language in ("zh", "en")}
    return (_HEAD + body + _PERSON).format(**values, **words)
