"""A flow with errors names every one of them: file, line, node, what to mend."""

from __future__ import annotations

import pytest

from cti_server.domain.flows.load import load_calendars, load_flow
from cti_server.domain.flows.problems import Problem
from cti_server.domain.flows.texts import texts
from cti_server.errors import FlowInvalid
from tests.domain.flow_walk import shipped

GOOD = """\
name: small
title: {zh: 小, en: small}
languages: [zh, en]
start: main
person: agent
fallback_queue: general
nodes:
  main:
    kind: menu
    say: {zh: "报修请按1。", en: "For faults press 1."}
    keys:
      1: {to: agent, label: {zh: 报修, en: fault}}
  agent:
    kind: queue
    queue: general
"""


def problems(text: str, **known: object) -> list[Problem]:
    with pytest.raises(FlowInvalid) as caught:
        load_flow(text, "small.yaml", **known)  # type: ignore[arg-type]
    found = caught.value.details["problems"]
    assert isinstance(found, list)
    assert all(str(problem) in str(caught.value) for problem in found)
    return found


def test_a_good_flow_loads_with_a_version_of_its_content() -> None:
    flow = load_flow(GOOD, "small.yaml", queues={"general"})
    assert flow.version
    assert flow.version != load_flow(GOOD + "# changed\n", "small.yaml").version
    assert texts(flow)["zh"] >= {"报修请按1。"}


@pytest.mark.parametrize(
    ("old", "new", "line", "node", "says"),
    [
        ("to: agent", "to: agnt", 12, "main", "to names no node: 'agnt'; did you mean 'agent'?"),
        ("start: main", "start: mane", 4, "", "start names no node: 'mane'"),
        ("1: {to", "0: {to", 11, "main", "key 0 has its meaning everywhere"),
        ("1: {to", "'*': {to", 11, "main", "key * has its meaning everywhere"),
        ("1: {to", "'#': {to", 11, "main", "key # has its meaning everywhere"),
        ("1: {to", "a: {to", 12, "main", "does not fit the pattern"),
        (', en: "For faults press 1."', "", 10, "main", "no text for en"),
        ("For faults press 1", "For faults", 10, "main", "key 1 is never spoken in en"),
        ("queue: general\n", "queue: genral\n", 15, "agent", "no queue 'genral'; known are general"),
        ("fallback_queue: general", "fallback_queue: x", 6, "", "no queue 'x'"),
        ("kind: queue", "kind: quue", 13, "agent", "is not known; one of"),
        ("    kind: queue\n", "", 13, "agent", "kind is missing"),
        ("    queue: general\n", "", 13, "agent", "queue is missing"),
        ("languages: [zh, en]", "languages: [zh]", 10, "main", "text in en, which is not among"),
        ("    queue: general\n", "    queue: general\n    colour: red\n", 16, "agent", "no such field"),
        ("name: small", "name: small\nname: other", 2, "", "name stands here twice"),
        ("报修请按1", "报修{x请按1", 10, "main", "curly bracket without its partner"),
        ("报修请按1", "{call.did:amnt}按1", 10, "main", "'amnt' is no kind"),
        ("报修请按1", "{balance.due:date}按1", 10, "main", "'balance.due' is never given a value"),
        ("报修请按1", "{__class__:text}按1", 10, "main", "is not understood"),
        ("name: small", "name: [small", 2, "", "not YAML"),
        ("name: small", "name: &a small\nx: *a", 1, "", "aliases"),
    ],
)
def test_each_error_says_where_and_what(old: str, new: str, line: int, node: str, says: str) -> None:
    text = GOOD.replace(old, new)
    assert text != GOOD
    found = problems(text, queues={"general"})
    assert any(p.line == line and p.node == node and says in p.message for p in found), "\n".join(map(str, found))
    assert {p.file for p in found} == {"small.yaml"}


def node(text: str, name: str = "extra") -> str:
    linked = GOOD.replace("1: {to: agent", f"1: {{to: {name}")
    return linked + "".join(f"{line}\n" for line in text.splitlines())


