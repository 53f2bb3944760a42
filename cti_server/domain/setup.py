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
from cti_server.domain.on_switch import endpoints
from cti_server.domain.queues import Queue
from cti_server.domain.users import ROLES, User
from cti_server.domain.wrong import Wrong, refused, wrong
from cti_server.errors import Conflict

Kind = Literal["queue", "agent", "skill", "pause_code", "disposition", "outside_number", "user"]
KINDS: tuple[Kind, ...] = get_args(Kind)
SYSTEM_REASONS = frozenset({MISSED_CALLS, SIGNED_IN})
MOST = 86_400
"""Seconds, or callers, in any number of a queue."""
_CODE = re.compile(r"[a-z][a-z0-9_]{0,31}")
_QUEUE = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_AGENT = re.compile(r"[0-9]{3,8}")
_ENDPOINT = re.compile(r"[A-Za-z0-9_-]{0,32}")
_LOGIN = re.compile(r"[A-Za-z0-9._@-]{1,64}")
_NUMBER = re.compile(r"\+?[0-9]{3,16}", re.ASCII)
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
    """What a call was about, chosen in wrap-up; `queues` empty = offered in every queue. Codes of one group stand under its
    name; '' = under none."""

    code: str
    zh: str
    en: str
    position: int = 0
    queues: tuple[str, ...] = ()
    group_zh: str = ""
    group_en: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideNumber:
    """Whom agents call outside: a line of the directory. They may call it whatever the rules for numbers say."""

    number: str
    name: str
    group: str = ""
    position: int = 0


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
    outside_numbers: Mapping[str, OutsideNumber] = field(default_factory=dict)
    users: Mapping[str, User] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What the setup must fit: the flows in force, the calendars, the setting calls.fallback_queue."""

    fallback_queue: str
    calendars: frozenset[str] = frozenset()
    flows: Mapping[str, Flow] = field(default_factory=dict)


Problem = tuple[str, Wrong]
"""Field, and what is wrong with it."""


def check(setup: Setup, around: Around, kind: Kind, key: str) -> None:
    """Raises InvalidValue whose `details['fields']` names each wrong field of the part just changed."""
    refuse(_RULES[kind](setup, around, key))


def refuse(problems: Iterable[Problem]) -> None:
    found: dict[str, Wrong] = {}
    for name, problem in problems:
        found.setdefault(name, problem)
    if found:
        raise refused(found)


# ---- queues --------------------------------------------------------------------------------------------------


def _queue(setup: Setup, around: Around, key: str) -> Iterator[Problem]:
    queue = setup.queues[key]
    if not _QUEUE.fullmatch(key):
        yield "name", wrong("name_form")
    yield from _titles(queue.title)
    yield from _numbers(queue)
    if queue.calendar is not None and queue.calendar not in around.calendars:
        yield "calendar", wrong("no_calendar", name=queue.calendar)
    yield from _extension(setup, queue)
    if (circle := overflow_trouble(setup.queues, queue.name)) is not None:
        yield "overflow_to", circle
    for relaxation in queue.relaxations:
        if unknown := [name for name in relaxation.drop if name not in setup.skills]:
            yield "relaxations", wrong("no_skill", name=unknown[0])


def _numbers(queue: Queue) -> Iterator[Problem]:
    """Beyond these a number is a slip of the hand, and the clocks of a call could not hold it."""
    for one in fields(queue):
        value = getattr(queue, one.name)
        if isinstance(value, int | float) and not isinstance(value, bool) and not value <= MOST:
            yield one.name, wrong("at_most", most=MOST)
    if not -100 <= queue.priority <= 100:
        yield "priority", wrong("between", least=-100, most=100)
    for relaxation in queue.relaxations:
        if not (0 < relaxation.after_seconds <= MOST and 0 <= relaxation.lower_by <= 10):
            yield "relaxations", wrong("relaxation", most=MOST)


def _titles(title: Mapping[str, str]) -> Iterator[Problem]:
    for language in ("zh", "en"):
        if not 1 <= len(title.get(language, "").strip()) <= 64:
            yield f"title.{language}", wrong("characters", least=1, most=64)


def _extension(setup: Setup, queue: Queue) -> Iterator[Problem]:
    if not _EXTENSION.fullmatch(queue.code):
        yield "code", wrong("extension_form")
    elif queue.code and queue.code in setup.agents:
        yield "code", wrong("agents_number", number=queue.code)
    elif queue.code and any(o.code == queue.code for o in setup.queues.values() if o.name != queue.name):
        yield "code", wrong("queues_number", number=queue.code)


def overflow_trouble(queues: Mapping[str, Queue], name: str) -> Wrong | None:
    """Why callers of this queue could overflow to nowhere or round in a circle."""
    path = [name]
    while (target := queues[path[-1]].overflow_to) is not None:
        if target not in queues:
            return wrong("no_queue", name=target)
        if target in path:
            return wrong("circle", path=" → ".join([*path, target]))
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
        yield "agent_id", wrong("agent_form")
    if any(queue.code == key for queue in setup.queues.values()):
        yield "agent_id", wrong("dialled_by", number=key)
    if len(agent.name) > 64:
        yield "name", wrong("long_text", most=64)
    if not _ENDPOINT.fullmatch(agent.endpoint):
        yield "endpoint", wrong("endpoint_form")
    if (other := _same_phone(setup, agent)) is not None:
        yield "endpoint", wrong("same_phone", name=other)
    yield from (("queues", wrong("no_queue", name=name)) for name in agent.queues if name not in setup.queues)
    yield from (("skills", wrong("no_skill", name=name)) for name in agent.skills if name not in setup.skills)


def _same_phone(setup: Setup, agent: Agent) -> AgentId | None:
    others = (one for one in setup.agents.values() if one.agent_id != agent.agent_id)
    return next((one.agent_id for one in others if set(endpoints(one)) & set(endpoints(agent))), None)


# ---- lists ---------------------------------------------------------------------------------------------------


def _coded(one: Skill | PauseCode | Disposition) -> Iterator[Problem]:
    if not _CODE.fullmatch(one.code):
        yield "code", wrong("code_form")
    yield from (
        (language, wrong("characters", least=1, most=64))
        for language in ("zh", "en")
        if not 1 <= len(getattr(one, language).strip()) <= 64
    )
    if not 0 <= one.position <= 9_999:
        yield "position", wrong("between", least=0, most=9_999)


def _skill(setup: Setup, around: Around, key: str) -> Iterator[Problem]:
    return _coded(setup.skills[key])


def _pause_code(setup: Setup, around: Around, key: str) -> Iterator[Problem]:
    if key in SYSTEM_REASONS:
        yield "code", wrong("system_code")
    yield from _coded(setup.pause_codes[key])


def _disposition(setup: Setup, around: Around, key: str) -> Iterator[Problem]:
    one = setup.dispositions[key]
    yield from _coded(one)
    yield from (("queues", wrong("no_queue", name=name)) for name in one.queues if name not in setup.queues)
    if one.group_zh or one.group_en:
        group = (("group_zh", one.group_zh), ("group_en", one.group_en))
        bad = wrong("characters", least=1, most=64)
        yield from ((name, bad) for name, text in group if not 1 <= len(text.strip()) <= 64)


def _outside_number(setup: Setup, around: Around, key: str) -> Iterator[Problem]:
    one = setup.outside_numbers[key]
    if not _NUMBER.fullmatch(key):
        yield "number", wrong("outside_form")
    elif key in setup.agents:
        yield "number", wrong("agents_number", number=key)
    elif any(queue.code == key for queue in setup.queues.values()):
        yield "number", wrong("dialled_by", number=key)
    if not 1 <= len(one.name.strip()) <= 64:
        yield "name", wrong("characters", least=1, most=64)
    if len(one.group) > 64:
        yield "group", wrong("long_text", most=64)
    if not 0 <= one.position <= 9_999:
        yield "position", wrong("between", least=0, most=9_999)


# ---- users ---------------------------------------------------------------------------------------------------


def _user(setup: Setup, around: Around, key: str) -> Iterator[Problem]:
    user = setup.users[key]
    if not _LOGIN.fullmatch(user.login):
        yield "login", wrong("login_form")
    if not 1 <= len(user.name.strip()) <= 128:
        yield "name", wrong("characters", least=1, most=128)
    if user.role not in ROLES:
        yield "role", wrong("one_of", names=", ".join(sorted(ROLES)))
    if user.agent_id is not None and user.agent_id not in setup.agents:
        yield "agent_id", wrong("no_agent", name=user.agent_id)
    if user.agent_id is not None and user.role not in ("agent", "leader"):
        yield "agent_id", wrong("takes_no_calls")
    if not administrators(setup.users.values()):
        yield "role", wrong("last_admin")


def administrators(users: Iterable[User]) -> frozenset[str]:
    return frozenset(user.login for user in users if user.role == "admin" and user.active)


_RULES = {
    "queue": _queue,
    "agent": _agent,
    "skill": _skill,
    "pause_code": _pause_code,
    "disposition": _disposition,
    "outside_number": _outside_number,
    "user": _user,
}


# ---- removal -------------------------------------------------------------------------------------------------


def may_remove(setup: Setup, around: Around, kind: Kind, key: str) -> None:
    """Raises Conflict naming what still needs it."""
    reason = next(iter(_NEEDED[kind](setup, around, key)), None) if kind in _NEEDED else None
    if reason is not None:
        raise needed(reason)


def needed(why: Wrong) -> Conflict:
    return Conflict(str(why), reason="needed", why=why.as_json())


def _queue_needed(setup: Setup, around: Around, key: str) -> Iterator[Wrong]:
    if key == around.fallback_queue:
        yield wrong("is_fallback", name=key)
    yield from (
        wrong("overflows_here", name=one.name, to=key) for one in setup.queues.values() if one.overflow_to == key
    )
    yield from (
        wrong("flow_leads_here", name=flow.name, to=key) for flow in around.flows.values() if key in queues_named(flow)
    )


def _skill_needed(setup: Setup, around: Around, key: str) -> Iterator[Wrong]:
    for flow in around.flows.values():
        for node in flow.nodes.values():
            if isinstance(node, QueueNode) and key in {
                *node.skills,
                *(s for more in node.language_skills.values() for s in more),
            }:
                yield wrong("flow_asks_skill", name=flow.name, to=key)


def _agent_needed(setup: Setup, around: Around, key: str) -> Iterator[Wrong]:
    yield from (
        wrong("user_takes_calls", name=u.login, to=key) for u in setup.users.values() if u.agent_id == key and u.active
    )


def _user_needed(setup: Setup, around: Around, key: str) -> Iterator[Wrong]:
    yield wrong("users_stay")


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
