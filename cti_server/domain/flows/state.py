"""Where one call stands in its flows: values, language, questions asked before, and how to pick it up after a restart."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from cti_server.domain.facts import Fact
from cti_server.domain.flows import expressions
from cti_server.domain.flows.effects import CallContext, Checkpoint, Effect, Emit
from cti_server.domain.flows.graph import needed, root
from cti_server.domain.flows.schema import Expr, Flow, Text
from cti_server.domain.flows.texts import words
from cti_server.domain.ids import AgentId

MOST_STATE_BYTES = 700
MOST_HISTORY = 6
MOST_ASKS = 100
"""Questions in one call; after that the caller gets a person."""
MOST_STEPS = 60
"""Nodes without a question in a row; after that the flow is taken for broken."""
MOST_QUEUES = 10
MOST_DEPTH = 5

Step = Generator[Effect, Any, str | None]
"""The work of one node; returns the next node's name, None = the call is over."""


class NodeFailed(Exception):
    """A machine part failed; the text names it and holds no value of the caller's."""


class WornOut(Exception):
    """A bound above was reached."""


@dataclass
class Frame:
    """One flow in progress; subflows stack."""

    flow: Flow
    values: dict[str, Any] = field(default_factory=dict)
    history: list[str] = field(default_factory=list)
    """Questions asked, for #."""
    then: str = ""
    """Node of this flow to go on at when the subflow above it returns."""
    save: str | None = None


@dataclass
class State:
    flows: Mapping[str, Flow]
    context: CallContext
    language: str
    frames: list[Frame]
    visits: dict[str, int] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    agent: AgentId | None = None
    asks: int = 0
    steps: int = 0
    queued: int = 0
    silent: bool = False
    """The caller gave no usable input to the last question."""
    offered: bool = False
    """A person was offered in this call."""
    resumed: bool = False
    """True until the node resumed at has asked again."""

    @property
    def frame(self) -> Frame:
        return self.frames[-1]

    @property
    def flow(self) -> Flow:
        return self.frames[-1].flow

    # ---- values --------------------------------------------------------------------------------------------

    def get(self, dotted: str) -> Any:
        name, _, rest = dotted.partition(".")
        if name == "call":
            context = self.context
            call = {"caller": context.caller, "did": context.did, "language": self.language, "started": context.started}
            return expressions.lookup(call, rest) if rest else None
        if name == "customer":
            return expressions.lookup(self.context.customer, rest) if rest else dict(self.context.customer)
        return expressions.lookup(self.frame.values, dotted)

    def _with_secrets(self, dotted: str) -> Any:
        return self.secrets[dotted] if dotted in self.secrets else self.get(dotted)

    def value(self, expression: Expr, *, secrets: bool = False) -> Any:
        return plain(expressions.parse(expression.root).evaluate(self._with_secrets if secrets else self.get))

    def save(self, name: str, value: Any) -> None:
        self.frame.values[name] = plain(value)

    def words(self, text: Text | None, **more: Any) -> tuple[str, ...]:
        """Raises InvalidValue when a slot cannot be spoken."""
        if text is None:
            return ()
        speak = self.context.speak
        return words(
            text,
            speak if speak in text.root else self.language,
            lambda path: more[path] if path in more else self.get(path),
        )

    # ---- questions -----------------------------------------------------------------------------------------

    def count_ask(self) -> None:
        self.asks += 1
        self.steps = 0
        if self.asks > MOST_ASKS:
            raise WornOut("asked too often")

    def count_step(self) -> None:
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise WornOut("too many steps without a question")

    def remember(self, name: str) -> None:
        history = self.frame.history
        if name in history:
            del history[history.index(name) :]
        history.append(name)
        del history[:-MOST_HISTORY]

    def before(self, name: str) -> str:
        """The question asked before `name`; itself when it was the first."""
        history = self.frame.history
        place = history.index(name) if name in history else len(history)
        return history[place - 1] if place else name

    def emit(self, kind: type[Fact], name: str = "", **fields: Any) -> Emit:
        place = {"flow": self.flow.name, "node": name} if name else {}
        return Emit(kind, {**place, **fields})

    # ---- picking up after a restart ------------------------------------------------------------------------

    def checkpoint(self, name: str) -> Checkpoint:
        """Only values still needed are kept; should they be too large, the call resumes at the start of its flow."""
        state = self._state(name, history=True)
        if size(state) > MOST_STATE_BYTES:
            state = self._state(name, history=False)
        if size(state) > MOST_STATE_BYTES:
            first = self.frames[0].flow
            state = {"f": first.name, "n": first.start, "l": self.language, "p": self.offered}
        return Checkpoint(state)

    def _state(self, name: str, *, history: bool) -> dict[str, Any]:
        tops = [*(frame.then for frame in self.frames[:-1]), name]
        frames = [_packed(frame, top, history) for frame, top in zip(self.frames, tops, strict=True)]
        state: dict[str, Any] = {**frames[-1], "l": self.language, "p": self.offered}
        extra = {"s": frames[:-1], "c": dict(self.visits), "a": self.agent, "q": self.queued}
        return {**state, **{key: value for key, value in extra.items() if value}}


