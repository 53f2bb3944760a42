"""Two changes of one text made one, where they touch different lines."""

from __future__ import annotations

from difflib import SequenceMatcher
from itertools import pairwise

Change = tuple[int, int, list[str]]
"""Lines from … up to, not including … of the base, and what stands there instead."""


def merged(base: str, mine: str, theirs: str) -> str | None:
    """None when both changed the same lines, or lines next to each other."""
    lines = base.splitlines(keepends=True)
    changes = sorted({(a, b, tuple(text)) for one in (mine, theirs) for a, b, text in _changes(lines, one)})
    for (_, end, _first), (start, _, _second) in pairwise(changes):
        if start <= end:
            return None
    for start, end, text in reversed(changes):
        lines[start:end] = text
    return "".join(lines)


def _changes(base: list[str], text: str) -> list[Change]:
    lines = text.splitlines(keepends=True)
    found = SequenceMatcher(a=base, b=lines, autojunk=False).get_opcodes()
    return [(a1, a2, lines[b1:b2]) for tag, a1, a2, b1, b2 in found if tag != "equal"]
