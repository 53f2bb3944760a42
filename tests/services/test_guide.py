"""What the demo's page may say a newcomer is asked, against the shipped flow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cti_server.domain import facts as f
from cti_server.domain.ids import AgentId, CallId, OfferId, QueueName, VisitId
from cti_server.services.flows import FlowRegistry
from cti_server.services.guide import MOST_CALLS, Guide

FLOWS = Path(__file__).parents[2] / "ivr_flows"
NUMBER = "13900000002"
VISIT: dict[str, Any] = {"visit_id": VisitId("v")}


@pytest.fixture(scope="module")
def registry() -> FlowRegistry:
    flows = FlowRegistry(FLOWS)
    flows.load()
    return flows


@pytest.fixture
def guide(registry: FlowRegistry) -> Guide:
    return Guide("demo", lambda: registry.flows)


def tell(guide: Guide, kind: type[f.CallFact], call: str = "c", **fields: Any) -> None:
    guide.take(f.Recorded(1, "test", kind(at=1, call_id=CallId(call), **fields)))


def arrive(guide: Guide, call: str = "c", channel: str = "PJSIP/demo-00000001", caller: str = f"+86{NUMBER}") -> None:
    fields = {"node": "asterisk", "channel": channel, "uniqueid": "1.1", "caller": caller, "did": "95598"}
    tell(guide, f.CallArrived, call, **fields)


def step(guide: Guide) -> str | None:
    found = guide.asked(NUMBER)
    return found.step if found else None


def test_a_menu_shows_the_keys_of_the_flow_in_force(guide: Guide) -> None:
    arrive(guide)
    assert step(guide) == "listening"
    tell(guide, f.NodeEntered, flow="power", node="main")
    found = guide.asked(NUMBER)
    assert found is not None
    assert dict(found.keys)["1"] == {"zh": "报修", "en": "report a fault"}
    tell(guide, f.MenuChosen, flow="power", node="main", key="2", label="查询余额")
    assert guide.asked(NUMBER) != found
    assert step(guide) == "listening"


def test_secret_digits_a_recording_and_the_score_are_told_apart(guide: Guide) -> None:
    arrive(guide)
    tell(guide, f.NodeEntered, flow="power", node="pin")
    found = guide.asked(NUMBER)
    assert found is not None
    assert (found.step, found.secret) == ("digits", True)
    tell(guide, f.NodeEntered, flow="power", node="complaint_record")
    assert step(guide) == "speak"
    tell(guide, f.SurveyOffered, node="survey", agent_id=AgentId("1001"))
    found = guide.asked(NUMBER)
    assert found is not None
    assert [key for key, _ in found.keys] == ["1", "2", "3", "4", "5"]


def test_waiting_talking_and_the_end(guide: Guide) -> None:
    arrive(guide)
    tell(guide, f.VisitStarted, **VISIT, queue=QueueName("general"), priority=0, entered_at=1)
    assert step(guide) == "waiting"
    tell(guide, f.AgentOffered, **VISIT, agent_id=AgentId("1001"), offer_id=OfferId("o"))
    assert step(guide) == "waiting"
    tell(guide, f.TalkStarted, **VISIT, agent_id=AgentId("1001"))
    tell(guide, f.VisitEnded, **VISIT, outcome="answered")
    assert step(guide) == "talking"
    tell(guide, f.TalkEnded, **VISIT, agent_id=AgentId("1001"), side="agent")
    assert step(guide) == "listening"
    tell(guide, f.CallEnded, side="caller", cause=16)
    assert step(guide) is None


def test_only_calls_from_the_demos_own_phone_are_told(guide: Guide) -> None:
    arrive(guide, channel="PJSIP/trunk-00000001")
    assert step(guide) is None


def test_calls_whose_end_was_never_told_do_not_pile_up(guide: Guide) -> None:
    arrive(guide)
    for place in range(MOST_CALLS):
        arrive(guide, f"other {place}", caller="+8613900000001")
    assert step(guide) is None
    assert guide.asked("13900000001") is not None


def test_a_node_no_flow_has_any_more_is_nothing_to_press(guide: Guide) -> None:
    arrive(guide)
    tell(guide, f.NodeEntered, flow="power", node="gone")
    assert step(guide) == "listening"
