"""What the services need from outside, as Protocols. Adapters in asterisk/, storage/ and speech/ satisfy them.

Line       one caller's live channel, driven step by step (FastAGI)
Switch     wishes to Asterisk and what it tells us (AMI)
Speaker    text → sound file
Recogniser sound file → text
Store      everything kept
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from cti_server.domain.facts import Recorded
from cti_server.domain.ids import AgentId, CallId, ChannelRef, Micros

# ---- the caller's line (FastAGI) -----------------------------------------------------------------------------

WAKE_DIGIT = "D"
"""The DTMF digit no phone key sends; the server plays it to a channel to end what the channel waits for."""
CALLER_KEYS = "0123456789*#"
ANSWERED_AT = "CTI_ANSWERED_AT"
"""Variable of the caller's channel: when the last Dial was answered, milliseconds UTC."""


@dataclass(frozen=True, slots=True)
class LineInfo:
    """What a channel says of itself when it comes to us. Values are cleaned: printable, no CR/LF, ≤ 80 characters."""

    channel: ChannelRef
    caller: str
    """Caller number as sent, '' when withheld."""
    caller_name: str
    did: str
    """Dialled number (DNID, else the dialplan extension)."""
    script: str
    """Path of the AGI address: `call` (new or resumed caller), `transfer` (sent to `argument`), `internal` (an agent dialled)."""
    arguments: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    """The ticket the channel carries: CTI_CALL_ID, CTI_TICKET … when it was with us before."""
    endpoint: str = ""
    """Of the phone this channel is, `1001`; '' when it is no phone's."""


DialStatus = Literal["ANSWER", "NOANSWER", "BUSY", "CANCEL", "CONGESTION", "CHANUNAVAIL", "UNKNOWN"]


@dataclass(frozen=True, slots=True)
class DialResult:
    """How `Dial` ended. `answered_at` is when the other side answered by Asterisk's clock, 0 when it did not or is not known."""

    status: DialStatus
    answered_at: Micros = 0
    transferred: bool = False
    """True when the caller is being sent elsewhere by the switch: leave the line at once, another session takes over."""


@dataclass(frozen=True, slots=True)
class RecordResult:
    ended_by: Literal["key", "silence", "timeout", "hangup"]
    key: str
    millis: int


class Line(Protocol):
    """One caller's channel. Every method raises LineGone once the caller has hung up or the channel left us.

    Keys come back as one character of `CALLER_KEYS`; WAKE_DIGIT comes back as 'D'. '' = nothing pressed.
    """

    info: LineInfo

    async def answer(self) -> None: ...
    async def play(self, sounds: Sequence[str], stop_on: str = CALLER_KEYS + WAKE_DIGIT) -> str:
        """Play sound files (paths without extension) one after the other; a key in `stop_on` ends it and is returned."""
        ...

    async def wait_key(self, timeout: float) -> str:
        """Wait at most `timeout` seconds for a key, without sound other than music when on."""
        ...

    async def music(self, on: bool, music_class: str = "default") -> None: ...
    async def record(
        self, path: str, *, limit: float, silence: float, beep: bool = True, stop_on: str = "#"
    ) -> RecordResult:
        """Record to `path` (absolute on the switch, without extension, WAV 8 kHz)."""
        ...

    async def dial(
        self, target: str, *, timeout: float, music_class: str = "default", as_caller: str = ""
    ) -> DialResult:
        """Ring a dial string (`PJSIP/1001`) and stay until that talk is over. The caller hears music while it rings. With
        `as_caller` the line is an agent's who calls out: that number is shown, he hears it ring, and he may send on whom he
        called.

        LineGone has `answered_at` among its details when the switch still said whether he had talked."""
        ...

    async def set_variables(self, variables: Mapping[str, str]) -> None:
        """Channel variables, inherited by channels this one makes (`__NAME`)."""
        ...

    async def get_variable(self, name: str) -> str:
        """'' when unset."""
        ...

    async def hangup(self) -> None: ...
    async def leave(self, *, done: bool) -> None:
        """End our session with the channel still up. `done=True`: the dialplan hangs up after us; else it goes on."""
        ...


