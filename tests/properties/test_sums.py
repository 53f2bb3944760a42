"""Figures of several queues together: what the board shows in its first line."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import fields
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from cti_server.domain.service_levels import SERVICE_LEVELS, VisitCounts, summed

MANY = st.integers(0, 5_000)


@st.composite
def counts(draw: Any) -> VisitCounts:
    """As one queue can have them: who was answered or left in time was answered or left."""
    answered, abandoned = draw(MANY), draw(MANY)
    others = {one.name: draw(MANY) for one in fields(VisitCounts)}
    others |= {"answered": answered, "answered_within": draw(st.integers(0, answered))}
    others |= {"abandoned": abandoned, "abandoned_within": draw(st.integers(0, abandoned))}
    others["abandoned_short"] = draw(st.integers(0, abandoned))
    others["offered"] = answered + abandoned + draw(MANY)
    return VisitCounts(**others)


QUEUES = st.lists(counts(), max_size=8)


@given(QUEUES)
def test_every_count_is_added_and_the_longest_wait_is_the_longest(queues: list[VisitCounts]) -> None:
    kept = deepcopy(queues)
    total = summed(queues)
    for one in fields(VisitCounts):
        values = [getattr(queue, one.name) for queue in queues]
        assert getattr(total, one.name) == (max(values, default=0) if one.name == "longest_wait" else sum(values))
    assert queues == kept, "the queues keep their own"


@given(QUEUES, QUEUES)
def test_it_is_the_same_however_queues_are_put_together(some: list[VisitCounts], others: list[VisitCounts]) -> None:
    assert summed([summed(some), summed(others)]) == summed([*others, *some])


@pytest.mark.parametrize("formula", SERVICE_LEVELS)
@given(queues=QUEUES)
def test_a_level_of_all_lies_between_the_best_and_the_worst(formula: str, queues: list[VisitCounts]) -> None:
    levels = [level for queue in queues if (level := SERVICE_LEVELS[formula](queue)) is not None]
    together = SERVICE_LEVELS[formula](summed(queues))
    if together is None:
        assert levels == []
    else:
        assert min(levels) - 1e-9 <= together <= max(levels) + 1e-9
