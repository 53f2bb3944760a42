"""What the demo's newcomers are being asked, so that their page can say which keys there are: a fold over the facts of calls
from the demo's phone. A call is forgotten when it ends; the oldest go when there are too many.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from cti_server.domain import facts as f
from cti_server.domain.flows.schema import Collect, Flow, Menu, Record, Survey
from cti_server.domain.ids import CallId

Step = Literal["listening", "menu", "digits", "speak", "rating", "waiting", "talking"]
MOST_CALLS = 50


@dataclass(frozen=True, slots=True)
class Asked:
    """`keys` are those of the flow in force, with their words by language; 0, * and # mean the same in every question."""

    caller: str
    step: Step = "listening"
    keys: tuple[tuple[str, Mapping[str, str]], ...] = ()
    secret: bool = False


class Guide:
    """`flows` answers with the flows in force."""

    def __init__(self, endpoint: str, flows: Callable[[], Mapping[str, Flow]]) -> None:
        self._channel, self._flows = f"PJSIP/{endpoint}-", flows
        self._calls: dict[CallId, Asked] = {}

    def take(self, recorded: f.Recorded) -> None:
        match recorded.fact:
            case f.CallArrived(call_id=call, channel=channel, caller=caller) if channel.startswith(self._channel):
                self._calls[call] = Asked(caller)
                while len(self._calls) > MOST_CALLS:
                    del self._calls[next(iter(self._calls))]
            case f.CallEnded(call_id=call):
                self._calls.pop(call, None)
            case f.CallFact(call_id=call) as fact if call in self._calls:
                self._calls[call] = self._after(self._calls[call], fact)

    def asked(self, number: str) -> Asked | None:
        """Of the newest call as that caller; None = there is none."""
        return next((one for one in reversed(self._calls.values()) if one.caller.endswith(number)), None)

    def _after(self, asked: Asked, fact: f.CallFact) -> Asked:
        match fact:
            case f.NodeEntered(flow=flow, node=node):
                return replace(asked, **self._question(flow, node))
            case f.SurveyOffered(node=node):
                return replace(asked, **_of_survey(self._survey(node)))
            case f.VisitStarted():
                return Asked(asked.caller, "waiting")
            case f.TalkStarted():
                return Asked(asked.caller, "talking")
            case f.VisitEnded(outcome="answered"):
                return asked  # the talk goes on
            case (
                f.MenuChosen()
                | f.InputCollected()
                | f.RecordingMade()
                | f.VisitEnded()
                | f.TalkEnded()
                | f.SurveyAnswered()
            ):
                return Asked(asked.caller)
        return asked

    def _question(self, flow: str, name: str) -> dict[str, Any]:
        node = self._flows()[flow].nodes.get(name) if flow in self._flows() else None
        if isinstance(node, Menu | Collect):
            keys = tuple((key, choice.label.root) for key, choice in node.keys.items())
            secret = isinstance(node, Collect) and node.secret
            return {"step": "menu" if isinstance(node, Menu) else "digits", "keys": keys, "secret": secret}
        if isinstance(node, Survey):
            return _of_survey(node)
        return {"step": "speak" if isinstance(node, Record) else "listening", "keys": (), "secret": False}

    def _survey(self, name: str) -> Survey | None:
        found = (flow.nodes.get(name) for flow in self._flows().values())
        return next((node for node in found if isinstance(node, Survey)), None)


def _of_survey(node: Survey | None) -> dict[str, Any]:
    scores = range(node.lowest, node.highest + 1) if node else ()
    return {"step": "rating", "keys": tuple((str(score), {}) for score in scores), "secret": False}