CallHandler = Callable[[Line], Awaitable[None]]
"""Called once per AGI session, in a task of its own. Whatever it raises, the session is closed and logged."""


# ---- the switch (AMI) ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchEvent:
    """What Asterisk told us, in our words. `at` is Asterisk's own timestamp in micros UTC where it gave one."""

    at: Micros
    node: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelEvent(SwitchEvent):
    channel: ChannelRef
    call_id: CallId | None = None
    """From the channel variable CTI_CALL_ID; agents' legs inherit it."""
    endpoint: str = ""
    """`1001` of `PJSIP/1001-0000002a`, '' when the channel is no phone's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelUp(ChannelEvent):
    """A channel was created."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRinging(ChannelEvent):
    """The phone of this channel rings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelAnswered(ChannelEvent):
    """Dial reached this phone: `channel` is the phone's leg; `caller` the leg that dialled, when known."""

    caller: ChannelRef | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelBridged(ChannelEvent):
    bridge: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelUnbridged(ChannelEvent):
    bridge: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelHeld(ChannelEvent):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelUnheld(ChannelEvent):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelEnded(ChannelEvent):
    """Hung up; `cause` is Q.850, `requested_by_us` when an action of ours or the dialplan's did it (tech_cause unknown)."""

    cause: int = 0
    cause_text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferDone(ChannelEvent):
    """`channel` is the transferee (the caller). For attended, `target` is the leg of the new partner (or the consult
    channel when it still sits in an application) and `consult_call_id` that leg's CTI_CALL_ID."""

    how: Literal["blind", "attended", "joined"]
    by: str
    """Endpoint of the transferer, e.g. `1001`."""
    extension: str = ""
    target: ChannelRef | None = None
    target_endpoint: str = ""
    consult_call_id: CallId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpyStarted(ChannelEvent):
    """`channel` listens to another one from now on (ChanSpy)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneReachability(SwitchEvent):
    endpoint: str
    reachable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneBusy(SwitchEvent):
    """Device state: the phone is in use by something (a call of ours or a private one)."""

    endpoint: str
    busy: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkUp(SwitchEvent):
    """AMI is logged in, fully booted and resynced; `snapshot` is the state merged with events since login."""

    version: str
    snapshot: SwitchSnapshot
    lost_at: Micros | None = None
    """When the link before this one was lost; None at the first link."""
    restarted: bool = False
    """True when Asterisk itself started anew since the last link (its channels are gone)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkDown(SwitchEvent):
    pass


@dataclass(frozen=True, slots=True)
class LiveChannel:
    channel: ChannelRef
    call_id: CallId | None
    endpoint: str
    state: str
    """`down ringing up unknown …` (tables.CHANNEL_STATE)."""
    bridge: str
    application: str
    seconds: int


@dataclass(frozen=True, slots=True)
class SwitchSnapshot:
    channels: tuple[LiveChannel, ...]
    reachable: frozenset[str]
    """Endpoints with a live contact."""
    busy: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Lacking:
    """What was asked for and is not set up on the switch."""

    endpoints: frozenset[str] = frozenset()
    queues: frozenset[str] = frozenset()
    """Of app_queue, by their names there."""


SwitchSubscriber = Callable[[SwitchEvent], None]


