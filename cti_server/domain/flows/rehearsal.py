"""A flow without a phone: sample customers and lookups, keys read from typed text, and the preview that walks it.

`preview` plays a call from its start with the answers given so far and stops at the first question without one, so nothing has
to be kept between two steps of a preview. Each step tells its words in every language of the flow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from cti_server.domain.facts import NodeEntered
from cti_server.domain.flows import effects as fx
from cti_server.domain.flows.interpreter import run
from cti_server.domain.flows.schema import Flow
from cti_server.domain.ids import Micros

KEYS = "0123456789*#"
OUTCOMES = ("answered", "timed_out", "refused", "callback", "key_exit")
MOST_STEPS = 400
SAMPLE: Mapping[str, Mapping[str, Any]] = {
    "10000018": {
        "id": "c1", "phone": "13900000001", "pin": "246810", "tier": "vip", "flags": (), "address": "和平路1号",
        "balance": "128.50", "arrears": "0.00", "due_date": "2026-12-05", "order": "20261101",
    },
    "10000026": {
        "id": "c2", "phone": "13900000002", "pin": "135790", "tier": "ordinary", "flags": (), "address": "解放路2号",
        "balance": "0.00", "arrears": "56.20", "due_date": "2026-12-05", "order": "",
    },
    "10000034": {
        "id": "c3", "phone": "13900000003", "pin": "112233", "tier": "ordinary", "flags": ("elderly",), "address": "",
        "balance": "10.00", "arrears": "0.00", "due_date": "2026-12-05", "order": "",
    },
}  # fmt: skip


# ---- answers -------------------------------------------------------------------------------------------------


def take_keys(effect: fx.Ask, typed: str) -> tuple[fx.Answer, str]:
    """What is read of the keys typed, and those that stay for the next question, as on the phone."""
    keys, stop = "", ""
    while typed and not stop and len(keys) < effect.most:
        key, typed = typed[0], typed[1:]
        keys, stop = (keys, key) if key in effect.stop_keys else (keys + key, "")
    if not stop and effect.tail_seconds and typed[:1] in tuple(effect.stop_keys):
        typed = typed[1:]
    return fx.Answer(keys, stop), typed


def recording(effect: fx.Record, said: str) -> fx.Recording | None:
    if said in ("0", "*"):
        return fx.Recording("", 0, said)
    return fx.Recording(f"{effect.purpose}/walk.wav", 400 * len(said)) if said else None


def queue_result(outcome: str) -> fx.QueueResult:
    """Of a word or its beginning; anything else counts as answered."""
    known = next((one for one in OUTCOMES if outcome and one.startswith(outcome)), "answered")
    return fx.QueueResult(known, agent_id=None)  # type: ignore[arg-type]


def customer(caller: str) -> dict[str, Any]:
    """The sample customer of that number, {} when it is none's."""
    for account, one in SAMPLE.items():
        if caller.endswith(one["phone"]):
            return {"account": account, **{key: one[key] for key in ("id", "tier", "flags", "address")}}
    return {}


def lookup(effect: fx.Lookup) -> fx.Found:
    values = _sample(effect.query, effect.arguments)
    return fx.Found("failed" if values is None else "found" if values else "nothing", values or {})


def _sample(query: str, arguments: Mapping[str, Any]) -> dict[str, Any] | None:
    """None for a query the sample does not know."""
    if query == "notices":
        return {
            "text": {
                "zh": "十一月二十五日九点到十一点，和平路停电检修。",
                "en": "No power on Peace Road, November 25, 9 to 11 a.m.",
            }
        }
    if query == "open_order":
        one = next((one for one in SAMPLE.values() if one["id"] == arguments.get("customer_id")), {})
        return {"number": one["order"], "state": "assigned"} if one.get("order") else {}
    account = str(arguments.get("account", ""))
    found = SAMPLE.get(account)
    if query not in ("account", "verify_pin", "balance") or found is None:
        return {} if query in ("account", "verify_pin", "balance") else None
    if query == "verify_pin":
        return {"ok": arguments.get("pin") == found["pin"], "locked": False}
    if query == "balance":
        return {key: found[key] for key in ("balance", "arrears", "due_date")}
    return {"account": account, "customer_id": found["id"], "tier": found["tier"]}


# ---- preview -------------------------------------------------------------------------------------------------

What = Literal["say", "keys", "record", "lookup", "create", "queue", "transfer", "language", "end"]
Wants = Literal["keys", "record", "queue", "transfer"]


