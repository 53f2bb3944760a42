"""Nodes that wait for the caller: menu, collect, record, survey.

0 is a person, * repeats, # goes back. Silence and wrong input are met with a sentence that helps and the question again; after
`tries` misses the caller gets a person.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Literal

from cti_server.domain.accounts import account_valid, luhn_valid, masked
from cti_server.domain.facts import (
    InputCollected,
    InputMissed,
    MenuChosen,
    NodeEntered,
    SurveyAnswered,
    SurveyOffered,
)
from cti_server.domain.flows.effects import Answer, Ask, Effect, Recording, Words
from cti_server.domain.flows.effects import Record as RecordEffect
from cti_server.domain.flows.effects import Say as SayEffect
from cti_server.domain.flows.phrases import phrase
from cti_server.domain.flows.schema import Collect, Menu, Queue, Record, Survey
from cti_server.domain.flows.state import State, Step

TAIL_SECONDS = 1.5
CHECKS = {"none": lambda _: True, "account": account_valid, "luhn": luhn_valid}
PERSON_LABEL = {"zh": "人工", "en": "agent"}
BACK_LABEL = {"zh": "返回", "en": "back"}
_Miss = Literal["timeout", "invalid", "too_long"]


def enter(state: State, name: str, node: Menu | Collect | Record | Survey | Queue) -> Generator[Effect, Any, None]:
    """Secrets never outlive the next question."""
    state.secrets.clear()
    if isinstance(node, Menu | Collect):
        state.remember(name)
    yield state.checkpoint(name)
    if not state.resumed and not isinstance(node, Queue):
        yield state.emit(NodeEntered, name)
    state.resumed = False


def ask(state: State, words: Words, **how: Any) -> Generator[Effect, Any, Answer]:
    state.count_ask()
    answer = yield Ask(words, **how)
    return answer if isinstance(answer, Answer) else Answer("")


def menu(state: State, name: str, node: Menu) -> Step:
    yield from enter(state, name, node)
    lead: Words = ()
    misses = 0
    while misses < node.tries:
        words = lead + state.words(node.say)
        answer = yield from ask(state, words, first_seconds=node.first_seconds, fresh=misses > 0)
        key = (answer.keys + answer.stop)[:1]
        if key == "*":
            lead = ()
        elif (chosen := _menu_key(state, name, node, key)) is not None:
            label, target = chosen
            state.silent = False
            yield state.emit(MenuChosen, name, key=key, label=label)
            return target
        else:
            misses += 1
            lead = yield from _missed(state, name, "invalid" if key else "timeout", node)
    return node.enough or give_up(state, node)


def _menu_key(state: State, name: str, node: Menu, key: str) -> tuple[str, str] | None:
    """(label, target) of a key; None when it is not on offer."""
    if key in node.keys:
        return node.keys[key].label.root[state.language], node.keys[key].to
    if key == "0":
        return PERSON_LABEL.get(state.language, ""), node.person or state.flow.person
    if key == "#":
        return BACK_LABEL.get(state.language, ""), node.back or state.before(name)
    return None


def give_up(state: State, node: Menu | Collect | Record) -> str:
    state.silent = True
    return getattr(node, "person", None) or state.flow.person


def _missed(state: State, name: str, reason: _Miss, node: Menu | Collect) -> Generator[Effect, Any, Words]:
    """The fact, and the sentence to say before the question comes again."""
    yield state.emit(InputMissed, name, reason=reason)
    return _help(state, reason, node)


def _help(state: State, reason: _Miss, node: Menu | Collect) -> Words:
    kind = "menu" if isinstance(node, Menu) else "collect"
    own = node.silence if reason == "timeout" else node.invalid
    if reason == "too_long":
        return state.words(phrase(state.flow, "collect_too_long"))
    return state.words(own or phrase(state.flow, f"{kind}_{'silence' if reason == 'timeout' else 'invalid'}"))


# ---- digits ------------------------------------------------------------------------------------------------


def collect(state: State, name: str, node: Collect) -> Step:
    if node.most_visits is not None and node.too_many is not None and not state.resumed:
        state.visits[name] = state.visits.get(name, 0) + 1
        if state.visits[name] > node.most_visits:
            return node.too_many
    yield from enter(state, name, node)
    lead: Words = ()
    misses = 0
    while misses < node.tries:
        answer = yield from _digits(state, node, lead, fresh=misses > 0)
        if answer.stop == "*":
            lead = ()
        elif (target := _command(state, name, node, answer)) is not None:
            key = answer.keys or answer.stop
            label = node.keys[key].label.root[state.language] if key in node.keys else ""
            state.silent = False
            yield state.emit(MenuChosen, name, key=key, label=label)
            return target
        elif (reason := _wrong(node, answer)) is not None:
            misses += 1
            lead = yield from _refuse(state, name, node, answer, reason)
        else:
            target = yield from _take(state, name, node, answer.keys)
            if target is not None:
                return target
            lead, misses = (), misses + 1
    return give_up(state, node)


def _digits(state: State, node: Collect, lead: Words, *, fresh: bool) -> Generator[Effect, Any, Answer]:
    """One key more than allowed is awaited where the length varies, so that too many digits are noticed."""
    return (
        yield from ask(
            state,
            lead + state.words(node.say),
            most=node.most + (node.least < node.most),
            stop_keys="#*",
            first_seconds=node.first_seconds,
            gap_seconds=node.gap_seconds,
            secret=node.secret,
            fresh=fresh,
            tail_seconds=TAIL_SECONDS,
            alone="0" + "".join(node.keys),
        )
    )


def _command(state: State, name: str, node: Collect, answer: Answer) -> str | None:
    """Single keys that are no digits of the number: those of `keys`, 0 alone, # alone."""
    if answer.keys in node.keys:
        return node.keys[answer.keys].to
    if answer.keys == "0":
        return node.person or state.flow.person
    if not answer.keys and answer.stop == "#":
        return node.back or state.before(name)
    return None


