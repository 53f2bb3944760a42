"""A queue as an administrator sets it up: how long to ring, when skills relax, where callers overflow to.

Durations are seconds here because people write them; `micros()` turns them into domain time. 0 = off for every
`*_after_seconds`, `overflow_length` and `max_length`. Numbers are data of the service profile (service-rules.md 2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from cti_server.domain.ids import SECOND, Micros, QueueName
from cti_server.domain.wrong import Refused, wrong
from cti_server.errors import BadSettings

Skills = tuple[tuple[str, int], ...]
"""Required skills with least levels 1–10, sorted by name: the form that groups equal callers."""

NoAgents = Literal["wait", "refuse", "overflow"]


def micros(seconds: float) -> Micros:
    return round(seconds * SECOND)


def skills_key(skills: Mapping[str, int] | Skills) -> Skills:
    """The one canonical form of a requirement; levels of 0 or less ask for nothing and are left out."""
    pairs = skills.items() if isinstance(skills, Mapping) else skills
    return tuple(sorted((name, level) for name, level in pairs if level > 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Relaxation:
    """What a caller gives up after `after_seconds` of waiting in this queue."""

    after_seconds: float
    lower_by: int = 0
    """Every required level sinks by this much; at 0 the skill is no longer asked for."""
    drop: tuple[str, ...] = ()
    """Skills no longer asked for."""
    drop_preferred: bool = False
    """The caller no longer waits for the preferred agent."""

    def relaxed(self, skills: Skills) -> Skills:
        return skills_key({name: level - self.lower_by for name, level in skills if name not in self.drop})


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """Settings of one queue. Raises InvalidValue, naming the queue and what to mend."""

    name: QueueName
    title: Mapping[str, str] = field(default_factory=dict)
    """Language (`zh`, `en`) → what people call it."""
    code: str = ""
    """Extension agents dial or transfer to; '' = not dialled."""
    priority: int = 0
    """Added to each caller's tier priority; higher is served first."""
    calendar: str | None = None
    """Name of the opening hours; None = always open."""

    ring_seconds: float = 20
    wrap_up_seconds: float = 30
    """0 = none: the agent is free as soon as he hangs up."""
    wrap_up_until_done: bool = False
    """Wrap-up lasts until the agent ends it (`AgentRules.wrap_up_most` at the longest); `wrap_up_seconds` does not count."""
    disposition_required: bool = False
    """The agent cannot end his wrap-up without a disposition code. The deadline does, and the missing code is flagged."""
    preferred_seconds: float = 15
    """How long the last (preferred) agent has the caller to himself."""
    relaxations: tuple[Relaxation, ...] = ()
    agent_backoff_seconds: float = 5
    """An agent who missed or refused an offer gets no other for this long."""
    pair_backoff_seconds: float = 15
    """The same caller is not offered to that agent again for this long."""

    overflow_after_seconds: float = 0
    overflow_length: int = 0
    """A caller who finds this many waiting, and no agent for him, overflows at once."""
    overflow_to: QueueName | None = None
    max_wait_seconds: float = 0
    """After this the visit ends as timed_out."""
    max_length: int = 0
    """A queue with this many waiting refuses callers (`full`)."""
    no_agents: NoAgents = "wait"
    """What happens to callers when nobody who serves this queue is signed in."""
    callback_after_seconds: float = 0
    """When to offer a callback that keeps the place."""

    announce_first_seconds: float = 10
    announce_every_seconds: float = 30
    announce_position: bool = True
    announce_estimate: bool = True
    music_class: str = "default"
    threshold_seconds: float = 20
    """Service level: answered within this long (T of metrics.md)."""
    short_seconds: float = 5
    """A caller who leaves sooner is a short abandonment."""

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if isinstance(value, int | float) and name != "priority" and value < 0:
                raise self._wrong(name, "negative", field=name, value=value)
        for name in ("ring_seconds", "announce_every_seconds"):
            if getattr(self, name) <= 0:
                raise self._wrong(name, "not_more_than_0", field=name)
        if self.disposition_required and not (self.wrap_up_seconds or self.wrap_up_until_done):
            raise self._wrong("disposition_required", "no_wrap_up")
        if self.overflow_to is None and self.overflows:
            raise self._wrong("overflow_to", "overflow_nowhere")
        if self.overflow_to == self.name:
            raise self._wrong("overflow_to", "overflow_to_itself")

    def _wrong(self, at: str, code: str, **values: object) -> Refused:
        return Refused(wrong(code, **values), at, f"queue {self.name}: ")

    @property
    def overflows(self) -> bool:
        return bool(self.overflow_after_seconds or self.overflow_length or self.no_agents == "overflow")


def check(queues: Mapping[QueueName, Queue]) -> None:
    """Every overflow leads to a queue that exists and never round in a circle. Raises BadSettings."""
    for queue in queues.values():
        path = [queue.name]
        while (target := queues[path[-1]].overflow_to) is not None:
            if target not in queues:
                raise BadSettings(f"queue {path[-1]} overflows to {target}, which does not exist")
            if target in path:
                raise BadSettings(f"queues overflow in a circle: {' → '.join([*path, target])}")
            path.append(target)
