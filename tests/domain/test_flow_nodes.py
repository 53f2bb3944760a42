"""Single node kinds and bounds, on flows made for the purpose."""

from __future__ import annotations

from typing import Any

from cti_server.domain.flows import effects as fx
from cti_server.domain.flows.load import load_flow
from cti_server.domain.flows.schema import Flow
from cti_server.domain.flows.state import MOST_ASKS, MOST_STATE_BYTES, size
from tests.domain.flow_walk import Walk

HEAD = """\
name: {name}
title: {{zh: 题, en: title}}
languages: [zh, en]
start: first
person: agent
fallback_queue: general
returns: [{returns}]
nodes:
  agent: {{kind: queue, queue: general, skills: {{power: 2}}, language_skills: {{en: {{en: 1}}}}}}
  ask: {{kind: menu, say: {{zh: 请按1, en: press 1}}, keys: {{1: {{to: bye, label: {{zh: 一, en: one}}}}}}}}
  bye: {{kind: hangup, say: {{zh: 再见, en: goodbye}}}}
"""


def flow(nodes: str, name: str = "small", returns: str = "") -> Flow:
    return load_flow(HEAD.format(name=name, returns=returns) + nodes, f"{name}.yaml")


def test_digits_are_read_back_and_can_be_entered_again() -> None:
    small = flow(
        "  first: {kind: collect, say: {zh: 号码, en: number}, save: n, most: 6, read_back: true, next: ask}\n"
    )
    walk = Walk(["1234", "2", "5678", "*", "1", "1"]).go(small)
    assert walk.said.count("您输入的是") == 3
    assert [fact["digits"] for fact in walk.facts("InputCollected")] == ["••••"]
    assert walk.of(fx.Checkpoint)[0].state["n"] == "first"


def test_five_hundred_digits_are_too_long_and_end_with_a_person() -> None:
    small = flow("  first: {kind: collect, say: {zh: 号码, en: number}, save: n, most: 6, next: ask}\n")
    walk = Walk(["9" * 500] * 3).go(small)
    assert [fact["reason"] for fact in walk.facts("InputMissed")] == ["too_long"] * 3
    assert "位数过多" in walk.said
    assert walk.queues == ["general"]
    assert walk.of(fx.Ask)[0].most == 7
    assert walk.of(fx.Ask)[1].fresh


def test_record_again_with_star_and_person_with_zero() -> None:
    small = flow("  first: {kind: record, say: {zh: 请讲, en: speak}, purpose: message, save: m, next: ask}\n")
    again = [fx.Recording("a", 1, "*"), fx.Recording("b", 2, "#")]
    walk = Walk(["1"], recordings=list(again)).go(small)
    assert len(walk.of(fx.Record)) == 2
    assert walk.nodes == ["first", "ask"]
    assert Walk(recordings=[fx.Recording("a", 1, "0")]).go(small).queues == ["general"]
    assert Walk(recordings=[None, None]).go(small).queues == ["general"]


def test_queue_skills_follow_the_language() -> None:
    small = flow("  first: {kind: language, next: ask}\n")
    enqueue = Walk(["0"]).go(small, "zh").of(fx.Enqueue)[0]
    assert dict(enqueue.skills) == {"power": 2, "en": 1}
    assert Walk(["0"]).go(small, "en").of(fx.Enqueue)[0].skills == (("power", 2),)


def test_transfer_that_fails_leads_to_an_apology_and_the_queue() -> None:
    small = flow(
        "  first: {kind: when, cases: [{if: call.did, to: ask}], else: out}\n"
        "  out: {kind: transfer, target: \"'10086'\", target_kind: number}\n"
    )
    walk = Walk().go(small)
    assert [(t.target, t.kind) for t in walk.of(fx.Transfer)] == [("10086", "number")]
    assert "非常抱歉" in walk.said
    assert walk.queues == ["general"]


def test_refused_by_every_queue_ends_with_a_spoken_goodbye() -> None:
    small = flow(
        "  first: {kind: menu, say: {zh: 请按2, en: press 2}, keys: {2: {to: ask, label: {zh: 二, en: two}}}}\n"
    )
    walk = Walk(["0"], queue=[fx.QueueResult("refused", reason="full")]).go(small)
    assert walk.queues == ["general"]
    assert "目前没有客服人员" in walk.said


