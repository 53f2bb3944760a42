"""A caller's line and a switch that behave as Asterisk does (tests/real runs the same stories on the real one).

The fake line takes time: a sound lasts SOUND seconds, keys arrive when the caller presses them, a phone rings and is
answered by plan. Keys pressed between two commands are lost, as in Asterisk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cti_server.clock import Clock
from cti_server.domain.ids import ChannelRef
from cti_server.errors import LineGone, SpeechUnavailable, SwitchUnavailable
from cti_server.ports import (
    CALLER_KEYS,
    WAKE_DIGIT,
    ChannelAnswered,
    ChannelEnded,
    ChannelRinging,
    DialResult,
    Lacking,
    LineInfo,
    RecordResult,
    SwitchEvent,
    SwitchSnapshot,
    SwitchSubscriber,
)

SOUND = 1.0
TINY = 1e-6


@dataclass
class Phone:
    """How an agent's phone behaves: rings, then answers after `answers` seconds (None = never) or refuses."""

    answers: float | None = 1.0
    refuses: bool = False
    talks: float = 30.0
    """Seconds until the agent hangs up."""


@dataclass
class FakeSwitch:
    clock: Clock
    node: str = "asterisk"
    linked: bool = True
    lines: dict[tuple[str, str], FakeLine] = field(default_factory=dict)
    phones: dict[str, Phone] = field(default_factory=dict)
    wishes: list[tuple[str, ...]] = field(default_factory=list)
    _subscribers: list[SwitchSubscriber] = field(default_factory=list)

    def subscribe(self, subscriber: SwitchSubscriber) -> Callable[[], None]:
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber)

    def tell(self, event: SwitchEvent) -> None:
        for subscriber in tuple(self._subscribers):
            subscriber(event)

    async def wake(self, channel: ChannelRef) -> None:
        if not self.linked:
            raise SwitchUnavailable("no link")
        if channel.key in self.lines:
            self.lines[channel.key].press(WAKE_DIGIT)

    async def hangup(self, channel: ChannelRef, cause: int = 16) -> None:
        self.wishes.append(("hangup", channel.uniqueid))

    async def blind_transfer(self, channel: ChannelRef, extension: str, context: str) -> None:
        self.wishes.append(("blind_transfer", channel.uniqueid, extension, context))

    async def press(self, channel: ChannelRef, keys: str) -> None:
        self.wishes.append(("press", channel.uniqueid, keys))

    async def attended_transfer(self, channel: ChannelRef, extension: str, context: str) -> None:
        self.wishes.append(("attended_transfer", channel.uniqueid, extension, context))

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
        self.wishes.append(("originate", target, context, channel_id))

    async def redirect(self, channel: ChannelRef, extension: str, context: str) -> None:
        self.wishes.append(("redirect", channel.uniqueid, extension, context))

    async def set_variable(self, channel: ChannelRef, name: str, value: str) -> None:
        self.wishes.append(("set", name, value))

    async def sound_from(self, channel: ChannelRef) -> int:
        return 0

    async def sync_fallback(self, members: Mapping[str, frozenset[str]]) -> None:
        self.wishes.append(("fallback", *sorted(members)))

    async def lacking(self, endpoints: Iterable[str], queues: Iterable[str]) -> Lacking:
        if not self.linked:
            raise SwitchUnavailable("no link")
        return Lacking(frozenset(endpoints) - self.phones.keys(), frozenset())

    async def snapshot(self) -> SwitchSnapshot:
        return SwitchSnapshot((), frozenset(self.phones))