@pytest.mark.parametrize(
    ("text", "name", "says"),
    [
        ("  lost: {kind: hangup}", "agent", "no way leads here from the start"),
        (
            "  extra: {kind: set, values: {n: n + 1}, next: two}\n"
            "  two: {kind: when, cases: [{if: n > 3, to: extra}], else: extra}",
            "extra",
            "a loop without any question",
        ),
        ("  extra: {kind: set, values: {n: 'import os'}, next: agent}", "extra", "is no expression"),
        ("  extra: {kind: set, values: {n: 'call.__class__'}, next: agent}", "extra", "only names and dotted names"),
        ("  extra: {kind: set, values: {n: 'open(1)'}, next: agent}", "extra", "not allowed in an expression"),
        ("  extra: {kind: set, values: {n: nowhere}, next: agent}", "extra", "'nowhere' is never given a value"),
        ("  extra: {kind: set, values: {call: '1'}, next: agent}", "extra", "given by the call"),
        ("  extra: {kind: hours, calendar: moon, open: agent, closed: agent}", "extra", "no calendar 'moon'"),
        ("  extra: {kind: language, language: fr, next: agent}", "extra", "fr is not among the flow's languages"),
        ("  extra: {kind: subflow, flow: nothing, next: agent}", "extra", "no flow 'nothing'"),
        (
            "  extra: {kind: collect, say: {zh: 密码, en: PIN}, save: pin, most: 6, secret: true, next: agent}",
            "extra",
            "after secret input must come a lookup that uses 'pin'",
        ),
        (
            "  extra: {kind: collect, say: {zh: 密, en: PIN}, save: pin, most: 6, secret: true, next: see}\n"
            "  see: {kind: lookup, adapter: a, query: q, arguments: {pin: pin}, save: ok, next: leak}\n"
            "  leak: {kind: create, what: message, fields: {x: pin}, save: t, next: agent}",
            "extra",
            "'pin' is secret",
        ),
        (
            "  extra: {kind: collect, say: {zh: 密, en: PIN}, save: pin, most: 6, secret: true, read_back: true, next: agent}",
            "extra",
            "cannot be read back",
        ),
        (
            "  extra: {kind: collect, say: {zh: 号, en: no}, save: n, least: 9, most: 6, next: agent}",
            "extra",
            "least is greater than most",
        ),
        ("  extra: {kind: menu, say: {zh: 按1, en: press 1}, enough: agent, keys: {1: {to: agent, label: {zh: 一, en: one}}}}",
         "extra", "only when the text offers a person"),
    ],
)  # fmt: skip
def test_what_a_node_must_not_do(text: str, name: str, says: str) -> None:
    found = problems(node(text, name), flows={"small"})
    assert any(says in problem.message for problem in found), "\n".join(map(str, found))


def test_all_problems_come_at_once_in_order() -> None:
    text = (
        GOOD.replace("to: agent", "to: agnt")
        .replace("queue: general\n", "queue: nowhere\n")
        .replace("start: main", "start: x")
    )
    found = problems(text, queues={"general"})
    assert [problem.line for problem in found] == sorted(problem.line for problem in found)
    assert {problem.line for problem in found} >= {4, 6, 12, 15}


@pytest.mark.parametrize(
    "text", ["", "[]", "a", "{", "\x00", "[" * 5000, "nodes: 1", "- 1", "? [a]: b", "\ud7ff: 1", "!!python/name:os.x 1"]
)
def test_any_text_gives_problems_not_a_crash(text: str) -> None:
    assert problems(text)


def test_a_flow_without_a_person_behind_zero_is_refused() -> None:
    found = problems(GOOD.replace("person: agent", "person: bye") + "  bye: {kind: hangup}\n")
    assert any("no queue or transfer can be reached" in problem.message for problem in found)


def test_calendars_with_errors_say_the_line() -> None:
    with pytest.raises(FlowInvalid, match=r"calendars.yaml:3: .*write hours as 08:00-20:00"):
        load_calendars("a:\n  weekly:\n    mon: [8-20]\n", "calendars.yaml")


def test_static_pieces_of_the_shipped_flow_hold_no_slots() -> None:
    for language, pieces in texts(shipped()).items():
        assert len(pieces) > 60, language
        assert not [piece for piece in pieces if "{" in piece or not any(c.isalnum() for c in piece)]
    assert "For English, press 9." in texts(shipped())["en"]
    assert "For English, press 9." not in texts(shipped())["zh"]
