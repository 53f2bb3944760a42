"""What a caller chose, in the language of whoever reads it."""

from __future__ import annotations

import pytest

from cti_server.domain.calls import MenuStep
from cti_server.domain.flows.labels import choice_texts
from cti_server.domain.flows.schema import Flow
from tests.domain.flow_walk import shipped


@pytest.fixture(scope="module")
def flows() -> dict[str, Flow]:
    return {"power": shipped()}


def step(key: str, label: str, node: str = "main", flow: str = "power") -> MenuStep:
    return MenuStep(flow=flow, node=node, key=key, label=label, at=0)


@pytest.mark.parametrize("label", ["催办", "urge"])
def test_a_choice_is_told_in_every_language_of_its_flow(flows: dict[str, Flow], label: str) -> None:
    assert choice_texts(flows, step("6", label)) == {"zh": "催办", "en": "urge"}


def test_keys_every_menu_has_are_told_too(flows: dict[str, Flow]) -> None:
    assert choice_texts(flows, step("0", "人工"))["en"] == "agent"
    assert choice_texts(flows, step("#", "back"))["zh"] == "返回"


@pytest.mark.parametrize(
    "strange",
    [step("6", "缴费"), step("6", ""), step("6", "催办", node="gone"), step("6", "催办", flow="gone")],
    ids=["another meaning now", "no label", "no such node", "no such flow"],
)
def test_a_flow_changed_since_says_nothing_rather_than_something_wrong(
    flows: dict[str, Flow], strange: MenuStep
) -> None:
    assert choice_texts(flows, strange) == {}
