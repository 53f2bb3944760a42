"""What a caller chose in a menu, in every language of its flow."""

from __future__ import annotations

from collections.abc import Mapping

from cti_server.domain.calls import MenuStep
from cti_server.domain.flows.asking import BACK_LABEL, PERSON_LABEL
from cti_server.domain.flows.schema import Collect, Flow, Menu


def choice_texts(flows: Mapping[str, Flow], step: MenuStep) -> Mapping[str, str]:
    """Label by language, from the flow as it stands now. {} when the caller's own label is not among them: the flow was changed
    since, and the key means something else today."""
    flow = flows.get(step.flow)
    node = flow.nodes.get(step.node) if flow else None
    choice = node.keys.get(step.key) if isinstance(node, Menu | Collect) else None
    for texts in (choice.label.root if choice else {}, PERSON_LABEL, BACK_LABEL):
        if step.label and step.label in texts.values():
            return texts
    return {}
