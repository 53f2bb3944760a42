"""Caller, agents and our AMI link on a real Asterisk, without the rest of the server."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from pydantic import SecretStr

from cti_server.asterisk.switch import AmiSwitch
from cti_server.config import AmiSettings
from cti_server.domain.ids import ChannelRef
from cti_server.errors import SwitchRefused
from cti_server.lab.asterisk import AsteriskInstance
from cti_server.lab.phones import AgentPhone, Behaviour, PhoneBank
from cti_server.lab.sipp import SippCaller
from cti_server.ports import (
    PhoneBusy,
    PhoneReachability,
    SwitchEvent,
)

TRANSCRIPTS = Path(__file__).parents[1] / "asterisk" / "ami_transcripts"
CALL = "018f0000-0000-7000-8000-00000000c001"
CONSULT = "018f0000-0000-7000-8000-00000000c002"
E = TypeVar("E", bound=SwitchEvent)


def ami(asterisk: AsteriskInstance, **changes: object) -> AmiSettings:
    settings = AmiSettings(port=asterisk.ports.ami, username=asterisk.user, password=SecretStr(asterisk.secret))
    return settings.model_copy(update=changes)


class Agi:
    """One AGI session of the dialplan; `say` sends a command and returns the answer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.variables: dict[str, str] = {}

    async def say(self, command: str) -> str:
        self.writer.write(f"{command}\n".encode())
        while (line := (await self.reader.readline()).decode().strip()) == "HANGUP":
            pass
        return line

    @property
    def channel(self) -> ChannelRef:
        return ChannelRef("asterisk", self.variables["agi_uniqueid"], self.variables["agi_channel"])


class Stage:
    """A real Asterisk, our link to it, a carrier that calls, phones, and every event in order."""

    def __init__(self, asterisk: AsteriskInstance, switch: AmiSwitch, bank: PhoneBank) -> None:
        self.asterisk, self.switch, self.bank = asterisk, switch, bank
        self.events: list[SwitchEvent] = []
        self.raw: list[bytes] = []
        self.tasks: list[asyncio.Task[object]] = []
        self._seen = 0
        self._news = asyncio.Event()
        self._sessions: asyncio.Queue[Agi] = asyncio.Queue()
        self._open: list[Agi] = []

    def take(self, event: SwitchEvent) -> None:
        self.events.append(event)
        self._news.set()

    async def wait(self, kind: type[E], endpoint: str | None = None) -> E:
        """The next event of that kind (and endpoint) after the one waited for before."""
        async with asyncio.timeout(15):
            while True:
                while self._seen < len(self.events):
                    event = self.events[self._seen]
                    self._seen += 1
                    if isinstance(event, kind) and endpoint in (None, getattr(event, "endpoint", None)):
                        return event
                self._news.clear()
                await self._news.wait()

    async def wait_busy(self, endpoint: str, busy: bool) -> None:
        while (await self.wait(PhoneBusy, endpoint)).busy is not busy:
            pass

    async def phone(self, agent: str, behaviour: Behaviour | None = None) -> AgentPhone:
        phone = await self.bank.phone(agent, self.asterisk.password(agent), behaviour)
        await self.wait(PhoneReachability, agent)
        return phone

    async def served(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        agi = Agi(reader, writer)
        while line := (await reader.readline()).decode().strip():
            key, _, value = line.partition(": ")
            agi.variables[key] = value
        self._open.append(agi)
        self._sessions.put_nowait(agi)

    async def session(self) -> Agi:
        async with asyncio.timeout(15):
            return await self._sessions.get()

    async def caller(self, script: str = "wait 60") -> Agi:
        """A caller rings in, is answered and carries a call id."""
        sipp = SippCaller(self.asterisk.ports.sip)
        self.tasks.append(asyncio.create_task(sipp.call("95598", caller="13900000001", script=script, wait=60)))
        agi = await self.session()
        await agi.say("ANSWER")
        await agi.say(f"SET VARIABLE __CTI_CALL_ID {CALL}")
        return agi

    async def dial(self, agi: Agi, agent: str, options: str = "g") -> asyncio.Task[str]:
        task = asyncio.create_task(agi.say(f"EXEC Dial PJSIP/{agent},20,{options}"))
        self.tasks.append(task)
        return task

    async def close(self) -> None:
        for live in (await self.switch.snapshot()).channels:
            with suppress(SwitchRefused):  # gone by itself
                await self.switch.hangup(live.channel)
        for agi in self._open:
            agi.writer.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
