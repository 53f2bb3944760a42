"""Nodes the machine does by itself: say, lookup, when, set, hours, create, urge, identify, subflow, language, hangup."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from cti_server.domain.calendar import OpenState, branch, is_open
from cti_server.domain.facts import CallerIdentified, FlowEntered, LanguageChosen, TicketUrged
from cti_server.domain.flows import effects
from cti_server.domain.flows.schema import (
    Collect,
    Create,
    Hangup,
    Hours,
    Identify,
    Lookup,
    Say,
    Set,
    Subflow,
    SwitchLanguage,
    Urge,
    When,
)
from cti_server.domain.flows.state import MOST_DEPTH, Frame, NodeFailed, State, Step
from cti_server.domain.ids import Micros, to_datetime


def say(state: State, name: str, node: Say) -> Step:
    language = node.spoken_in.get(state.language, state.language)
    spoken = state.words(node.say)
    if language == state.language:
        yield effects.Say(spoken)
        return node.next
    yield effects.SetLanguage(language)
    yield effects.Say(spoken)
    yield effects.SetLanguage(state.language)
    return node.next


def lookup(state: State, name: str, node: Lookup) -> Step:
    arguments = {key: state.value(value, secrets=True) for key, value in node.arguments.items()}
    hidden = [key for key, value in arguments.items() if value in state.secrets.values()]
    state.secrets.clear()
    found = yield effects.Lookup(node.adapter, node.query, arguments, name, node.seconds)
    if not isinstance(found, effects.Found) or found.outcome == "failed":
        raise NodeFailed(f"lookup {node.adapter}.{node.query}")
    # An adapter that echoes its arguments must not bring a secret back among the values.
    state.save(node.save, {key: value for key, value in found.values.items() if key not in hidden})
    if found.outcome == "found":
        return node.next
    if node.nothing is None:
        raise NodeFailed(f"lookup {node.adapter}.{node.query} found nothing")
    return node.nothing


def when(state: State, name: str, node: When) -> Step:
    yield from ()
    return next((case.to for case in node.cases if state.value(case.test)), node.otherwise)


def assign(state: State, name: str, node: Set) -> Step:
    yield from ()
    for key, value in [(key, state.value(expression)) for key, expression in node.values.items()]:
        state.save(key, value)
    return node.next


def hours(state: State, name: str, node: Hours) -> Step:
    at: Micros = yield effects.Now()
    calendar, zone = state.flow.calendars[node.calendar], state.context.time_zone
    if node.save:
        state.save(node.save, _spoken(is_open(calendar, at, zone), state))
    if state.context.always_open:
        return node.open
    where = branch(calendar, at, zone, urgent=bool(state.value(node.urgent)))
    if where == "emergency" and node.emergency:
        return node.emergency
    return node.open if where == "reception" else node.closed


def _spoken(found: OpenState, state: State) -> dict[str, object]:
    values: dict[str, object] = {"open": found.open, "reason": found.reason}
    if found.opens_at is not None:
        moment = _at_site(found.opens_at, state.context.time_zone)
        values |= {"opens_date": moment[0], "opens_time": moment[1]}
    return values


def _at_site(at: Micros, zone: str) -> tuple[str, str]:
    """Date and time of day at the site, as slots speak them."""
    moment = to_datetime(at).astimezone(ZoneInfo(zone))
    return moment.date().isoformat(), f"{moment:%H:%M}"


def create(state: State, name: str, node: Create) -> Step:
    """`node` among the fields tells a repeat after a restart (same text) from a second ticket of the call (`name:2`)."""
    state.visits[name] = state.visits.get(name, 0) + 1
    fields = {key: state.value(value) for key, value in node.fields.items()}
    count = state.visits[name]
    made = yield effects.Create(node.what, {**fields, "node": name if count == 1 else f"{name}:{count}"})
    if not isinstance(made, effects.Created):
        raise NodeFailed(f"create {node.what}")
    state.save(node.save, {"ticket_id": made.ticket_id, "number": made.number})
    return node.next


def urge(state: State, name: str, node: Urge) -> Step:
    ticket, number = state.value(node.ticket), state.value(node.number)
    yield state.emit(TicketUrged, ticket_id=str(ticket or number or ""), number=str(number or ""))
    return node.next


def identify(state: State, name: str, node: Identify) -> Step:
    """A proof of who he is clears the counts of failed tries."""
    state.visits = {
        key: count for key, count in state.visits.items() if not isinstance(state.flow.nodes.get(key), Collect)
    }
    customer = state.value(node.customer)
    if customer:
        tier = str(state.value(node.tier) or "ordinary")
        yield state.emit(CallerIdentified, customer_id=str(customer), tier=tier, flags=(), by="account")
    return node.next


def subflow(state: State, name: str, node: Subflow) -> Step:
    flow = state.flows.get(node.flow)
    if flow is None or len(state.frames) >= MOST_DEPTH or state.language not in flow.languages:
        raise NodeFailed(f"subflow {node.flow}")
    values = {key: state.value(value) for key, value in node.arguments.items()}
    state.frame.then, state.frame.save = node.next, node.save
    state.frames.append(Frame(flow, values))
    yield state.emit(FlowEntered, flow=flow.name, version=flow.version)
    return flow.start


def come_back(state: State) -> str | None:
    """From a subflow to its caller; None when there is none."""
    if len(state.frames) == 1:
        return None
    left = state.frames.pop()
    if state.frame.save:
        state.save(state.frame.save, {key: left.values.get(key) for key in left.flow.returns})
    return state.frame.then


def language(state: State, name: str, node: SwitchLanguage) -> Step:
    other = next((one for one in state.flow.languages if one != state.language), state.language)
    state.language = node.language or other
    yield state.emit(LanguageChosen, language=state.language)
    yield effects.SetLanguage(state.language)
    return node.next


def hangup(state: State, name: str, node: Hangup) -> Step:
    """A caller who went silent is not hung up on before a person was offered."""
    if state.silent and not state.offered:
        return state.flow.person
    if node.say:
        yield effects.Say(state.words(node.say))
    return None
