"""Two changes of one text."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given

from cti_server.domain.merge import merged

TEXT = st.lists(st.sampled_from(["a\n", "b\n", "c\n"]), max_size=8).map("".join)


def test_changes_of_different_lines_are_both_kept() -> None:
    assert merged("a\nb\nc\nd\n", "A\nb\nc\nd\n", "a\nb\nc\nD\n") == "A\nb\nc\nD\n"
    assert merged("a\nb\nc\n", "a\nx\nb\nc\n", "a\nb\n") == "a\nx\nb\n"


def test_changes_of_one_line_are_not() -> None:
    assert merged("a\nb\n", "A\nb\n", "B\nb\n") is None
    assert merged("a\nb\n", "A\nb\n", "A\nb\n") == "A\nb\n"


@given(TEXT, TEXT)
def test_who_changed_nothing_takes_the_others(base: str, other: str) -> None:
    assert merged(base, base, other) == merged(base, other, base) == other