def test_a_caller_who_presses_star_for_ever_gets_a_person() -> None:
    small = flow("  first: {kind: say, say: {zh: 好, en: ok}, next: ask}\n")
    walk = Walk(["*"] * 500).go(small)
    assert len(walk.of(fx.Ask)) == MOST_ASKS
    assert walk.queues == ["general"]
    assert walk.facts("FlowFailed")[0]["error"] == "asked too often"


def test_a_silent_caller_is_not_hung_up_on_by_a_hangup_node() -> None:
    small = flow(
        "  first: {kind: record, say: {zh: 请讲, en: speak}, purpose: message, save: m, nothing: bye, next: ask}\n"
    )
    walk = Walk().go(small)
    assert walk.queues == ["general"]
    assert "再见" not in walk.said


SUB = (
    "  first: {kind: collect, say: {zh: 号码, en: number}, save: n, most: 4, next: twice}\n"
    "  twice: {kind: set, values: {result: n}, next: over}\n"
    "  over: {kind: when, cases: [{if: given == 1, to: return}], else: ask}\n"
)
MAIN = (
    "  first: {kind: subflow, flow: sub, arguments: {given: '1'}, save: got, next: tell}\n"
    "  tell: {kind: say, say: {zh: '结果是{got.result:digits}', en: 'It is {got.result:digits}'}, next: ask}\n"
)


def test_a_subflow_has_values_of_its_own_and_hands_back_its_results() -> None:
    sub = load_flow(
        HEAD.format(name="sub", returns="result").replace("returns:", "takes: [given]\nreturns:") + SUB, "sub.yaml"
    )
    main = flow(MAIN, "main")
    flows = {"main": main, "sub": sub}
    walk = Walk(["1234#", "1"]).go(main, flows=flows)
    assert "结果是" in walk.said
    assert [fact["flow"] for fact in walk.facts("FlowEntered")] == ["main", "sub"]
    inside = next(c for c in walk.of(fx.Checkpoint) if c.state["f"] == "sub")
    again = Walk(["1234#", "1"]).go(main, flows=flows, resume=inside.state)
    assert "结果是" in again.said
    assert again.nodes == ["ask"]


def test_a_missing_subflow_is_an_apology_not_a_crash() -> None:
    main = flow(MAIN, "main")
    walk = Walk().go(main, flows={})
    assert walk.queues == ["general"]


TELL = (
    "  first: {kind: lookup, adapter: a, query: q, save: v, next: tell}\n"
    "  tell: {kind: menu, say: {zh: '按1听{v.text:text}', en: '1 {v.text:text}'},\n"
    "         keys: {1: {to: ask, label: {zh: 一, en: one}}}}\n"
)


def test_large_values_never_make_a_checkpoint_too_large() -> None:
    small = flow(TELL)
    found: dict[str, Any] = {"q": lambda _: fx.Found("found", {"text": "字" * 1000, "other": 1})}
    walk = Walk(["1", "1"], found).go(small)
    states = [checkpoint.state for checkpoint in walk.of(fx.Checkpoint)]
    assert all(size(state) <= MOST_STATE_BYTES for state in states)
    assert states[0]["n"] == "first"
    assert Walk(["1", "1"], found).go(small, resume=states[0]).nodes == ["tell", "ask"]


def test_a_checkpoint_keeps_only_what_is_still_needed() -> None:
    small = flow(TELL)
    found: dict[str, Any] = {"q": lambda _: fx.Found("found", {"text": "字", "holder": "张三"})}
    states = [checkpoint.state for checkpoint in Walk(["1", "1"], found).go(small).of(fx.Checkpoint)]
    assert states[0]["x"] == {"v": {"text": "字"}}
    assert "holder" not in repr(states)


def test_resumed_in_the_queue_the_talk_can_be_continued_with_its_end() -> None:
    small = flow(
        "  first: {kind: queue, queue: general, say: {zh: 请稍候, en: please hold}, answered: rate}\n"
        "  rate: {kind: survey, say: {zh: 评分, en: rate us}, thanks: {zh: 谢谢, en: thanks}, next: ask}\n"
    )
    state = Walk(["5", "1"]).go(small).of(fx.Checkpoint)[0].state
    walk = Walk(["5", "1"], queue=[fx.QueueResult("answered")]).go(small, resume=state)
    assert [type(e) for e in walk.effects[:3]] == [fx.SetLanguage, fx.Checkpoint, fx.Enqueue]
    assert walk.facts("SurveyAnswered")[0]["score"] == 5