@dataclass(frozen=True, slots=True)
class Step:
    what: What
    node: str = ""
    words: Mapping[str, str] = field(default_factory=dict)
    """Language → what the caller hears."""
    about: str = ""
    """Of a lookup, ticket, queue or transfer: which."""
    outcome: str = ""
    """Of a lookup: found, nothing, failed."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """Of a lookup: what it found."""
    answer: str | None = None
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Preview:
    steps: tuple[Step, ...]
    wants: Wants | None
    """What the next answer is; None = the call is over."""


def preview(
    flow: Flow,
    flows: Mapping[str, Flow],
    context: fx.CallContext,
    answers: Sequence[str],
    at: Micros,
    found: Mapping[str, fx.Found] | None = None,
) -> Preview:
    """`found`: what lookups answer instead of the sample, by `adapter.query`. `answers` in order: keys pressed ('' = silence),
    what is said into a recording, how a queue ends (`OUTCOMES`), whether a transfer is reached (yes, no)."""
    context = replace(context, customer=customer(context.caller), started=at)
    calls = {one: _Call(flow, flows, replace(context, speak=one), answers, at, found or {}) for one in flow.languages}
    for call in calls.values():
        call.go()
    first, *_ = calls.values()
    spoken = [{one: call.steps[place][1] for one, call in calls.items()} for place in range(len(first.steps))]
    steps = (
        replace(step, words=words if any(words.values()) else {})
        for (step, _), words in zip(first.steps, spoken, strict=True)
    )
    return Preview(tuple(steps), first.wants)


class _Call:
    """One walk; `steps` are each step and its words in this walk's language."""

    def __init__(
        self,
        flow: Flow,
        flows: Mapping[str, Flow],
        context: fx.CallContext,
        answers: Sequence[str],
        at: Micros,
        found: Mapping[str, fx.Found],
    ) -> None:
        self._walk = run(flow, flows, context)
        self._found = found
        self._answers, self._at = list(answers), at
        self._node, self._typed, self._tickets = "", "", 0
        self.steps: list[tuple[Step, str]] = []
        self.wants: Wants | None = None

    def go(self) -> None:
        result: Any = None
        while len(self.steps) < MOST_STEPS:
            try:
                effect = self._walk.send(result)
            except StopIteration:
                return
            wants = self._asks(effect)
            if wants is not None and not self._answers:
                self._tell(
                    wants, getattr(effect, "words", ()), secret=getattr(effect, "secret", False), about=_about(effect)
                )
                self.wants = wants
                self._walk.close()
                return
            result = self._answer(effect)

    def _asks(self, effect: fx.Effect) -> Wants | None:
        if isinstance(effect, fx.Ask):
            return None if self._typed and not effect.fresh else "keys"
        kinds: dict[type[fx.Effect], Wants] = {fx.Record: "record", fx.Enqueue: "queue", fx.Transfer: "transfer"}
        return kinds.get(type(effect))

    def _answer(self, effect: fx.Effect) -> Any:
        match effect:
            case fx.Emit() if effect.kind is NodeEntered:
                self._node = str(effect.fields.get("node", ""))
            case fx.Say():
                self._tell("say", effect.words)
            case fx.Ask():
                return self._ask(effect)
            case fx.Record() | fx.Enqueue() | fx.Transfer():
                return self._ask_person(effect)
            case fx.Lookup():
                which = f"{effect.adapter}.{effect.query}"
                found = self._found.get(which) or lookup(effect)
                self._tell("lookup", about=which, outcome=found.outcome, values=found.values)
                return found
            case fx.Create():
                self._tickets += 1
                self._tell("create", about=effect.kind)
                return fx.Created(f"walk-{self._tickets}", f"2026112100{self._tickets:02d}")
            case fx.SetLanguage():
                self._tell("language", about=effect.language)
            case fx.Now():
                return self._at
            case fx.Hangup():
                self._tell("end")
        return None

    def _ask(self, effect: fx.Ask) -> fx.Answer:
        typed = None
        if effect.fresh or not self._typed:
            typed = "".join(key for key in self._answers.pop(0) if key in KEYS)
            self._typed = typed
        answer, self._typed = take_keys(effect, self._typed)
        self._tell(
            "keys", effect.words, answer=typed if typed is not None else answer.keys + answer.stop, secret=effect.secret
        )
        return answer

    def _ask_person(self, effect: fx.Record | fx.Enqueue | fx.Transfer) -> Any:
        given = self._answers.pop(0)
        if isinstance(effect, fx.Record):
            self._tell("record", effect.words, answer=given)
            return recording(effect, given)
        if isinstance(effect, fx.Enqueue):
            result = queue_result(given)
            self._tell("queue", about=_about(effect), answer=result.outcome)
            return result
        self._tell("transfer", about=_about(effect), answer=given)
        return given != "no"

    def _tell(self, what: What, words: fx.Words = (), **more: Any) -> None:
        self.steps.append((Step(what, self._node, **more), " ".join(words)))


def _about(effect: fx.Effect) -> str:
    if isinstance(effect, fx.Enqueue):
        return " ".join([effect.queue, *(f"{name}≥{level}" for name, level in effect.skills)])
    return f"{effect.kind} {effect.target}" if isinstance(effect, fx.Transfer) else ""
