"""Agents' SIP phones for tests and demos: real registrations, real audio, over baresip.

`PhoneBank` holds the one SIP stack a process may have; `AgentPhone` is one extension in it, with a `Behaviour` for calls that
come in and methods for what an agent does by hand. `VanishingPhone` runs in a process of its own, so that it can be killed:
a phone that dies without a word. Started as a program (`python -m cti_server.lab.phones 1001 …`) this file is that phone.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from baresip.call import Call, CallState
from baresip.config import Account, Config
from baresip.errors import AudioNotActive, AudioRestarted, BaresipError, TransferFailed
from baresip.events import Event, StackEvent
from baresip.runtime import Runtime
from baresip.ua import UserAgent

from cti_server.errors import Conflict, Unavailable

HEADERS = ("X-CTI-Call-Id", "X-CTI-Queue", "X-CTI-Fallback", "Alert-Info")
"""Headers of a call that come in `Talk.headers`."""
FRAME_SECONDS = 0.02
KEPT_SECONDS = 10
"""How much of what a phone heard is kept."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a phone does with a call that comes in. Seconds; None = never."""

    answer_after: float | None = 0.2
    """None rings until the caller gives up."""
    refuse: bool = False
    """Answer 486 Busy Here at once."""
    hang_up_after: float | None = None
    """Counted from the answer."""
    tone: float = 620.0
    """Frequency the phone plays while it talks, Hz."""


