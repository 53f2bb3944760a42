"""Every key of the desktop does one thing: the page presses the first element that bears it."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

VIEWS = Path(__file__).parents[2] / "agent_desktop" / "src" / "views"
KEY = re.compile(r'(?:keys|aria-keyshortcuts)=(?:"|\{place === 0 \? ")(Alt\+[^"]+)"')
NEVER_TOGETHER = {"Alt+9"}
"""Rejecting, refusing and hanging up: of one call only one of them can be done."""


def test_no_key_stands_for_two_things() -> None:
    keys = Counter(
        key.lower() for file in VIEWS.rglob("*.tsx") for key in KEY.findall(file.read_text(encoding="utf-8"))
    )
    assert len(keys) > 15
    assert {key for key, times in keys.items() if times > 1} <= {key.lower() for key in NEVER_TOGETHER}