class Switch(Protocol):
    """Wishes. Each raises SwitchUnavailable when the link is away and SwitchRefused when Asterisk says no."""

    node: str

    @property
    def linked(self) -> bool: ...
    def subscribe(self, subscriber: SwitchSubscriber) -> Callable[[], None]: ...
    async def wake(self, channel: ChannelRef) -> None:
        """End what the channel waits for, at once (PlayDTMF WAKE_DIGIT, Receive)."""
        ...

    async def hangup(self, channel: ChannelRef, cause: int = 16) -> None: ...
    async def blind_transfer(self, channel: ChannelRef, extension: str, context: str) -> None:
        """Transfer the partner of `channel` (the agent's leg) to an extension."""
        ...

    async def attended_transfer(self, channel: ChannelRef, extension: str, context: str) -> None:
        """Start a consultation from the agent's leg; hanging the agent's leg up completes it."""
        ...

    async def press(self, channel: ChannelRef, keys: str) -> None:
        """As if these keys had been pressed at `channel`'s phone; features.conf gives some of them a meaning."""
        ...

    async def originate(
        self,
        target: str,
        *,
        context: str,
        extension: str,
        caller: str,
        variables: Mapping[str, str],
        timeout: float,
        channel_id: str = "",
    ) -> None:
        """Ring `target`; on answer it runs context,extension. Returns when Asterisk accepted the wish, not when answered."""
        ...

    async def redirect(self, channel: ChannelRef, extension: str, context: str) -> None:
        """Let a channel that is in no bridge go on elsewhere in the dialplan."""
        ...

    async def set_variable(self, channel: ChannelRef, name: str, value: str) -> None: ...
    async def sound_from(self, channel: ChannelRef) -> int:
        """RTP packets that phone has sent so far: 50 a second while it is there, mute or not."""
        ...

    async def sync_fallback(self, members: Mapping[str, frozenset[str]]) -> None:
        """Keep the app_queue safety net in step: fallback queue → endpoints that should be its members."""
        ...

    async def snapshot(self) -> SwitchSnapshot: ...
    async def lacking(self, endpoints: Iterable[str], queues: Iterable[str]) -> Lacking:
        """Which of these it does not have. What it cannot tell it is taken to have."""
        ...


# ---- speech ----------------------------------------------------------------------------------------------------


class Speaker(Protocol):
    """Text to a sound file. Cached by content: the same text, voice and rate are rendered once."""

    async def sound(self, text: str, language: str, *, within: float | None = None) -> str:
        """Path without extension, as Asterisk sees it (or its http address). Raises SpeechUnavailable when it cannot be
        had in `within` seconds (None = as long as it takes)."""
        ...

    def ready(self, text: str, language: str) -> str | None:
        """The same path if it is cached or recorded now, else None. Never renders, never blocks."""
        ...

    async def prune(self) -> int:
        """Delete cached prompts beyond the most kept, never one in use; how many. Raises SpeechUnavailable."""
        ...


class Recogniser(Protocol):
    async def recognise(self, path: str, language: str, phrases: Sequence[str] = ()) -> str: ...


# ---- lookups of flows --------------------------------------------------------------------------------------------


class LookupAdapter(Protocol):
    """One source of facts for IVR flows. Returns plain values (str, int, bool, None, lists and dicts of them)."""

    async def lookup(self, query: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """{} = nothing found. Raises LookupUnavailable when the source cannot answer."""
        ...


# ---- storage -----------------------------------------------------------------------------------------------------


class FactStore(Protocol):
    """The journal's table. `append` is idempotent: a fact already stored (server, id) is skipped."""

    async def append(self, facts: Sequence[Recorded]) -> None:
        """One transaction: facts and the call records and visits they change. Raises StorageUnavailable."""
        ...

    async def last_id(self, server: str) -> int: ...
    async def after(self, last_id: int, *, limit: int) -> list[Recorded]:
        """Facts with a greater id, oldest first."""
        ...

    async def of_call(self, call_id: CallId) -> list[Recorded]: ...
    async def open_calls(self) -> list[CallId]:
        """Calls whose end is not stored."""
        ...

    async def of_agent(self, agent_id: AgentId, since: Micros, until: Micros) -> list[Recorded]: ...


class Spill(Protocol):
    """Where facts wait while the database is away. Blocking, one call at a time, from a worker thread; raises OSError."""

    def open(self) -> int:
        """Make it ready after a crash; the largest fact id in it, 0 when empty."""
        ...

    @property
    def empty(self) -> bool: ...
    def append(self, facts: Sequence[Recorded]) -> None:
        """Keep all of them, safe from a power cut, or none and raise."""
        ...

    def peek(self, limit: int) -> list[Recorded]:
        """The oldest facts not consumed."""
        ...

    def consume(self, count: int) -> None:
        """The first `count` facts of the last `peek` are stored."""
        ...

    def reject(self, recorded: Recorded) -> None:
        """Put aside a fact no database can hold."""
        ...