class FakeLine:
    """`caller` is a plan: {seconds: keys}; `hangs_up` when he gives up (None = stays)."""

    def __init__(
        self,
        switch: FakeSwitch,
        info: LineInfo,
        caller: Mapping[float, str] | None = None,
        hangs_up: float | None = None,
    ) -> None:
        self.info = info
        self.heard: list[str] = []
        self.variables: dict[str, str] = dict(info.variables)
        self.left: bool | None = None
        self.answered = False
        self._switch = switch
        self._gone = asyncio.Event()
        self._listener: asyncio.Future[str] | None = None
        switch.lines[info.channel.key] = self
        loop = asyncio.get_running_loop()
        for at, keys in (caller or {}).items():
            for place, key in enumerate(keys):
                loop.call_later(at + place * 0.2, self.press, key)
        if hangs_up is not None:
            loop.call_later(hangs_up, self.hang_up)

    # -- what the caller does ------------------------------------------------------------------------------------

    def press(self, key: str) -> None:
        if self._listener is not None and not self._listener.done():
            self._listener.set_result(key)

    def lose(self) -> None:
        """The connection ends and nobody says why."""
        self._gone.set()

    def hang_up(self) -> None:
        if self._gone.is_set():
            return
        self._gone.set()
        now = self._switch.clock.now()
        call_id = self.variables.get("CTI_CALL_ID")
        self._switch.tell(
            ChannelEnded(at=now, node=self._switch.node, channel=self.info.channel, call_id=call_id, cause=16)  # type: ignore[arg-type]
        )

    # -- ports.Line ------------------------------------------------------------------------------------------------

    async def answer(self) -> None:
        self._check()
        self.answered = True

    async def play(self, sounds: Sequence[str], stop_on: str = CALLER_KEYS + WAKE_DIGIT) -> str:
        for sound in sounds:
            self.heard.append(sound)
            key = await self._listen(SOUND, stop_on)
            if key:
                return key
        return ""

    async def wait_key(self, timeout: float) -> str:
        return await self._listen(timeout, CALLER_KEYS + WAKE_DIGIT)

    async def music(self, on: bool, music_class: str = "default") -> None:
        self._check()

    async def record(
        self, path: str, *, limit: float, silence: float, beep: bool = True, stop_on: str = "#"
    ) -> RecordResult:
        started = asyncio.get_running_loop().time()
        try:
            key = await self._listen(limit, stop_on)
        except LineGone:
            return RecordResult("hangup", "", self._millis(started))
        return RecordResult("key" if key else "timeout", key, self._millis(started))

    async def dial(
        self, target: str, *, timeout: float, music_class: str = "default", as_caller: str = ""
    ) -> DialResult:
        self._check()
        endpoint = target.removeprefix("PJSIP/")
        phone = self._switch.phones.get(endpoint)
        if phone is None:
            return DialResult("CHANUNAVAIL")
        leg = ChannelRef(self._switch.node, f"leg-{endpoint}", f"PJSIP/{endpoint}-1")
        self._tell(ChannelRinging, leg, endpoint)
        if phone.refuses:
            return DialResult("BUSY")
        if phone.answers is None or phone.answers > timeout:
            await self._sleep(timeout)
            return DialResult("NOANSWER")
        await self._sleep(phone.answers)
        answered_at = self._switch.clock.now()
        self._tell(ChannelAnswered, leg, endpoint)
        await self._sleep(phone.talks)
        return DialResult("ANSWER", answered_at)

    async def set_variables(self, variables: Mapping[str, str]) -> None:
        self._check()
        self.variables.update(variables)

    async def get_variable(self, name: str) -> str:
        return self.variables.get(name, "")

    async def hangup(self) -> None:
        self.hang_up()

    async def leave(self, *, done: bool) -> None:
        self._check()
        self.left = done
        if done:
            self.hang_up()

    # -- inside ----------------------------------------------------------------------------------------------------

    def _check(self) -> None:
        if self._gone.is_set():
            raise LineGone("the caller has hung up")

    async def _sleep(self, seconds: float) -> None:
        """As long as nobody hangs up."""
        try:
            async with asyncio.timeout(seconds):
                await self._gone.wait()
        except TimeoutError:
            return
        raise LineGone("the caller has hung up")

    async def _listen(self, seconds: float, stop_on: str) -> str:
        """The first key of `stop_on` within `seconds`."""
        deadline = asyncio.get_running_loop().time() + seconds
        while (left := deadline - asyncio.get_running_loop().time()) > TINY:
            self._check()
            self._listener = asyncio.get_running_loop().create_future()
            gone = asyncio.create_task(self._gone.wait())
            either: set[asyncio.Future[Any]] = {self._listener, gone}
            await asyncio.wait(either, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            gone.cancel()
            self._check()
            if self._listener.done() and self._listener.result() in stop_on:
                return self._listener.result()
        return ""

    def _millis(self, started: float) -> int:
        return round((asyncio.get_running_loop().time() - started) * 1000)

    def _tell(self, kind: type[ChannelRinging] | type[ChannelAnswered], leg: ChannelRef, endpoint: str) -> None:
        call_id = self.variables.get("CTI_CALL_ID")
        self._switch.tell(
            kind(at=self._switch.clock.now(), node=leg.node, channel=leg, call_id=call_id, endpoint=endpoint)  # type: ignore[arg-type]
        )


class FakeSpeaker:
    """Every text is its own sound; texts in `missing` cannot be had."""

    def __init__(self) -> None:
        self.missing: set[str] = set()

    def ready(self, text: str, language: str) -> str | None:
        return None if text in self.missing else text

    async def sound(self, text: str, language: str, *, within: float | None = None) -> str:
        if text in self.missing:
            raise SpeechUnavailable("no voice")
        return text

    async def prune(self) -> int:
        return 0