def _wrong(node: Collect, answer: Answer) -> _Miss | None:
    if not answer.keys:
        return "timeout"
    if len(answer.keys) > node.most:
        return "too_long"
    digits = answer.keys.isascii() and answer.keys.isdigit()
    right = digits and len(answer.keys) >= node.least and CHECKS[node.check](answer.keys)
    return None if right else "invalid"


def _refuse(state: State, name: str, node: Collect, answer: Answer, reason: _Miss) -> Generator[Effect, Any, Words]:
    if reason != "invalid":
        return (yield from _missed(state, name, reason, node))
    shown = "" if node.secret else masked(answer.keys)
    yield state.emit(InputCollected, name, digits=shown, valid=False)
    return _help(state, reason, node)


def _take(state: State, name: str, node: Collect, digits: str) -> Step:
    """Keep the digits, after reading them back where wanted; None = the caller wants to enter them again."""
    if node.read_back:
        verdict = yield from _read_back(state, name, node, digits)
        if verdict != node.next:
            return verdict
    state.silent = False
    yield state.emit(InputCollected, name, digits="" if node.secret else masked(digits), valid=True)
    if node.secret:
        state.secrets[node.save] = digits
    else:
        state.save(node.save, digits)
    return node.next


def _read_back(state: State, name: str, node: Collect, digits: str) -> Step:
    """`node.next` for yes, None for again, else a person."""
    lead: Words = ()
    misses = 0
    while misses < node.tries:
        words = lead + state.words(phrase(state.flow, "read_back"), digits=digits)
        answer = yield from ask(state, words, first_seconds=node.first_seconds, fresh=misses > 0)
        key = (answer.keys + answer.stop)[:1]
        if key == "1":
            return node.next
        if key in ("2", "#"):
            return None
        if key == "0":
            return node.person or state.flow.person
        if key != "*":
            misses += 1
            yield state.emit(InputMissed, name, reason="invalid" if key else "timeout")
            lead = state.words(phrase(state.flow, "menu_invalid" if key else "menu_silence"))
    return give_up(state, node)


# ---- voice and survey --------------------------------------------------------------------------------------


def record(state: State, name: str, node: Record) -> Step:
    yield from enter(state, name, node)
    lead: Words = ()
    misses = 0
    while misses < node.tries:
        words = lead + state.words(node.say)
        state.count_ask()
        made = yield RecordEffect(words, node.purpose, node.most_seconds, node.silence_seconds, name)
        if isinstance(made, Recording):
            state.silent = False
            if made.stop == "0":
                return state.flow.person
            if made.stop != "*":
                state.save(node.save, {"path": made.path, "millis": made.millis})
                return node.next
            lead = ()
        else:
            misses += 1
            yield state.emit(InputMissed, name, reason="timeout")
            lead = state.words(phrase(state.flow, "record_nothing"))
    person = give_up(state, node)
    return node.nothing or person


def survey(state: State, name: str, node: Survey) -> Step:
    """Silence ends it kindly: the caller has had his talk."""
    if not state.resumed:
        yield state.emit(SurveyOffered, node=name, agent_id=state.agent)
    yield from enter(state, name, node)
    lead: Words = ()
    misses = 0
    while misses < node.tries:
        answer = yield from ask(state, lead + state.words(node.say), first_seconds=node.first_seconds, fresh=misses > 0)
        key = (answer.keys + answer.stop)[:1]
        if key.isdigit() and node.lowest <= int(key) <= node.highest:
            yield state.emit(SurveyAnswered, node=name, score=int(key), agent_id=state.agent)
            break
        if key == "0":
            return state.flow.person
        if key == "#":
            break
        if key != "*":
            misses += 1
            yield state.emit(InputMissed, name, reason="invalid" if key else "timeout")
            scale = {"lowest": node.lowest, "highest": node.highest}
            lead = state.words(phrase(state.flow, "survey_invalid"), **scale) if key else ()
    yield SayEffect(state.words(node.thanks))
    return node.next
