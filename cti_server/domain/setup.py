"""What administrators set up, as one whole, and the rules that hold between its parts.

`check` is asked before a change is stored, `may_remove` before something goes: both name the field to mend. What a part may be
by itself stands in its own class (Queue, Agent, User).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Literal, get_args

from cti_server.domain.agents import MISSED_CALLS, SIGNED_IN, Agent
from cti_server.domain.flows.schema import Flow
from cti_server.domain.flows.schema import Queue as QueueNode
from cti_server.domain.ids import AgentId, Micros
from cti_server.domain.queues import Queue
from cti_server.domain.users import ROLES, User
from cti_server.errors import Conflict, CtiError, InvalidValue

Kind = Literal["queue", "agent", "skill", "pause_code", "disposition", "user"]
KINDS: tuple[Kind, ...] = get_args(Kind)
SYSTEM_REASONS = frozenset({MISSED_CALLS, SIGNED_IN})
SOFTPHONE = "w"
"""An agent's softphone is his desk phone's endpoint with this behind it (docker/asterisk/conf/pjsip.conf)."""
MOST = 86_400
"""Seconds, or callers, in any number of a queue."""
_CODE = re.compile(r"[a-z][a-z0-9_]{0,31}")
_QUEUE = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_AGENT = re.compile(r"[0-9]{3,8}")
_ENDPOINT = re.compile(r"[A-Za-z0-9_-]{0,32}")
_LOGIN = re.compile(r"[A-Za-z0-9._@-]{1,64}")
_EXTENSION = re.compile(r"[0-9*]{0,12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Skill:
    """What agents can do better or worse; `zh` and `en` are what people read."""

    code: str
    zh: str
    en: str
    position: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseCode:
    """A reason to pause; `zh` and `en` are what the desktop shows."""

    code: str
    zh: str
    en: str
    position: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Disposition:
    """What a call was about, chosen in wrap-up; `queues` empty = offered in every queue."""

    code: str
    zh: str
    en: str
    position: int = 0
    queues: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowVersion:
    """One saved text of a file of the flows folder. `digest` is what `Flow.version` is; `login` '' = changed by hand."""

    id: int = 0
    file: str
    digest: str
    at: Micros
    login: str
    note: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """Each part by its key."""

    queues: Mapping[str, Queue] = field(default_factory=dict)
    agents: Mapping[str, Agent] = field(default_factory=dict)
    skills: Mapping[str, Skill] = field(default_factory=dict)
    pause_codes: Mapping[str, PauseCode] = field(default_factory=dict)
    dispositions: Mapping[str, Disposition] = field(default_factory=dict)
    users: Mapping[str, User] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What the setup must fit: the flows in force, the calendars, the setting calls.fallback_queue."""

    fallback_queue: str
    calendars: frozenset[str] = frozenset()
    flows: Mapping[str, Flow] = field(default_factory=dict)


Problem = tuple[str, str]
"""Field, and what is wrong with it."""


def check(setup: Setup, around: Around, kind: Kind, key: str) -> None:
    """Raises InvalidValue whose `details['fields']` names each wrong field of the part just changed."""
    refuse(_RULES[kind](setup, around, key))


def refuse(problems: Iterable[Problem]) -> None:
    found: dict[str, str] = {}
    for name, problem in problems:
        found.setdefault(name, problem)
    if found:
        raise InvalidValue("; ".join(f"{name}: {problem}" for name, problem in found.items()), fields=found)


# ---- queues --------------------------------------------------------------------------------------------------


def _queue(setup: Setup, around: Around, key: str) -> Iterator[Problem]:
    queue = setup.queues[key]
    if not _QUEUE.fullmatch(key):
        yield "name", "a small letter, then up to 39 small letters, digits, _ or -"
    yield from _titles(queue.title)
    yield from _numbers(queue)
    if queue.calendar is not None and queue.calendar not in around.calendars:
        yield "calendar", f"there are no opening hours {queue.calendar}"
    yield from _extension(setup, queue)
    if (circle := overflow_trouble(setup.queues, queue.name)) is not None:
        yield "overflow_to", circle
    for relaxation in queue.relaxations:
        if unknown := [name for name in relaxation.drop if name not in setup.skills]:
            yield "relaxations", f"no skill {unknown[0]}"


