"""Whatever a caller presses, whatever a lookup answers: the call ends with a person or a goodbye, and secrets stay secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cti_server.domain.flows import effects as fx
from cti_server.domain.flows.interpreter import run
from cti_server.domain.flows.schema import Flow
from cti_server.domain.flows.state import MOST_STATE_BYTES, size
from tests.domain.flow_walk import moment, shipped

FLOW = shipped()
MOST_EFFECTS = 5000
SECRET = "918273"
KEYS = st.sampled_from(
    [*"0123456789*#", "", "10000018", "10000026", "12345678", "1", "2", "9" * 500, SECRET, "0#", "#"]
)
ANSWERS = st.builds(fx.Answer, KEYS, st.sampled_from(["", "#", "*"]))
SCALARS = (
    st.none()
    | st.booleans()
    | st.sampled_from(["128.50", "-3", "x", "", "2026-12-05", "received", "阶段"])
    | st.integers()
)
FIELDS = [
    "account",
    "customer_id",
    "ok",
    "locked",
    "balance",
    "arrears",
    "due_date",
    "number",
    "state",
    "text",
    "pin",
    "tier",
]
FOUND = st.builds(
    fx.Found,
    st.sampled_from(["found", "found", "nothing", "failed"]),
    st.dictionaries(st.sampled_from(FIELDS), SCALARS),
)
RESULTS = st.builds(
    fx.QueueResult,
    st.sampled_from(["answered", "callback", "timed_out", "key_exit", "refused"]),
    st.none() | st.just("1001"),
)
RECORDINGS = st.none() | st.builds(
    fx.Recording, st.just("m/x.wav"), st.integers(1, 9000), st.sampled_from(["", "0", "*", "#"])
)
CREATED = st.none() | st.builds(fx.Created, st.just("t"), st.sampled_from(["20261121", "7", "not digits"]))
TIMES = st.sampled_from([moment("2026-11-20T10:00"), moment("2026-11-20T23:00"), moment("2031-10-01T12:00")])
CUSTOMERS = st.sampled_from(
    [
        {},
        {"id": "c1", "tier": "vip", "flags": (), "account": "10000018", "address": "和平路1号"},
        {"id": "c2", "tier": "ordinary", "flags": None, "account": None},
        {"id": "c3", "flags": ["elderly"]},
    ]
)


class World:
    """Answers each effect with something Hypothesis draws."""

    def __init__(self, data: st.DataObject) -> None:
        self.data = data
        self.effects: list[fx.Effect] = []
        self.at = data.draw(TIMES)

    def walk(self, flow: Flow, context: fx.CallContext, resume: Mapping[str, Any] | None = None) -> list[fx.Effect]:
        steps = run(flow, {flow.name: flow}, context, resume)
        result: Any = None
        while True:
            try:
                effect = steps.send(result)
            except StopIteration:
                return self.effects
            self.effects.append(effect)
            assert len(self.effects) < MOST_EFFECTS
            result = self.answer(effect)

    def answer(self, effect: fx.Effect) -> Any:
        match effect:
            case fx.Ask(secret=True):
                return fx.Answer(SECRET)
            case fx.Ask():
                return self.data.draw(ANSWERS)
            case fx.Lookup():
                return self.data.draw(FOUND)
            case fx.Enqueue():
                return self.data.draw(RESULTS)
            case fx.Record():
                return self.data.draw(RECORDINGS)
            case fx.Create():
                return self.data.draw(CREATED)
            case fx.Transfer():
                return self.data.draw(st.booleans())
            case fx.Now():
                return self.at
        return None


@settings(max_examples=300, deadline=None)
@given(st.data(), CUSTOMERS, st.sampled_from(["zh", "en", "fr"]))
def test_every_call_ends_in_hangup_and_keeps_secrets(
    data: st.DataObject, customer: dict[str, Any], language: str
) -> None:
    effects = World(data).walk(FLOW, fx.CallContext(language=language, customer=customer, caller="+8613900000001"))
    assert [e for e in effects if isinstance(e, fx.Hangup)] == [effects[-1]]
    typed = {e.fields["digits"] for e in effects if isinstance(e, fx.Emit) and "digits" in e.fields}
    assert all("•" in digits or digits == "" for digits in typed)
    secret_asked = any(isinstance(e, fx.Ask) and e.secret for e in effects)
    for effect in effects:
        if isinstance(effect, fx.Checkpoint):
            assert size(effect.state) <= MOST_STATE_BYTES
        if secret_asked and not isinstance(effect, fx.Lookup):
            assert SECRET not in repr(effect)


@settings(max_examples=100, deadline=None)
@given(st.data(), CUSTOMERS, st.integers(0, 12))
def test_a_silent_caller_is_offered_a_person_before_the_end(
    data: st.DataObject, customer: dict[str, Any], heard: int
) -> None:
    """Silent from some moment on, with every lookup answering as it likes."""

    class Silent(World):
        asked = 0

        def answer(self, effect: fx.Effect) -> Any:
            if isinstance(effect, fx.Ask | fx.Record):
                self.asked += 1
                if self.asked > heard:
                    return fx.Answer("") if isinstance(effect, fx.Ask) else None
            return super().answer(effect)

    effects = Silent(data).walk(FLOW, fx.CallContext(customer=customer))
    offered = [e for e in effects if isinstance(e, fx.Enqueue | fx.Transfer) or _offers_person(e)]
    silent = [e for e in effects if isinstance(e, fx.Emit) and e.fields.get("reason") == "timeout"]
    assert offered or not silent


def _offers_person(effect: fx.Effect) -> bool:
    return isinstance(effect, fx.Ask) and any("按0" in words or "press 0" in words for words in effect.words)


@settings(max_examples=150, deadline=None)
@given(st.data(), CUSTOMERS)
def test_a_resumed_call_asks_the_same_node_again(data: st.DataObject, customer: dict[str, Any]) -> None:
    context = fx.CallContext(customer=customer, caller="+8613900000001")
    effects = World(data).walk(FLOW, context)
    places = [place for place, effect in enumerate(effects) if isinstance(effect, fx.Checkpoint)]
    for place in data.draw(st.lists(st.sampled_from(places), max_size=4)) if places else []:
        saved = effects[place]
        assert isinstance(saved, fx.Checkpoint)
        again = World(data).walk(FLOW, context, saved.state)
        checkpoint = next(e for e in again if isinstance(e, fx.Checkpoint))
        assert checkpoint.state == saved.state
        first = next(e for e in again if isinstance(e, fx.Ask | fx.Record | fx.Enqueue))
        assert type(first) is type(next(e for e in effects[place:] if isinstance(e, fx.Ask | fx.Record | fx.Enqueue)))
        if isinstance(first, fx.Ask | fx.Record):
            original = next(e for e in effects[place:] if isinstance(e, fx.Ask | fx.Record))
            assert first.words == original.words
            assert not [e for e in again[: again.index(first)] if isinstance(e, fx.Emit)]


JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)


@settings(max_examples=150, deadline=None)
@given(st.data(), st.dictionaries(st.sampled_from([*"fnlxhcspaqv"]), JSON | st.sampled_from(["power", "pin", "main"])))
def test_a_spoilt_checkpoint_starts_the_flow_anew(data: st.DataObject, state: dict[str, Any]) -> None:
    effects = World(data).walk(FLOW, fx.CallContext(), state)
    assert isinstance(effects[-1], fx.Hangup)
