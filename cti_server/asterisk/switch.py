"""ports.Switch on AMI: wishes go out as actions, events come in as SwitchEvents.

down → (login, FullyBooted) → resyncing: events are kept → up: kept events, LinkUp, then events as they come
up → LinkDown → down. A subscriber hears LinkDown once for each LinkUp.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Mapping

import structlog
from asterisk.ami.action import Action, SimpleAction

from cti_server.asterisk.ami.link import Link
from cti_server.asterisk.ami.wire import Message
from cti_server.asterisk.inventory import lacking
from cti_server.asterisk.resync import merge, phones
from cti_server.asterisk.translate import Translator
from cti_server.clock import Clock
from cti_server.config import AmiSettings
from cti_server.domain.ids import ChannelRef, Micros
from cti_server.errors import InvalidValue, SwitchRefused
from cti_server.ports import WAKE_DIGIT, Lacking, LinkDown, LinkUp, SwitchEvent, SwitchSnapshot, SwitchSubscriber

log = structlog.get_logger(__name__)

_CHANNEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:;@+*#/-]{0,149}")
_TARGET = re.compile(r"(PJSIP|Local)/[A-Za-z0-9+][A-Za-z0-9_.:@+*#/-]{0,199}")
_EXTENSION = re.compile(r"[A-Za-z0-9_.+*#-]{1,79}")
_CALLER = re.compile(r"([\w .+-]{1,60} )?<?[0-9A-Za-z+*#._-]{0,40}>?")
_KEY = re.compile(r"[0-9A-D*#]")
_UNHEARD_DIGIT = "C"
_VERSION = re.compile(r"\d+(\.\d+)*")


class AmiSwitch:
    """`async with AmiSwitch(...)`: keeps the link inside, closed after. Methods as ports.Switch says."""

    def __init__(self, settings: AmiSettings, node: str, clock: Clock) -> None:
        self.node = node
        self._clock = clock
        self._translate = Translator(node, clock)
        self._link = Link(settings, on_event=self._take, on_up=self._resync, on_down=self._down)
        self._subscribers: list[SwitchSubscriber] = []
        self._system_name = ""
        self._kept: list[tuple[str, SwitchEvent]] | None = []
        """Events since login, each with the system name it bore; None once the link is up."""
        self._lost_at: Micros | None = None
        self._started = ""
        """When Asterisk says it started, in its own words; a change means its channels are gone."""
        self._fallback_lock = asyncio.Lock()

    async def __aenter__(self) -> AmiSwitch:
        await self._link.__aenter__()
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self._link.__aexit__(*failure)

    @property
    def linked(self) -> bool:
        return self._kept is None

    @property
    def trouble(self) -> str:
        """Why there is no link, in words for a person; '' while there is one."""
        return self._link.trouble

    def subscribe(self, subscriber: SwitchSubscriber) -> Callable[[], None]:
        self._subscribers.append(subscriber)

        def undo() -> None:
            if subscriber in self._subscribers:
                self._subscribers.remove(subscriber)

        return undo

    # ---- wishes ------------------------------------------------------------------------------------------------

    async def wake(self, channel: ChannelRef) -> None:
        await self._send("PlayDTMF", Channel=_name(channel), Digit=WAKE_DIGIT, Receive="true")

    async def hangup(self, channel: ChannelRef, cause: int = 16) -> None:
        if not 0 <= cause <= 127:
            raise InvalidValue("a Q.850 cause is 0 to 127", field="cause")
        await self._send("Hangup", Channel=_name(channel), Cause=str(cause))

    async def blind_transfer(self, channel: ChannelRef, extension: str, context: str) -> None:
        place = {"Context": _fit(_EXTENSION, context, "context"), "Exten": _fit(_EXTENSION, extension, "extension")}
        await self._send("BlindTransfer", Channel=_name(channel), **place)

    async def attended_transfer(self, channel: ChannelRef, extension: str, context: str) -> None:
        """Atxfer would press the extension's digits one by one and stop at the first match of the dialplan, and letters
        cannot be pressed at all. Asterisk reads TRANSFER_EXTEN instead when it is set; the one digit Atxfer insists on is one
        no caller's menu listens to."""
        keys = {"Channel": _name(channel), "Context": _fit(_EXTENSION, context, "context")}
        await self.set_variable(channel, "TRANSFER_EXTEN", _fit(_EXTENSION, extension, "extension"))
        await self._send("Atxfer", **keys, Exten=_UNHEARD_DIGIT)

    async def press(self, channel: ChannelRef, keys: str) -> None:
        for key in keys:
            await self._send("PlayDTMF", Channel=_name(channel), Digit=_fit(_KEY, key, "keys"), Receive="true")

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
        """`variables` are inherited by every channel that follows (sent as `__NAME`)."""
        keys = {
            "Channel": _fit(_TARGET, target, "target"),
            "Context": _fit(_EXTENSION, context, "context"),
            "Exten": _fit(_EXTENSION, extension, "extension"),
            "Priority": "1",
            "CallerID": _fit(_CALLER, caller, "caller"),
            "Timeout": str(max(1, round(timeout * 1000))),
            "Async": "true",
        }
        if channel_id:
            keys["ChannelId"] = _fit(_CHANNEL, channel_id, "channel_id")
        inherited = {f"__{name.lstrip('_')}": value for name, value in variables.items()}
        await self._link.send(Action("Originate", keys, inherited))

    async def redirect(self, channel: ChannelRef, extension: str, context: str) -> None:
        place = {"Context": _fit(_EXTENSION, context, "context"), "Exten": _fit(_EXTENSION, extension, "extension")}
        await self._send("Redirect", Channel=_name(channel), **place, Priority="1")

    async def set_variable(self, channel: ChannelRef, name: str, value: str) -> None:
        await self._send("Setvar", Channel=_name(channel), Variable=name, Value=value)

    async def sound_from(self, channel: ChannelRef) -> int:
        answer = await self._send("Getvar", Channel=_name(channel), Variable="CHANNEL(rtcp,rxcount)")
        return int(answer.get("Value") or 0)

    async def sync_fallback(self, members: Mapping[str, frozenset[str]]) -> None:
        """One difference after the other; a queue Asterisk does not know is logged, then raised as SwitchRefused after the
        others are in step. Members written in queues.conf cannot be removed over AMI and stay."""
        async with self._fallback_lock:
            refused: list[str] = []
            present, fixed = await self._fallback_members()
            for queue, wanted in members.items():
                _fit(_EXTENSION, queue, "queue")
                interfaces = {f"PJSIP/{_fit(_EXTENSION, endpoint, 'endpoint')}" for endpoint in wanted}
                have = present.get(queue, set())
                for interface in sorted(interfaces - have - fixed.get(queue, set())):
                    await self._member("QueueAdd", queue, interface, refused)
                for interface in sorted(have - interfaces):
                    await self._member("QueueRemove", queue, interface, refused)
        if refused:
            raise SwitchRefused("the fallback queues are not all in step: " + "; ".join(refused))

    async def snapshot(self) -> SwitchSnapshot:
        channels = await self._link.gather(SimpleAction("CoreShowChannels"))
        reachable, busy = phones(await self._link.gather(SimpleAction("DeviceStateList")))
        return SwitchSnapshot(tuple(map(self._translate.live_channel, channels)), reachable, busy)

    async def lacking(self, endpoints: Iterable[str], queues: Iterable[str]) -> Lacking:
        return await lacking(self._value, endpoints, queues)

    async def _value(self, expression: str) -> str:
        try:
            return (await self._send("Getvar", Variable=expression)).get("Value")
        except SwitchRefused:  # the module with this function is not loaded
            return ""

    # ---- what comes in -----------------------------------------------------------------------------------------

    def _take(self, message: Message) -> None:
        """Before the link is up the system's name is not known yet: events are kept with the name they bear."""
        name = message.get("SystemName")
        if self._kept is None and not self._genuine(name):
            return
        for event in self._translate(message):
            if self._kept is None:
                self._emit(event)
            else:
                self._kept.append((name, event))

    def _genuine(self, name: str) -> bool:
        """A caller can write line ends, so a whole event, into his number; he cannot know the system's name (ADR 0017)."""
        if name == self._system_name:
            return True
        log.warning("ami_event_not_genuine", names_itself=name[:40])
        return False

    async def _resync(self) -> None:
        about = await self._send("CoreSettings")
        status = await self._send("CoreStatus")
        started = f"{status.get('CoreStartupDate')} {status.get('CoreStartupTime')}"
        lists = await self.snapshot()
        self._system_name = about.get("SystemName")
        self._check_name(self._system_name)
        version = _VERSION.match(about.get("AsteriskVersion"))
        # From here to the end nothing awaits, so no event can come between the kept ones and LinkUp.
        kept = [event for name, event in self._kept or () if self._genuine(name)]
        self._kept = None
        for event in kept:
            self._emit(event)
        up = LinkUp(
            at=self._clock.now(),
            node=self.node,
            version=version[0] if version else "",
            snapshot=merge(lists, kept),
            lost_at=self._lost_at,
            restarted=bool(self._started) and started != self._started,
        )
        self._started = started
        self._emit(up)

    def _down(self) -> None:
        was_up, self._kept = self._kept is None, []
        self._translate.forget()
        if was_up:
            self._lost_at = self._clock.now()
            self._emit(LinkDown(at=self._lost_at, node=self.node))

    def _emit(self, event: SwitchEvent) -> None:
        for subscriber in tuple(self._subscribers):
            try:
                subscriber(event)
            except Exception:
                log.exception("subscriber_failed", kind=type(event).__name__)

    def _check_name(self, system_name: str) -> None:
        if system_name != self.node and not system_name.startswith(f"{self.node}-"):
            log.warning("system_name_differs", asterisk=system_name, ours=self.node, mend="CTI_CALLS__NODE")

    # ---- helpers -----------------------------------------------------------------------------------------------

    async def _send(self, name: str, **keys: str) -> Message:
        return await self._link.send(Action(name, keys))

    async def _fallback_members(self) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
        """Queue → interfaces: those added over AMI, and those fixed in queues.conf."""
        dynamic: dict[str, set[str]] = {}
        fixed: dict[str, set[str]] = {}
        for item in await self._link.gather(SimpleAction("QueueStatus")):
            if item.name == "QueueMember":
                kind = dynamic if item.get("Membership") == "dynamic" else fixed
                kind.setdefault(item.get("Queue"), set()).add(item.get("Location"))
        return dynamic, fixed

    async def _member(self, action: str, queue: str, interface: str, refused: list[str]) -> None:
        try:
            await self._send(action, Queue=queue, Interface=interface)
        except SwitchRefused as error:
            log.warning("fallback_refused", action=action, queue=queue, interface=interface, why=str(error))
            refused.append(f"{action} {interface} in {queue}: {error}")


def _name(channel: ChannelRef) -> str:
    """Asterisk finds a channel by uniqueid too, and that survives the renaming a transfer does."""
    return _fit(_CHANNEL, channel.uniqueid or channel.name, "channel")


def _fit(pattern: re.Pattern[str], value: str, field: str) -> str:
    if not pattern.fullmatch(value):
        # The value itself may be a phone number, so it is not repeated in an error that may be logged.
        raise InvalidValue(f"{field}: empty, too long, or with a character not allowed towards Asterisk", field=field)
    return value