def _numbers(queue: Queue) -> Iterator[Problem]:
    """Beyond these a number is a slip of the hand, and the clocks of a call could not hold it."""
    for one in fields(queue):
        value = getattr(queue, one.name)
        if isinstance(value, int | float) and not isinstance(value, bool) and not value <= MOST:
            yield one.name, f"at most {MOST}"
    if not -100 <= queue.priority <= 100:
        yield "priority", "-100 to 100"
    for relaxation in queue.relaxations:
        if not (0 < relaxation.after_seconds <= MOST and 0 <= relaxation.lower_by <= 10):
            yield "relaxations", f"after more than 0 and at most {MOST} seconds, lower by 0 to 10"


def _titles(title: Mapping[str, str]) -> Iterator[Problem]:
    for language in ("zh", "en"):
        if not 1 <= len(title.get(language, "").strip()) <= 64:
            yield f"title.{language}", "1 to 64 characters"


def _extension(setup: Setup, queue: Queue) -> Iterator[Problem]:
    if not _EXTENSION.fullmatch(queue.code):
        yield "code", "up to 12 digits or *"
    elif queue.code and queue.code in setup.agents:
        yield "code", f"{queue.code} is the number of an agent"
    elif queue.code and any(o.code == queue.code for o in setup.queues.values() if o.name != queue.name):
        yield "code", f"another queue is dialled by {queue.code}"


def overflow_trouble(queues: Mapping[str, Queue], name: str) -> str | None:
    """Why callers of this queue could overflow to nowhere or round in a circle."""
    path = [name]
    while (target := queues[path[-1]].overflow_to) is not None:
        if target not in queues:
            return f"there is no queue {target}"
        if target in path:
            return f"callers would go round in a circle: {' → '.join([*path, target])}"
        path.append(target)
    return None


def queues_named(flow: Flow) -> frozenset[str]:
    """Queues a flow sends callers to."""
    named = [node.queue for node in flow.nodes.values() if isinstance(node, QueueNode)]
    spread = [(one,) if isinstance(one, str) else one.values() for one in (*named, flow.fallback_queue)]
    return frozenset(name for names in spread for name in names)


# ---- agents --------------------------------------------------------------------------------------------------


def _agent(setup: Setup, around: Around, key: str) -> Iterator[Problem]:
    agent = setup.agents[key]
    if not _AGENT.fullmatch(key):
        yield "agent_id", "3 to 8 digits"
    if any(queue.code == key for queue in setup.queues.values()):
        yield "agent_id", f"a queue is dialled by {key}"
    if len(agent.name) > 64:
        yield "name", "at most 64 characters"
    if not _ENDPOINT.fullmatch(agent.endpoint):
        yield "endpoint", "letters, digits, _ or -, at most 32"
    if (other := _same_phone(setup, agent)) is not None:
        yield "endpoint", f"this is the phone of agent {other}"
    yield from (("queues", f"there is no queue {name}") for name in agent.queues if name not in setup.queues)
    yield from (("skills", f"there is no skill {name}") for name in agent.skills if name not in setup.skills)


def phones_of(agent: Agent) -> frozenset[str]:
    desk = agent.endpoint or agent.agent_id
    return frozenset({desk, desk + SOFTPHONE})


def _same_phone(setup: Setup, agent: Agent) -> AgentId | None:
    others = (one for one in setup.agents.values() if one.agent_id != agent.agent_id)
    return next((one.agent_id for one in others if phones_of(one) & phones_of(agent)), None)


# ---- lists ---------------------------------------------------------------------------------------------------


def _coded(one: Skill | PauseCode | Disposition) -> Iterator[Problem]:
    if not _CODE.fullmatch(one.code):
        yield "code", "a small letter, then up to 31 small letters, digits or _"
    yield from (
        (language, "1 to 64 characters")
        for language in ("zh", "en")
        if not 1 <= len(getattr(one, language).strip()) <= 64
    )
    if not 0 <= one.position <= 9_999:
        yield "position", "0 to 9999"


def _skill(setup: Setup, around: Around, key: str) -> Iterator[Problem]:
    return _coded(setup.skills[key])


def _pause_code(setup: Setup, around: Around, key: str) -> Iterator[Problem]:
    if key in SYSTEM_REASONS:
        yield "code", "the system uses this one itself"
    yield from _coded(setup.pause_codes[key])


