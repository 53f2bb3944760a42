"""A call's facts as lines a person reads. Pure: facts in, words out. A test holds that no fact of a call lacks its words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Data = Mapping[str, Any]

SIDES = {
    "caller": "the caller",
    "agent": "the agent",
    "server": "the server",
    "transfer": "a transfer",
    "unknown": "nobody saw who",
}
OFFERS = {
    "answered": "answers",
    "no_answer": "does not answer",
    "rejected": "refuses the call",
    "unreachable": "cannot be reached",
    "caller_gone": "stops ringing: the caller is gone",
    "withdrawn": "stops ringing",
}
MISSED = {
    "timeout": "pressed nothing in time",
    "invalid": "pressed a key that is not on offer",
    "too_long": "too many keys",
}


def _identified(data: Data) -> str:
    flags = f", {', '.join(data['flags'])}" if data["flags"] else ""
    return f"recognised by {data['by']}: tier {data['tier']}{flags}"


def _collected(data: Data) -> str:
    verdict = "accepted" if data["valid"] else "not accepted"
    return f"entered {data['digits'] or 'a secret number'} at {data['node']}: {verdict}"


def _chosen(data: Data) -> str:
    return f"presses {data['key']}" + (f": {data['label']}" if data["label"] else f" at {data['node']}")


def _visit(data: Data) -> str:
    skills = ", ".join(f"{name} {level}" for name, level in data["skills"])
    wanted = f", wants {skills}" if skills else ""
    preferred = f", first agent {data['preferred']}" if data["preferred"] else ""
    return f"waits in queue {data['queue']}, priority {data['priority']}{wanted}{preferred}"


def _partner(data: Data) -> str:
    return f"agent {data['partner']}" if data["partner"] else "somebody outside"


WORDS: Mapping[str, str | Callable[[Data], str]] = {
    "CallArrived": "arrives at {did} from {caller}",
    "CallResumed": "comes back to the server ({stage})",
    "CallTakenUp": "is taken up from the server {of}",
    "CallUnseen": "was seen by the switch's own queue only",
    "CallerIdentified": _identified,
    "FlowEntered": "enters flow {flow}",
    "NodeEntered": "is asked at {node}",
    "MenuChosen": _chosen,
    "InputCollected": _collected,
    "InputMissed": lambda data: f"{MISSED[data['reason']]} at {data['node']}",
    "LookupDone": lambda data: f"looked up {data['adapter']}: {data['outcome']} ({data['micros'] / 1000:.1f} ms)",
    "LanguageChosen": "hears {language} from here on",
    "RecordingMade": lambda data: f"{data['purpose']} recorded, {data['millis'] / 1000:.1f} s: {data['path']}",
    "TicketCreated": "{ticket} {number} created",
    "TicketUrged": "asks again about {number}",
    "FlowFailed": "flow {flow} failed at {node}: {error}",
    "SurveyOffered": "is asked to rate the call",
    "SurveyAnswered": "rates the call {score}",
    "CallTransferred": "{how} transfer to {target}",
    "CallEnded": lambda data: f"call ended by {SIDES[data['side']]}",
    "VisitStarted": _visit,
    "AgentOffered": "offered to agent {agent_id}",
    "OfferRinging": "rings at agent {agent_id}: the screen pops",
    "OfferEnded": lambda data: f"agent {data['agent_id']} {OFFERS[data['result']]}",
    "TalkStarted": "talks with agent {agent_id}",
    "HoldStarted": "put on hold by agent {agent_id}",
    "HoldEnded": "taken off hold by agent {agent_id}",
    "TalkEnded": lambda data: f"talk with agent {data['agent_id']} ended by {SIDES[data['side']]}",
    "VisitEnded": "leaves the queue: {outcome}",
    "VisitMoved": "sent to queue {queue} by {by}",
    "VisitPromoted": "put at the head of the queue by {by}",
    "CallPlaced": "agent {agent_id} calls {number}",
    "ChannelJoined": "the {side}'s phone joins the call",
    "PartyRinging": "the phone called by agent {agent_id} rings",
    "CallNotReached": "agent {agent_id} does not reach anybody: {result}",
    "ConsultStarted": "agent {agent_id} asks {target}; the caller hears music",
    "ConsultAnswered": lambda data: f"{_partner(data)} answers agent {data['agent_id']}",
    "ConsultSwapped": "agent {agent_id} turns to the other of the two",
    "ConsultEnded": "agent {agent_id}'s consultation ends: {result}",
    "ConferenceJoined": "caller, agent {agent_id} and whom he asked talk together",
    "ConferenceLeft": "the third one leaves the talk with agent {agent_id}",
    "CallbackAttempted": "called back, attempt {attempt}",
    "VisitAssigned": "given to agent {agent_id} by {by}",
    "ListenStarted": "{by} joins agent {subject}'s talk ({mode})",
    "ListenModeChanged": "{by} changes to {mode} with agent {subject}",
    "ListenEnded": "{by} leaves agent {subject}'s talk",
    "CallNoted": "agent {agent_id} writes a note, version {version}",
    "DispositionSet": "agent {agent_id} files the call as {code}",
    "WrapUpStarted": "agent {agent_id} wraps up",
}


def tell(kind: str, data: Data) -> str:
    """One fact in words. A kind newer than this program is told by its name."""
    words = WORDS.get(kind, kind)
    return words(data) if callable(words) else words.format_map(data)


def colour(kind: str) -> str:
    """A rich style: people green, waiting yellow, trouble red."""
    if kind in {"TalkStarted", "TalkEnded", "HoldStarted", "HoldEnded", "WrapUpStarted"}:
        return "green"
    if kind.startswith(("Visit", "Offer", "Agent")):
        return "yellow"
    return "red" if kind in {"FlowFailed", "InputMissed"} else ""
