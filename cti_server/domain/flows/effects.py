"""What a flow asks of the world. The interpreter yields an effect and is sent its result; it does nothing itself.

    say, ask, record          → the caller's line
    lookup, create            → adapters and storage
    enqueue, transfer         → the ACD and the switch
    emit, checkpoint, now     → timeline, channel ticket, clock

`words` are pieces of text in the current language, spoken one after the other without a pause; static pieces are
recorded ahead, numbers, dates and amounts come as cached pieces (domain/aloud.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from cti_server.domain.facts import Fact
from cti_server.domain.ids import AgentId, Micros, QueueName

Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Effect:
    """Base of all effects; each docstring says what is sent back."""


@dataclass(frozen=True, slots=True)
class Say(Effect):
    """Speak; a key pressed meanwhile stops the speech and stays in the type-ahead for the next Ask. Sends back None."""

    words: Words


@dataclass(frozen=True, slots=True)
class Ask(Effect):
    """Speak `words`, then wait for keys; barge-in and type-ahead work. Sends back an Answer.

    Ends at `most` keys, at a key in `stop_keys`, after `first_seconds` without any key, or `gap_seconds` after the last
    one. A menu is `most=1, stop_keys=''`. `secret` keys are never logged, recorded or kept.

    `fresh`: keys typed before this prompt are thrown away (the input before it was wrong, so what follows it in the
    type-ahead was meant for something else). `tail_seconds`: a stop key within this time after the last of `most` keys
    still belongs to this input and is dropped, so a habitual # after a full number is not taken as an answer to the next
    question.
    """

    words: Words
    most: int = 1
    stop_keys: str = ""
    first_seconds: float = 5.0
    gap_seconds: float = 3.0
    secret: bool = False
    fresh: bool = False
    tail_seconds: float = 0.0
    alone: str = ""
    """Keys that are a whole answer when nothing follows within `alone_seconds`: who pressed 1 for his own account must not
    wait in silence as long as somebody in the middle of a number."""
    alone_seconds: float = 1.4


@dataclass(frozen=True, slots=True)
class Answer:
    """`keys` without the stop key; `stop` is the stop key pressed or ''. Nothing pressed: both ''."""

    keys: str
    stop: str = ""


@dataclass(frozen=True, slots=True)
class Record(Effect):
    """Speak, beep, record until a key, silence or the limit. Sends back a Recording, or None when nothing was said."""

    words: Words
    purpose: Literal["message", "description"]
    most_seconds: float = 120.0
    silence_seconds: float = 5.0
    node: str = ""


@dataclass(frozen=True, slots=True)
class Recording:
    path: str
    """Relative to the recordings root."""
    millis: int
    stop: str = ""


@dataclass(frozen=True, slots=True)
class Lookup(Effect):
    """Ask an adapter while the caller hears that we are working on it. Sends back a Found."""

    adapter: str
    query: str
    arguments: Mapping[str, Any]
    node: str = ""
    seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class Found:
    outcome: Literal["found", "nothing", "failed"]
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Create(Effect):
    """Store a work order, message, callback request or complaint of this call. Sends back a Created or None on failure.

    `fields["node"]` is the same text when the same ticket is asked for again after a restart.
    """

    kind: Literal["order", "message", "callback", "complaint"]
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Created:
    ticket_id: str
    number: str
    """What the caller is told: digits only."""


@dataclass(frozen=True, slots=True)
class Enqueue(Effect):
    """Wait for an agent and talk. Sends back a QueueResult; never returns when the caller hangs up."""

    queue: QueueName
    priority: int = 0
    """Added to the caller's tier priority."""
    skills: tuple[tuple[str, int], ...] = ()
    preferred: AgentId | None = None


@dataclass(frozen=True, slots=True)
class QueueResult:
    outcome: Literal["answered", "callback", "timed_out", "key_exit", "refused"]
    agent_id: AgentId | None = None
    key: str = ""
    reason: str = ""
    """For refused: `full`, `closed`, `no_agents`, `unknown_queue`."""


@dataclass(frozen=True, slots=True)
class Transfer(Effect):
    """Send the caller to a number, an agent or a dialplan extension. Sends back False when it could not be reached.

    The driver records CallTransferred(how='flow'), since only it knows whether the transfer took place.
    """

    target: str
    kind: Literal["agent", "number", "extension"]


@dataclass(frozen=True, slots=True)
class SetLanguage(Effect):
    """All following words are in this language. Sends back None."""

    language: str


@dataclass(frozen=True, slots=True)
class Emit(Effect):
    """Put a fact on the timeline; the driver adds `at` and `call_id`. Sends back None."""

    kind: type[Fact]
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Checkpoint(Effect):
    """Where to resume after a restart: yielded before each node that asks something or queues. `state` is JSON, ≤ 700 bytes
    of UTF-8 written without spaces, and holds no secret. Sends back None.

    Resumed at a queue node the first effects are SetLanguage, Checkpoint and Enqueue. A driver that knows the caller already
    talked sends QueueResult('answered') to that Enqueue and the flow goes on after the talk."""

    state: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Now(Effect):
    """Sends back the time in Micros."""


@dataclass(frozen=True, slots=True)
class Hangup(Effect):
    """The flow is over; the driver ends the call. Last effect of every flow."""


@dataclass(frozen=True, slots=True)
class CallContext:
    """What a flow knows of the call at its start, as `call.*` and `customer.*` in expressions."""

    caller: str = ""
    did: str = ""
    language: str = "zh"
    customer: Mapping[str, Any] = field(default_factory=dict)
    """{} when unknown; else id, name, tier, flags, address, account, open_orders … (services/customers.py)."""
    started: Micros = 0
    time_zone: str = "Asia/Shanghai"
    """The site's, for opening hours and spoken dates."""
    always_open: bool = False
    """Calendars count as open at any time (demos)."""
    speak: str = ""
    """The words are in this language whatever the call's is: a preview shows a flow in all of its languages."""