def _disposition(setup: Setup, around: Around, key: str) -> Iterator[Problem]:
    one = setup.dispositions[key]
    yield from _coded(one)
    yield from (("queues", f"there is no queue {name}") for name in one.queues if name not in setup.queues)


# ---- users ---------------------------------------------------------------------------------------------------


def _user(setup: Setup, around: Around, key: str) -> Iterator[Problem]:
    user = setup.users[key]
    if not _LOGIN.fullmatch(user.login):
        yield "login", "1 to 64 letters, digits, dots, @, _ or -"
    if not 1 <= len(user.name.strip()) <= 128:
        yield "name", "1 to 128 characters"
    if user.role not in ROLES:
        yield "role", f"one of {', '.join(sorted(ROLES))}"
    if user.agent_id is not None and user.agent_id not in setup.agents:
        yield "agent_id", f"there is no agent {user.agent_id}"
    if user.agent_id is not None and user.role not in ("agent", "leader"):
        yield "agent_id", "only agents and leaders take calls"
    if not administrators(setup.users.values()):
        yield "role", "this is the last administrator; make another one first"


def administrators(users: Iterable[User]) -> frozenset[str]:
    return frozenset(user.login for user in users if user.role == "admin" and user.active)


_RULES = {
    "queue": _queue,
    "agent": _agent,
    "skill": _skill,
    "pause_code": _pause_code,
    "disposition": _disposition,
    "user": _user,
}


# ---- removal -------------------------------------------------------------------------------------------------


def may_remove(setup: Setup, around: Around, kind: Kind, key: str) -> None:
    """Raises Conflict naming what still needs it."""
    reason = next(iter(_NEEDED[kind](setup, around, key)), None) if kind in _NEEDED else None
    if reason is not None:
        raise Conflict(reason, reason="needed")


def _queue_needed(setup: Setup, around: Around, key: str) -> Iterator[str]:
    if key == around.fallback_queue:
        yield f"{key} is the fallback queue (setting calls.fallback_queue)"
    yield from (f"queue {one.name} overflows to {key}" for one in setup.queues.values() if one.overflow_to == key)
    yield from (
        f"flow {flow.name} sends callers to {key}" for flow in around.flows.values() if key in queues_named(flow)
    )


def _skill_needed(setup: Setup, around: Around, key: str) -> Iterator[str]:
    for flow in around.flows.values():
        for node in flow.nodes.values():
            if isinstance(node, QueueNode) and key in {
                *node.skills,
                *(s for more in node.language_skills.values() for s in more),
            }:
                yield f"flow {flow.name} asks for the skill {key}"


def _agent_needed(setup: Setup, around: Around, key: str) -> Iterator[str]:
    yield from (
        f"the user {u.login} takes calls as {key}" for u in setup.users.values() if u.agent_id == key and u.active
    )


def _user_needed(setup: Setup, around: Around, key: str) -> Iterator[str]:
    yield "users are made inactive, not removed: what they did stays theirs"


_NEEDED = {"queue": _queue_needed, "skill": _skill_needed, "agent": _agent_needed, "user": _user_needed}


def without(setup: Setup, kind: Kind, key: str) -> Setup:
    """The setup after the removal: a queue or skill leaves its agents, a queue its dispositions too."""
    plural = f"{kind}s"
    after = replace(setup, **{plural: {name: one for name, one in getattr(setup, plural).items() if name != key}})
    if kind not in ("queue", "skill"):
        return after
    agents = {name: _agent_without(one, kind, key) for name, one in after.agents.items()}
    dispositions = after.dispositions
    if kind == "queue":
        dispositions = {c: replace(d, queues=tuple(q for q in d.queues if q != key)) for c, d in dispositions.items()}
    return replace(after, agents=agents, dispositions=dispositions)


def _agent_without(agent: Agent, kind: Kind, key: str) -> Agent:
    if kind == "queue":
        return replace(agent, queues={name: level for name, level in agent.queues.items() if name != key})
    return replace(agent, skills={name: level for name, level in agent.skills.items() if name != key})


def field_of(error: CtiError, names: Iterable[str], default: str) -> str:
    """The field an error of a part's own class speaks of: those messages name it."""
    return next((name for name in names if re.search(rf"\b{name}\b", str(error))), default)