class PhoneBank:
    """Phones of this process. One bank at a time per process: the SIP stack underneath is global."""

    def __init__(self, host: str, port: int, rtp_ports: tuple[int, int] = (45000, 45999)) -> None:
        self._at = f"{host}:{port}"
        self._rtp_ports = rtp_ports
        self._runtime = Runtime()
        self._phones: list[AgentPhone] = []

    async def __aenter__(self) -> PhoneBank:
        low, high = self._rtp_ports
        await self._runtime.start(
            Config(
                net_interface="127.0.0.1",
                max_concurrent_calls=None,
                expose_headers=HEADERS,
                native_log_level="error",
                extra_config_text=f"rtp_ports {low}-{high}\n",
            )
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        for phone in self._phones:
            await phone.close()
        await self._runtime.close()

    async def phone(self, user: str, password: str, behaviour: Behaviour | None = None) -> AgentPhone:
        """A registered phone. Raises Unavailable when the switch does not accept it."""
        account = Account(user, self._at, password, audio_codecs=("PCMU",), reg_interval=120)
        agent = await UserAgent.create(self._runtime, account)
        phone = AgentPhone(agent, self._at, behaviour or Behaviour())
        self._phones.append(phone)
        await phone.register()
        return phone


class Talk:
    """One call of a phone, from its ringing on."""

    def __init__(self, call: Call, tone: float) -> None:
        self.call = call
        self.headers: dict[str, str] = call.headers
        self.answered = asyncio.Event()
        self.ended = asyncio.Event()
        self.reason = ""
        self._tone = tone
        self._heard = np.zeros(0, dtype=np.int16)
        self._rate = 8000
        self._phase = 0
        self._sound = asyncio.Event()
        call.on(self._event)

    def _event(self, event: StackEvent) -> None:
        if event.event is Event.CALL_ESTABLISHED:
            self.answered.set()
        elif event.event is Event.CALL_CLOSED:
            self.reason = event.text or ""
            self.ended.set()

    @property
    def up(self) -> bool:
        return self.call.state is CallState.ESTABLISHED

    def hears(self, frequency: float, seconds: float = 0.5, share: float = 0.5) -> bool:
        """True when more than `share` of the last `seconds` of received sound is this tone (power; 0.5 = most of it)."""
        samples = self._heard[-int(self._rate * seconds) :].astype(np.float64)
        power = float(np.sum(samples**2))
        if len(samples) < self._rate * seconds or power / len(samples) < 100.0:
            return False
        angles = 2j * np.pi * frequency / self._rate * np.arange(len(samples))
        return float(2 * abs(np.sum(samples * np.exp(-angles))) ** 2 / len(samples)) > share * power

    async def wait_hears(self, frequency: float, timeout: float = 5.0, share: float = 0.5) -> None:
        """Raises TimeoutError when the tone is not heard in time."""
        async with asyncio.timeout(timeout):
            while not self.hears(frequency, share=share):
                await self._sound.wait()

    async def wait_bridged(self, timeout: float = 2.0) -> None:
        """Until sound of the partner comes in, at most `timeout` seconds. Asterisk refuses a REFER (400) in the first
        milliseconds after the answer, before it has joined the two legs."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while not len(self._heard):
                    await self._sound.wait()

    def forget(self) -> None:
        """Judge only what is heard from now on."""
        self._heard = self._heard[:0]

    async def run_audio(self) -> None:
        """Play the tone and listen until the call ends."""
        while not self.ended.is_set():
            with contextlib.suppress(AudioNotActive, AudioRestarted):
                self._exchange()
            await asyncio.sleep(FRAME_SECONDS)

    def _exchange(self) -> None:
        """Hand over what to play and take what was heard."""
        info = self.call.audio.info()
        self._rate = info.rx_sample_rate or self._rate
        if info.tx_ready and info.tx_buffered < info.tx_sample_rate // 5:
            self.call.audio.write(self._samples(info.tx_sample_rate))
        if info.rx_ready:
            data = self.call.audio.read(1 << 16)
            if not data:
                return
            heard = np.frombuffer(data, dtype=np.int16)
            self._heard = np.concatenate([self._heard, heard])[-KEPT_SECONDS * self._rate :]
            self._sound.set()
            self._sound.clear()

    def _samples(self, rate: int) -> bytes:
        count = int(rate * FRAME_SECONDS * 2)
        angles = 2 * np.pi * self._tone / rate * np.arange(self._phase, self._phase + count)
        self._phase += count
        return bytes((np.sin(angles) * 6000).astype(np.int16).tobytes())


class AgentPhone:
    """One registered extension. `talk` is the latest call; `behaviour` may be changed at any time."""

    def __init__(self, agent: UserAgent, at: str, behaviour: Behaviour) -> None:
        self._agent = agent
        self._at = at
        self._tasks: set[asyncio.Task[None]] = set()
        self._arrived: asyncio.Queue[Talk] = asyncio.Queue()
        self.behaviour = behaviour
        self.talks: list[Talk] = []
        agent.on_incoming(self._incoming)

    async def register(self) -> None:
        try:
            await self._agent.register()
        except BaresipError as error:
            raise Unavailable(f"the switch does not accept the phone: {error}") from error

    async def unregister(self) -> None:
        await self._agent.unregister()

    @property
    def talk(self) -> Talk:
        if not self.talks:
            raise Conflict("this phone has had no call yet")
        return self.talks[-1]

    async def rings(self, timeout: float = 10.0) -> Talk:
        """The next call that comes in. Raises TimeoutError."""
        async with asyncio.timeout(timeout):
            return await self._arrived.get()

    async def answers(self, timeout: float = 10.0) -> Talk:
        """The next call that comes in, once it is answered. Raises TimeoutError."""
        async with asyncio.timeout(timeout):
            talk = await self._arrived.get()
            await talk.answered.wait()
            return talk

    async def call(self, number: str, timeout: float = 10.0) -> Talk:
        """Dial `number` and wait for the answer. Raises Unavailable."""
        talk = self._begin(await self._agent.dial(f"sip:{number}@{self._at}"))
        try:
            await talk.call.wait_established(timeout)
        except BaresipError as error:
            raise Unavailable(f"nobody answered: {error}") from error
        return talk

    async def hang_up(self) -> None:
        await self.talk.call.hangup()

    async def hold(self) -> None:
        await self.talk.call.hold()

    async def unhold(self) -> None:
        await self.talk.call.resume()

    async def transfer(self, number: str) -> None:
        """Blind transfer of the latest call by REFER; ends that call. Raises Unavailable when refused."""
        await self.talk.wait_bridged()
        await _transferred(self.talk.call.transfer(f"sip:{number}@{self._at}"))

    async def complete_transfer(self, first: Talk, consultation: Talk) -> None:
        """Attended transfer: REFER with Replaces joins the partners of the two calls and ends both here."""
        await _transferred(first.call.attended_transfer(consultation.call))

    async def close(self) -> None:
        for talk in self.talks:
            if not talk.ended.is_set():
                with contextlib.suppress(BaresipError):
                    await talk.call.hangup()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(BaresipError):
            await self._agent.unregister(timeout=1.0)

    def _incoming(self, call: Call) -> None:
        talk = self._begin(call)
        self._arrived.put_nowait(talk)
        self._spawn(self._behave(talk, self.behaviour))

    def _begin(self, call: Call) -> Talk:
        talk = Talk(call, self.behaviour.tone)
        self.talks.append(talk)
        self._spawn(talk.run_audio())
        return talk

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _behave(self, talk: Talk, behaviour: Behaviour) -> None:
        with contextlib.suppress(BaresipError):  # the caller may be gone at any step
            if behaviour.refuse:
                await talk.call.reject()
            elif behaviour.answer_after is not None:
                await asyncio.sleep(behaviour.answer_after)
                await talk.call.answer()
                await self._leave(talk, behaviour.hang_up_after)

    async def _leave(self, talk: Talk, after: float | None) -> None:
        if after is None:
            return
        await talk.answered.wait()
        await asyncio.sleep(after)
        await talk.call.hangup()


async def _transferred(transfer: Coroutine[Any, Any, None]) -> None:
    try:
        await transfer
    except TransferFailed as error:
        # Asterisk's BYE may overtake its NOTIFY of success; a refusal leaves the call up.
        if "call closed before" not in str(error):
            raise Unavailable(str(error)) from error
    except BaresipError as error:
        raise Unavailable(f"transfer: {error}") from error


# ---- a phone in a process of its own ------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def vanishing_phone(
    host: str, port: int, user: str, password: str, behaviour: Behaviour | None = None
) -> AsyncIterator[VanishingPhone]:
    """A registered phone in its own process; killed at the end if it did not vanish before."""
    wanted = behaviour or Behaviour()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cti_server.lab.phones", user, "--at", f"{host}:{port}"),
        *("--behaviour", json.dumps({name: getattr(wanted, name) for name in Behaviour.__slots__})),
        env={**os.environ, "CTI_PHONE_PASSWORD": password},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )
    phone = VanishingPhone(process)
    try:
        await phone.says("registered")
        yield phone
    finally:
        phone.vanish()
        await process.wait()


class VanishingPhone:
    """A phone that can be killed: no BYE, no unregistering, no answer to anything."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def says(self, word: str, timeout: float = 10.0) -> None:
        """Wait until it reports `registered`, `ringing`, `answered` or `ended`. Raises Unavailable when it ends before."""
        assert self._process.stdout is not None
        async with asyncio.timeout(timeout):
            while line := await self._process.stdout.readline():
                if line.decode().strip() == word:
                    return
        raise Unavailable(f"the phone ended before it was {word}")

    def vanish(self) -> None:
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)


async def _run_phone(user: str, at: str, behaviour: Behaviour) -> None:
    host, _, port = at.rpartition(":")
    first = 46000 + os.getpid() % 900 * 10
    async with PhoneBank(host, int(port), (first, first + 9)) as bank:
        phone = await bank.phone(user, os.environ.get("CTI_PHONE_PASSWORD", ""), behaviour)
        _say("registered")
        while True:
            talk = await phone.rings(86_400.0)
            _say("ringing")
            await _first(talk.answered, talk.ended)
            _say("answered" if talk.answered.is_set() else "ended")
            await talk.ended.wait()
            _say("ended")


async def _first(*events: asyncio.Event) -> None:
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()


def _say(word: str) -> None:
    print(word, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="One agent's phone. The password is read from CTI_PHONE_PASSWORD.")
    parser.add_argument("user")
    parser.add_argument("--at", required=True, help="HOST:PORT of the switch")
    parser.add_argument("--behaviour", default="{}", help="JSON with fields of Behaviour")
    given = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run_phone(given.user, given.at, replace(Behaviour(), **json.loads(given.behaviour))))


if __name__ == "__main__":
    main()
