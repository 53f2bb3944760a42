"""Rules between the parts of a set-up."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given

from cti_server.domain.agents import Agent
from cti_server.domain.ids import AgentId, QueueName
from cti_server.domain.queues import Queue
from cti_server.domain.queues import check as check_queues
from cti_server.domain.setup import Around, Disposition, Setup, Skill, administrators, check, overflow_trouble, without
from cti_server.domain.users import User
from cti_server.errors import BadSettings, InvalidValue

NAMES = ["a", "b", "c", "d"]
WORDS = Path(__file__).parents[2] / "agent_desktop" / "src" / "words"
AROUND = Around(fallback_queue="a")


def queue(name: str, to: str | None = None) -> Queue:
    return Queue(name=QueueName(name), title={"zh": "一", "en": "One"}, overflow_to=QueueName(to) if to else None)


@given(st.dictionaries(st.sampled_from(NAMES), st.sampled_from([None, *NAMES]), min_size=1))
def test_a_queue_is_refused_exactly_when_the_server_would_not_start_with_it(ways: dict[str, str | None]) -> None:
    queues = {QueueName(name): queue(name, to) for name, to in ways.items() if name != to}
    troubles = [overflow_trouble(queues, name) for name in queues]  # type: ignore[arg-type]
    try:
        check_queues(queues)
    except BadSettings:
        assert any(troubles)
    else:
        assert not any(troubles)


@given(st.sampled_from(NAMES), st.dictionaries(st.sampled_from(NAMES), st.integers(1, 10)))
def test_nothing_names_what_was_removed(gone: str, levels: dict[str, int]) -> None:
    agent = Agent(agent_id=AgentId("1001"), queues={QueueName(n): v for n, v in levels.items()}, skills=levels)
    setup = Setup(
        queues={name: queue(name) for name in NAMES},
        agents={"1001": agent},
        skills={name: Skill(code=name, zh="一", en="One") for name in NAMES},
        dispositions={"x": Disposition(code="x", zh="一", en="One", queues=tuple(NAMES))},
    )
    after = without(without(setup, "queue", gone), "skill", gone)
    for kind, key in (("agent", "1001"), ("disposition", "x")):
        check(after, AROUND, kind, key)  # type: ignore[arg-type]
    assert set(after.agents["1001"].queues) == set(levels) - {gone}


@given(st.lists(st.booleans(), min_size=1, max_size=4), st.integers(0, 3), st.booleans())
def test_there_is_always_an_administrator(active: list[bool], at: int, off: bool) -> None:
    users = {
        f"u{n}": User(login=f"u{n}", name="x", role="admin", password_hash="", active=on) for n, on in enumerate(active)
    }
    key = f"u{at % len(active)}"
    users[key] = replace(users[key], active=False) if off else replace(users[key], role="leader")
    if administrators(users.values()):
        check(Setup(users=users), AROUND, "user", key)
    else:
        with pytest.raises(InvalidValue) as refused:
            check(Setup(users=users), AROUND, "user", key)
        assert "role" in refused.value.details["fields"]  # type: ignore[operator]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_field_of_a_queue_and_agent_has_its_words(language: str) -> None:
    words = (WORDS / f"admin.{language}.ts").read_text(encoding="utf-8")
    for form, kind in (("queue", Queue), ("agent", Agent)):
        for one in fields(kind):
            name = f"{form}.{one.name}"
            assert f'"admin.{name}"' in words or f'"admin.{name}.zh"' in words, name


def test_the_form_has_every_field_of_a_queue() -> None:
    form = (WORDS.parent / "views" / "admin" / "sections.tsx").read_text(encoding="utf-8")
    blank = form.split("QUEUE_BLANK", 1)[1].split("};", 1)[0]
    shown = form.split("QUEUE_GROUPS", 1)[1].split("\n];", 1)[0]
    for one in fields(Queue):
        assert f"{one.name}:" in blank, one.name
        assert f'"{one.name}"' in shown or f'"{one.name}.zh"' in shown, one.name
