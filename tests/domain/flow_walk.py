"""Walks a flow in tests: a scripted caller, adapters as plain functions, everything yielded kept for inspection."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cti_server.domain.flows import effects as fx
from cti_server.domain.flows.interpreter import run
from cti_server.domain.flows.load import load_calendars, load_flow
from cti_server.domain.flows.schema import Flow
from cti_server.domain.ids import Micros, from_datetime

FLOWS = Path(__file__).parents[2] / "ivr_flows"
QUEUES = frozenset({"general", "vip", "billing", "repair", "emergency", "english"})


def shipped() -> Flow:
    calendars = load_calendars((FLOWS / "calendars.yaml").read_text(), "calendars.yaml")
    return load_flow((FLOWS / "power.yaml").read_text(), "power.yaml", queues=QUEUES, calendars=calendars)


def moment(text: str) -> Micros:
    """`2026-11-20T10:00` in Shanghai."""
    from datetime import datetime

    return from_datetime(datetime.fromisoformat(f"{text}+08:00"))


Keys = str | None


@dataclass
class Walk:
    """What a scripted call did. `keys` answers each Ask in turn; after the script the caller is silent."""

    keys: list[str] = field(default_factory=list)
    lookups: Mapping[str, Callable[[Mapping[str, Any]], fx.Found]] = field(default_factory=dict)
    created: fx.Created | None = field(default_factory=lambda: fx.Created("t-1", "20261121"))
    queue: list[fx.QueueResult] = field(default_factory=list)
    recordings: list[fx.Recording | None] = field(default_factory=list)
    at: Micros = field(default_factory=lambda: moment("2026-11-20T10:00"))
    effects: list[fx.Effect] = field(default_factory=list)

    def go(
        self,
        flow: Flow,
        language: str = "zh",
        *,
        resume: Mapping[str, Any] | None = None,
        flows: Mapping[str, Flow] | None = None,
        **context: Any,
    ) -> Walk:
        self.keys = list(self.keys)
        steps = run(flow, flows or {flow.name: flow}, fx.CallContext(language=language, **context), resume)
        result: Any = None
        while True:
            try:
                effect = steps.send(result)
            except StopIteration:
                return self
            self.effects.append(effect)
            assert len(self.effects) < 20_000
            result = self.answer(effect)

    def answer(self, effect: fx.Effect) -> Any:
        match effect:
            case fx.Ask():
                return self._press()
            case fx.Record():
                return self.recordings.pop(0) if self.recordings else None
            case fx.Lookup(query=query):
                found = self.lookups.get(query)
                return found(effect.arguments) if found else fx.Found("failed")
            case fx.Create():
                return self.created
            case fx.Enqueue():
                return self.queue.pop(0) if self.queue else fx.QueueResult("answered", agent_id=None)
            case fx.Now():
                return self.at
            case fx.Transfer():
                return False
        return None

    def _press(self) -> fx.Answer:
        keys = self.keys.pop(0) if self.keys else ""
        return fx.Answer(keys[:-1], keys[-1]) if len(keys) > 1 and keys[-1] in "#*" else fx.Answer(keys)

    # ---- what to look at -----------------------------------------------------------------------------------

    @property
    def said(self) -> str:
        spoken = (e.words for e in self.effects if isinstance(e, fx.Say | fx.Ask | fx.Record))
        return " ".join(" ".join(words) for words in spoken)

    @property
    def queues(self) -> list[str]:
        return [e.queue for e in self.effects if isinstance(e, fx.Enqueue)]

    def facts(self, name: str) -> list[Mapping[str, Any]]:
        return [e.fields for e in self.effects if isinstance(e, fx.Emit) and e.kind.__name__ == name]

    def of(self, kind: type[fx.Effect]) -> list[Any]:
        return [e for e in self.effects if isinstance(e, kind)]

    @property
    def nodes(self) -> list[str]:
        return [fields["node"] for fields in self.facts("NodeEntered")]
