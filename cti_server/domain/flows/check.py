"""What can be wrong with a flow that has the right shape. Each check yields (path in the file, what to mend)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from cti_server.domain.flows import expressions
from cti_server.domain.flows.graph import (
    Path,
    loops_without_caller,
    reachable,
    root,
    saved,
    slots,
    targets,
    walk,
)
from cti_server.domain.flows.phrases import STANDARD
from cti_server.domain.flows.schema import (
    RETURN,
    WAITING,
    Collect,
    Expr,
    Flow,
    Hours,
    Lookup,
    Menu,
    Queue,
    Say,
    Subflow,
    SwitchLanguage,
    Text,
    Transfer,
)
from cti_server.domain.flows.slots import parts
from cti_server.domain.wrong import Refused, Wrong, wrong

Found = Iterator[tuple[Path, Wrong]]
GIVEN = frozenset({"call", "customer"})
"""Values every call has."""
_PERSON = (Queue, Transfer)


@dataclass(frozen=True, slots=True)
class Known:
    """Names outside the flow it may use; None = not known here, so not checked."""

    queues: Collection[str] | None = None
    flows: Collection[str] | None = None
    calendars: Collection[str] = ()


def check(flow: Flow, known: Known) -> Found:
    """Everything wrong with the flow, in no particular order."""
    dangling = list(_targets(flow))
    # While a target is misspelt, half the flow is unreachable; saying so would hide the reason.
    yield from dangling or _unreachable(flow)
    yield from _person(flow)
    yield from _loops(flow)
    yield from _languages(flow)
    yield from _values(flow)
    yield from _menus(flow)
    yield from _secrets(flow)
    yield from _outside_names(flow, known)


def _targets(flow: Flow) -> Found:
    for field in ("start", "person"):
        if getattr(flow, field) not in flow.nodes:
            yield (field,), wrong("no_start", field=field, name=getattr(flow, field))
    for name, node in flow.nodes.items():
        for path, target in targets(node):
            if target not in flow.nodes and target != RETURN:
                yield ("nodes", name, *path), _no_node(path, target, flow.nodes)
        if name == RETURN:
            yield ("nodes", name), wrong("return_reserved")


def _no_node(path: Path, target: str, names: Collection[str]) -> Wrong:
    near = get_close_matches(target, names, n=1)
    if near:
        return wrong("no_node_meant", field=path[-1], name=target, near=near[0])
    return wrong("no_node", field=path[-1], name=target)


def _unreachable(flow: Flow) -> Found:
    for name in flow.nodes.keys() - reachable(flow, flow.start):
        yield ("nodes", name), wrong("unreachable")


def _person(flow: Flow) -> Found:
    if flow.person in flow.nodes and not any(
        isinstance(flow.nodes[name], _PERSON) for name in reachable(flow, flow.person)
    ):
        yield ("person",), wrong("no_person", name=flow.person)


def _loops(flow: Flow) -> Found:
    machine_only = tuple({type(node) for node in flow.nodes.values()} - set(WAITING))
    for name in loops_without_caller(flow, machine_only):
        yield ("nodes", name), wrong("loop")


def _languages(flow: Flow) -> Found:
    for path, text in _texts(flow):
        missing = set(flow.languages) - text.root.keys()
        if missing:
            yield path, wrong("no_text_for", languages=_listed(missing))
        for extra in text.root.keys() - set(flow.languages):
            yield (*path, extra), wrong("text_in_other", language=extra)
    for name in STANDARD:
        standard = flow.phrases.get(name, STANDARD[name]).root
        if name not in flow.phrases and set(flow.languages) - standard.keys():
            absent = _listed(set(flow.languages) - standard.keys())
            yield ("phrases",), wrong("phrase_for", name=name, languages=absent)
    for name in flow.phrases.keys() - STANDARD.keys():
        yield ("phrases", name), wrong("no_phrase", names=", ".join(STANDARD))
    for name, node in flow.nodes.items():
        if isinstance(node, Say) and {*node.spoken_in, *node.spoken_in.values()} - set(flow.languages):
            yield ("nodes", name, "spoken_in"), wrong("spoken_in")
        if isinstance(node, SwitchLanguage):
            yield from _switch(flow, name, node)


def _switch(flow: Flow, name: str, node: SwitchLanguage) -> Found:
    if node.language is None and len(flow.languages) != 2:
        yield ("nodes", name), wrong("which_language")
    if node.language is not None and node.language not in flow.languages:
        yield ("nodes", name, "language"), wrong("not_our_language", language=node.language)


def _texts(flow: Flow) -> Iterator[tuple[Path, Text]]:
    for path, value in walk(flow):
        if isinstance(value, Text):
            yield path, value


def _values(flow: Flow) -> Found:
    """Expressions and slots: they parse, and every value they read is given by some node."""
    given = GIVEN.union(*(saved(node) for node in flow.nodes.values()), flow.takes)
    secret = _secret_names(flow)
    for name, node in flow.nodes.items():
        for path, value in walk(node):
            place = ("nodes", name, *path)
            if isinstance(value, Expr):
                allowed = secret if isinstance(node, Lookup) and path[0] == "arguments" else frozenset()
                yield from _expression(place, value, given, secret - allowed)
            elif isinstance(value, Text):
                yield from _text(place, value, given, secret)
        for taken in saved(node) & GIVEN:
            yield ("nodes", name), wrong("given_by_call", name=taken)


def _expression(place: Path, value: Expr, given: frozenset[str], forbidden: frozenset[str]) -> Found:
    try:
        names = expressions.parse(value.root).names
    except Refused as error:
        yield place, error.why
        return
    yield from _names(place, names, given, forbidden)


def _text(place: Path, text: Text, given: frozenset[str], secret: frozenset[str]) -> Found:
    for language, words in text.root.items():
        try:
            parts(words)
        except Refused as error:
            yield (*place, language), error.why
    yield from _names(place, slots(text), given, secret)


def _names(place: Path, names: frozenset[str], given: frozenset[str], forbidden: frozenset[str]) -> Found:
    for name in sorted(names):
        if root(name) in forbidden:
            yield place, wrong("is_secret", name=name)
        elif root(name) not in given:
            yield place, wrong("never_given", name=name, names=_listed(given))


def _menus(flow: Flow) -> Found:
    for name, node in flow.nodes.items():
        if not isinstance(node, Menu):
            continue
        for key in node.keys.keys() - set(node.unspoken):
            for language, words in node.say.root.items():
                if key not in words:
                    yield ("nodes", name, "say", language), wrong("key_unspoken", key=key, language=language)
        if node.enough and not all("0" in words for words in node.say.root.values()):
            yield ("nodes", name, "enough"), wrong("enough")
        for key in set(node.unspoken) - node.keys.keys():
            yield ("nodes", name, "unspoken"), wrong("not_on_menu", key=key)


def _secret_names(flow: Flow) -> frozenset[str]:
    return frozenset(node.save for node in flow.nodes.values() if isinstance(node, Collect) and node.secret)


def _secrets(flow: Flow) -> Found:
    """A secret is read by the lookup right after it and then forgotten; nothing else may carry its name."""
    names = _secret_names(flow)
    for name, node in flow.nodes.items():
        if isinstance(node, Collect) and node.secret:
            follower = flow.nodes.get(node.next)
            if not isinstance(follower, Lookup) or node.save not in _argument_names(follower):
                yield ("nodes", name, "next"), wrong("secret_lookup", name=node.save)
        elif saved(node) & names:
            yield ("nodes", name), wrong("secret_name", names=_listed(saved(node) & names))
    for name in sorted(names & {*flow.returns, *flow.takes}):
        yield ("returns",), wrong("secret_handed", name=name)


def _argument_names(node: Lookup) -> frozenset[str]:
    names: set[str] = set()
    for expression in node.arguments.values():
        try:
            names |= {root(name) for name in expressions.parse(expression.root).names}
        except Refused:
            continue
    return frozenset(names)


def _outside_names(flow: Flow, known: Known) -> Found:
    yield from _queue_names(("fallback_queue",), flow.fallback_queue, flow, known)
    calendars = {*known.calendars, *flow.calendars}
    for name, node in flow.nodes.items():
        place: Path = ("nodes", name)
        if isinstance(node, Queue):
            yield from _queue_names((*place, "queue"), node.queue, flow, known)
        elif isinstance(node, Hours) and node.calendar not in calendars:
            known_here = _listed(calendars) or "–"
            yield (*place, "calendar"), wrong("no_calendar_known", name=node.calendar, names=known_here)
        elif isinstance(node, Subflow) and known.flows is not None and node.flow not in known.flows:
            yield (*place, "flow"), wrong("no_flow", name=node.flow)


def _queue_names(place: Path, queue: str | dict[str, str], flow: Flow, known: Known) -> Found:
    names = {queue} if isinstance(queue, str) else set(queue.values())
    if isinstance(queue, dict) and set(flow.languages) - queue.keys():
        yield place, wrong("no_queue_for", languages=_listed(set(flow.languages) - queue.keys()))
    for name in sorted(names - set(known.queues or names)):
        yield place, wrong("no_queue_known", name=name, names=_listed(known.queues or ()))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
