"""The shipped power hotline, walked as callers walk it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from cti_server.domain.flows import effects as fx
from cti_server.domain.flows.schema import Flow
from tests.domain.flow_walk import Walk, moment, shipped

OWNER = {"id": "c1", "tier": "vip", "flags": (), "account": "10000018", "address": "和平路1号"}
NIGHT = moment("2026-11-20T22:00")


@pytest.fixture(scope="module")
def flow() -> Flow:
    return shipped()


def found(**values: Any) -> Any:
    return lambda _: fx.Found("found", values)


def nothing(_: Mapping[str, Any]) -> fx.Found:
    return fx.Found("nothing")


def bank(pin: str = "246810", **bill: str) -> dict[str, Any]:
    due = {"balance": "128.50", "arrears": "0.00", "due_date": "2026-12-05", **bill}
    return {
        "account": lambda a: fx.Found("found", {"account": a["account"], "customer_id": "c1"}),
        "verify_pin": lambda a: fx.Found("found", {"ok": a["pin"] == pin, "locked": False}),
        "balance": found(**due),
    }


def test_the_greeting_offers_the_other_language_in_that_language(flow: Flow) -> None:
    walk = Walk(["9", "0"]).go(flow)
    languages = [e.language for e in walk.of(fx.SetLanguage)]
    assert languages == ["zh", "en", "zh", "en"]
    assert "For English, press 9." in walk.said
    assert walk.facts("LanguageChosen") == [{"language": "en"}]
    assert walk.queues == ["english"]


def test_balance_with_own_account_reads_amount_and_due_date(flow: Flow) -> None:
    walk = Walk(["2", "1", "246810"], bank()).go(flow, customer=OWNER)
    said = walk.said
    assert "一百 二十八元 五角" in said
    assert "没有欠费" in said
    assert "十二月" in said
    assert walk.facts("CallerIdentified")[0]["customer_id"] == "c1"


def test_balance_in_english(flow: Flow) -> None:
    walk = Walk(["2", "10000018", "246810"], bank()).go(flow, "en")
    assert "one hundred twenty-eight yuan fifty" in walk.said.replace(",", "")
    assert "December" in walk.said


def test_arrears_are_told_with_the_day_to_pay(flow: Flow) -> None:
    walk = Walk(["2", "10000026", "246810"], bank(balance="0.00", arrears="56.20")).go(flow)
    assert "您的账户欠费 五十六元 两角" in walk.said


def test_three_wrong_pins_lead_to_billing(flow: Flow) -> None:
    walk = Walk(["2", "10000018", "111111", "222222", "333333", "246810"], bank()).go(flow)
    assert len([look for look in walk.of(fx.Lookup) if look.query == "verify_pin"]) == 3
    assert walk.queues == ["billing"]
    assert not [look for look in walk.of(fx.Lookup) if look.query == "balance"]


def test_a_locked_account_goes_to_a_person_at_once(flow: Flow) -> None:
    lookups = bank() | {"verify_pin": found(ok=False, locked=True)}
    assert Walk(["2", "10000018", "246810"], lookups).go(flow).queues == ["billing"]


def test_the_pin_leaves_no_trace_outside_the_lookup(flow: Flow) -> None:
    walk = Walk(["2", "10000018", "246810", "0"], bank()).go(flow)
    others = [e for e in walk.effects if not isinstance(e, fx.Lookup)]
    assert "246810" not in repr(others)
    assert {"flow": "power", "node": "pin", "digits": "", "valid": True} in walk.facts("InputCollected")
    assert {"flow": "power", "node": "balance_account", "digits": "1000••18", "valid": True} in walk.facts(
        "InputCollected"
    )


def test_a_wrong_check_digit_is_refused_with_help(flow: Flow) -> None:
    walk = Walk(["2", "10000019", "10000018", "0"], bank()).go(flow)
    assert walk.facts("InputCollected")[0]["valid"] is False
    assert "账号不正确，请核对账单上的8位账号。" in walk.said
    assert [ask.fresh for ask in walk.of(fx.Ask)][:3] == [False, False, True]


def test_a_fault_report_creates_an_order_and_reads_its_number_twice(flow: Flow) -> None:
    walk = Walk(["1", "1"], recordings=[fx.Recording("description/x.wav", 4000)]).go(flow)
    order = walk.of(fx.Create)[0]
    assert order.kind == "order"
    assert order.fields["kind"] == "power_out"
    assert order.fields["recording"] == "description/x.wav"
    told = next(e.words for e in walk.of(fx.Say) if "您的报修已受理" in e.words[0])
    digits = told[1 : 1 + (len(told) - 3) // 2]
    assert told[0:1] + digits + told[1 + len(digits) : 2 + len(digits)] + digits + told[-1:] == told


def test_a_second_report_in_one_call_is_a_second_order_but_a_repeat_after_a_restart_is_not(flow: Flow) -> None:
    recordings: list[fx.Recording | None] = [fx.Recording("a.wav", 1), fx.Recording("b.wav", 1)]
    walk = Walk(["1", "1", "1", "1", "1"], recordings=recordings).go(flow)
    assert [made.fields["node"] for made in walk.of(fx.Create)] == ["fault_order", "fault_order:2"]
    described = [c.state for c in walk.of(fx.Checkpoint) if c.state["n"] == "fault_describe_place"]
    for state, node in zip(described, ["fault_order", "fault_order:2"], strict=True):
        again = Walk(recordings=[fx.Recording("c.wav", 1)]).go(flow, resume=state)
        assert again.of(fx.Create)[0].fields["node"] == node


def test_a_known_caller_confirms_the_address(flow: Flow) -> None:
    walk = Walk(["1", "2", "1"], bank(), recordings=[fx.Recording("d.wav", 4000)]).go(flow, customer=OWNER)
    assert "和平路1号" in walk.said
    assert walk.of(fx.Create)[0].fields["address"] == "和平路1号"
    assert walk.of(fx.Create)[0].fields["kind"] == "meter"


def test_danger_goes_straight_to_emergency(flow: Flow) -> None:
    walk = Walk(["1", "3"], at=NIGHT).go(flow)
    assert walk.queues[0] == "emergency"
    assert len(walk.of(fx.Ask)) == 2


def test_elderly_callers_get_a_person_without_a_menu(flow: Flow) -> None:
    walk = Walk().go(flow, customer={"id": "c3", "flags": ("elderly",)})
    before = walk.effects[: next(i for i, e in enumerate(walk.effects) if isinstance(e, fx.Enqueue))]
    assert not [e for e in before if isinstance(e, fx.Ask)]
    assert walk.queues == ["general"]
    assert Walk(at=NIGHT).go(flow, customer={"id": "c3", "flags": ["elderly"]}).queues == ["emergency"]


@pytest.mark.parametrize(
    ("state", "words"),
    [("received", "已经受理"), ("assigned", "已经派工"), ("in_repair", "正在现场处理"), ("archived?", "正在处理中")],
)
def test_a_repeat_caller_hears_the_state_first_and_may_urge(flow: Flow, state: str, words: str) -> None:
    order = {"number": "20261101", "state": state}
    walk = Walk(["6"]).go(flow, customer={**OWNER, "open_order": order})
    assert words in walk.said
    assert walk.facts("TicketUrged") == [{"ticket_id": "20261101", "number": "20261101"}]
    assert not walk.of(fx.Create)
    assert walk.nodes[0] == "main"
    assert "催办请按6" in walk.said


def test_out_of_hours_offers_a_message_or_the_emergency_queue(flow: Flow) -> None:
    message = Walk(["0", "2"], recordings=[fx.Recording("message/x.wav", 3000)], at=NIGHT).go(flow)
    assert "现在是非工作时间" in message.said
    assert [made.kind for made in message.of(fx.Create)] == ["message"]
    assert Walk(["0", "1"], at=NIGHT).go(flow).queues == ["emergency"]


def test_a_silent_caller_gets_a_person(flow: Flow) -> None:
    walk = Walk().go(flow)
    assert [fact["reason"] for fact in walk.facts("InputMissed")[:3]] == ["timeout"] * 3
    assert walk.queues == ["general"]


def test_survey_after_the_talk(flow: Flow) -> None:
    answered = fx.QueueResult("answered", agent_id="1001")  # type: ignore[arg-type]
    walk = Walk(["0", "5"], queue=[answered]).go(flow)
    assert walk.facts("SurveyOffered") == [{"node": "survey", "agent_id": "1001"}]
    assert walk.facts("SurveyAnswered") == [{"node": "survey", "score": 5, "agent_id": "1001"}]
    assert isinstance(walk.effects[-1], fx.Hangup)


def test_a_busy_centre_offers_a_callback(flow: Flow) -> None:
    walk = Walk(["0", "2"], queue=[fx.QueueResult("timed_out")]).go(flow, caller="+8613900000001")
    assert [(made.kind, made.fields["number"]) for made in walk.of(fx.Create)] == [("callback", "+8613900000001")]
    withheld = Walk(["0", "2"], queue=[fx.QueueResult("timed_out")], recordings=[fx.Recording("m.wav", 1)]).go(flow)
    assert [made.kind for made in withheld.of(fx.Create)] == ["message"]


def test_a_lookup_that_fails_gives_an_apology_and_the_queue(flow: Flow) -> None:
    walk = Walk(["2", "10000018"], {}).go(flow)
    assert walk.facts("FlowFailed") == [{"flow": "power", "node": "find_account", "error": "lookup customers.account"}]
    assert "非常抱歉" in walk.said
    assert walk.queues == ["general"]


def test_an_order_that_cannot_be_stored_gives_the_repair_desk(flow: Flow) -> None:
    walk = Walk(["1", "1"], created=None, recordings=[fx.Recording("d.wav", 900)]).go(flow)
    assert walk.queues == ["repair"]


@pytest.mark.parametrize("keys", [["1", "#", "5"], ["4", "#", "5"], ["3", "#", "5"]])
def test_hash_goes_back_to_the_main_menu(flow: Flow, keys: list[str]) -> None:
    walk = Walk(keys, recordings=[fx.Recording("m.wav", 1)]).go(flow)
    assert walk.nodes[:4] == ["main", {"1": "fault", "4": "information", "3": "complaint"}[keys[0]], "main", "message"]


def test_star_repeats_without_counting_as_a_miss(flow: Flow) -> None:
    walk = Walk(["*"] * 10 + ["0"]).go(flow)
    assert "main" not in {fact["node"] for fact in walk.facts("InputMissed")}
    assert walk.queues == ["general"]


def test_star_in_a_number_clears_it(flow: Flow) -> None:
    walk = Walk(["2", "1000*", "10000018", "246810"], bank()).go(flow)
    assert "一百" in walk.said


def test_zero_alone_in_a_number_is_a_person(flow: Flow) -> None:
    assert Walk(["2", "0#"]).go(flow).queues == ["billing"]
    assert Walk(["2", "0"]).go(flow).queues == ["billing"]