def _packed(frame: Frame, name: str, history: bool) -> dict[str, Any]:
    kept = list(frame.history) if history else []
    alive = needed(frame.flow)
    paths = frozenset[str]().union(*(alive.get(node, frozenset()) for node in (name, *kept)))
    packed: dict[str, Any] = {"f": frame.flow.name, "n": name}
    extra = {"x": _trimmed(frame.values, paths), "h": kept, "v": frame.save}
    return {**packed, **{key: value for key, value in extra.items() if value}}


def _trimmed(values: Mapping[str, Any], paths: frozenset[str]) -> dict[str, Any]:
    """The values at `paths` only: of an account with ten fields just the one that will be spoken."""
    kept: dict[str, Any] = {}
    for path in sorted(paths):
        name, _, rest = path.partition(".")
        value = expressions.lookup(values, path)
        if root(path) not in values or value is None:
            continue
        if rest:
            _put(kept, path.split("."), value)
        else:
            kept[name] = value
    return kept


def _put(kept: dict[str, Any], path: list[str], value: Any) -> None:
    for part in path[:-1]:
        inner = kept.setdefault(part, {})
        if not isinstance(inner, dict):
            return
        kept = inner
    kept[path[-1]] = value


def start(flow: Flow, flows: Mapping[str, Flow], context: CallContext) -> State:
    language = context.language if context.language in flow.languages else flow.languages[0]
    return State(flows, context, language, [Frame(flow)])


def restore(flow: Flow, flows: Mapping[str, Flow], context: CallContext, saved: Mapping[str, Any]) -> tuple[State, str]:
    """The state of a checkpoint and its node; the start of `flow` when the checkpoint no longer fits the flows."""
    state = start(flow, flows, context)
    try:
        frames = [_frame({flow.name: flow, **flows}, one) for one in (*saved.get("s", ()), saved)]
        name = saved["n"]
        if name not in frames[-1].flow.nodes or len(frames) > MOST_DEPTH:
            return state, flow.start
        state.frames = frames
        state.visits = {str(node): int(count) for node, count in saved.get("c", {}).items()}
        state.agent, state.queued = saved.get("a"), int(saved.get("q", 0))
        state.offered, state.resumed = bool(saved.get("p")), True
        if saved.get("l") in state.flow.languages:
            state.language = saved["l"]
    except (KeyError, TypeError, ValueError, AttributeError):
        return start(flow, flows, context), flow.start
    return state, name


def _frame(flows: Mapping[str, Flow], packed: Mapping[str, Any]) -> Frame:
    flow = flows[packed["f"]]
    history = [name for name in packed.get("h", ()) if name in flow.nodes]
    return Frame(flow, dict(packed.get("x", {})), history, str(packed["n"]), packed.get("v"))


def size(state: Mapping[str, Any]) -> int:
    return len(json.dumps(state, ensure_ascii=False, separators=(",", ":")).encode())


def plain(value: Any) -> Any:
    """As JSON can carry it; what it cannot becomes text."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return str(value)
