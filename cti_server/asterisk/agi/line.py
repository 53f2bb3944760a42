"""`ports.Line` on a real Asterisk: each step is one AGI command or a few.

Facts of Asterisk this file leans on, tried on 22.10.1: `result=-1` means a hang-up or a missing sound file, and only the hang-up
is followed by `HANGUP` before the next answer; RECORD FILE says `(timeout)` for silence too; after `HANGUP` variables can still
be read until we close. How `EXEC Dial` ended:

    agent hung up, refused, did not answer   result=0, no HANGUP
    caller hung up                           result=-1, HANGUP, CHANNEL(uniqueid) as before (or the socket is closed at once)
    blind transfer or Redirect of the caller result=0, HANGUP, CONTEXT/EXTEN/PRIORITY already those of the target
    attended transfer to an agent            nothing: the Dial goes on with the new partner
    attended transfer into a waiting session result=-1, HANGUP, CHANNEL(uniqueid) has become that of the consultation: the
                                             caller's channel now sits in the consultation's AGI session, with its variables
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import get_args

import structlog

from cti_server.asterisk.agi.session import AgiSession
from cti_server.asterisk.agi.wire import Answer
from cti_server.asterisk.tables import endpoint_of
from cti_server.domain.ids import ChannelRef, Micros
from cti_server.errors import InvalidValue, LineGone, SwitchRefused
from cti_server.ports import ANSWERED_AT, CALLER_KEYS, WAKE_DIGIT, DialResult, DialStatus, LineInfo, RecordResult

PREDIAL = "cti-predial^s^1"
"""Dialplan routine run on the agent's leg before it rings: puts our call id into the INVITE."""
ANSWERED = "cti-answered"
"""Run on the agent's leg when it answers: keeps the time on the caller's channel, where it outlives us."""
MAX_PLAY = 600.0
MAX_TALK = 12 * 3600.0
SLACK = 5.0
"""Seconds Asterisk may be late with a command that has a time limit of its own."""
TICKET = ("CTI_CALL_ID", "CTI_TICKET", "CTI_STAGE", "CTI_QUEUE", "CTI_CONSULT_ID")
MAX_VALUE = 80

_WITHHELD = frozenset({"", "unknown", "anonymous", "unavailable", "restricted", "private", "asterisk"})
_VARIABLE = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_READABLE = re.compile(r"[A-Za-z_]\w*(\([\w,:./-]*\))?", re.ASCII)
_TARGET = re.compile(r"[A-Za-z0-9]+/[\w@.:+*#/&-]+", re.ASCII)
_NUMBER = re.compile(r"[+*#0-9]{1,32}", re.ASCII)
_MUSIC_CLASS = re.compile(r"[\w-]+", re.ASCII)
_STATUS: dict[str, DialStatus] = {status: status for status in get_args(DialStatus)}

log = structlog.get_logger(__name__)


async def open_line(session: AgiSession, node: str) -> AgiLine:
    """Wait for the opening and, when the channel was with us before, fetch its ticket. Raises LineGone."""
    variables = (await session.opened).variables
    ticket: dict[str, str] = {}
    call_id = await _get(session, TICKET[0])
    if call_id:
        ticket = {TICKET[0]: call_id} | {name: await _get(session, name) for name in TICKET[1:]}
    did = variables.get("dnid", "")
    if did in _WITHHELD:
        did = await _get(session, "CTI_DID")
    context, extension, priority = (variables.get(name, "") for name in ("context", "extension", "priority"))
    return AgiLine(session, line_info(variables, node, ticket, did), (context, extension, priority))


def line_info(variables: Mapping[str, str], node: str, ticket: Mapping[str, str], did: str) -> LineInfo:
    """Read the opening variables: agi_dnid else CTI_DID else agi_extension is the dialled number."""
    value = {name: _clean(text) for name, text in variables.items()}
    return LineInfo(
        channel=ChannelRef(node, value.get("uniqueid", ""), value.get("channel", "")),
        caller=_caller(value),
        caller_name=_known(re.sub(r"\\(.)", r"\1", value.get("calleridname", ""))),
        did=_clean(did) or _dialled(value.get("extension", "")),
        script=value.get("network_script", ""),
        arguments=_arguments(value),
        endpoint=endpoint_of(value.get("channel", "")),
        variables={name: _clean(text, 1024) for name, text in ticket.items() if text},
    )


def _arguments(value: Mapping[str, str]) -> tuple[str, ...]:
    found: list[str] = []
    while (name := f"arg_{len(found) + 1}") in value:
        found.append(value[name])
    while found and not found[-1]:
        found.pop()
    return tuple(found)


def _dialled(extension: str) -> str:
    """One-letter extensions (`s`, `i`, `h`) are the dialplan's own, nobody dialled them."""
    return extension if len(extension) > 1 else ""


def _caller(value: Mapping[str, str]) -> str:
    """'' when withheld: unknown, or presentation restricted (bits 0x60 = 0x20 of callingpres, Q.931 octet 3a)."""
    presentation = value.get("callingpres", "0")
    if presentation.isdecimal() and int(presentation) & 0x60 == 0x20:
        return ""
    return _known(value.get("callerid", ""))


def _known(text: str) -> str:
    return "" if text.lower() in _WITHHELD else text


def _clean(text: str, most: int = MAX_VALUE) -> str:
    return "".join(c for c in text if c.isprintable())[:most].strip()


async def _get(session: AgiSession, name: str) -> str:
    answer = await session.ask("GET VARIABLE", name)
    return answer.data if answer.result == "1" else ""


class AgiLine:
    """See `ports.Line`. Values that could break out of their place raise InvalidValue before anything is sent."""

    def __init__(self, session: AgiSession, info: LineInfo, place: tuple[str, str, str] = ("", "", "")) -> None:
        self._session = session
        self._place = place
        self.info = info

    async def answer(self) -> None:
        self._key(await self._session.ask("ANSWER", within=60.0))

    async def play(self, sounds: Sequence[str], stop_on: str = CALLER_KEYS + WAKE_DIGIT) -> str:
        for sound in sounds:
            answer = await self._session.ask("STREAM FILE", sound, stop_on, within=MAX_PLAY)
            if answer.result == "-1" and not await self._hung_up():
                log.warning("sound_missing", sound=sound)
            elif key := self._key(answer):
                return key
        return ""

    async def wait_key(self, timeout: float) -> str:
        millis = max(1, round(timeout * 1000))
        return self._key(await self._session.ask("WAIT FOR DIGIT", str(millis), within=timeout + SLACK))

    async def music(self, on: bool, music_class: str = "default") -> None:
        _check(_MUSIC_CLASS, music_class, "music class")
        await self._session.ask("SET MUSIC", "ON" if on else "OFF", music_class)

    async def record(
        self, path: str, *, limit: float, silence: float, beep: bool = True, stop_on: str = "#"
    ) -> RecordResult:
        options = (["BEEP"] if beep else []) + ([f"s={max(1, round(silence))}"] if silence > 0 else [])
        millis = str(round(limit * 1000))
        answer = await self._session.ask(
            "RECORD FILE", path, "wav", stop_on, millis, "0", *options, within=limit + 2 * SLACK
        )
        return await self._recorded(answer, limit)

    async def _recorded(self, answer: Answer, limit: float) -> RecordResult:
        millis = answer.endpos // 8
        match answer.data:
            case "hangup":
                self._session.close()
                return RecordResult("hangup", "", millis)
            case "dtmf":
                return RecordResult("key", self._key(answer), millis)
            case "timeout":
                return RecordResult("timeout" if millis >= limit * 1000 - 500 else "silence", "", millis)
            case reason:
                if await self._hung_up():
                    raise self._gone()
                raise SwitchRefused(f"Asterisk could not record ({reason}); may it write to the recordings folder?")

    async def dial(
        self, target: str, *, timeout: float, music_class: str = "default", as_caller: str = ""
    ) -> DialResult:
        _check(_TARGET, target, "dial target")
        _check(_MUSIC_CLASS, music_class, "music class")
        # t, T: AMI may start a consultation from the leg that is the agent's (features.conf)
        options = f"g{'T' if as_caller else f'tm({music_class})'}b({PREDIAL})U({ANSWERED})"
        if as_caller:
            _check(_NUMBER, as_caller, "caller")
            await self._session.ask("SET CALLERID", as_caller)
        self._session.lingering = True
        try:
            seconds = max(1, round(timeout))
            await self.set_variables({ANSWERED_AT: ""})
            answer = await self._session.ask("EXEC", "Dial", f"{target},{seconds},{options}", within=timeout + MAX_TALK)
            return await self._dialled(answer)
        finally:
            self._session.lingering = False
            if self._session.hung_up:
                self._session.close()

    async def _dialled(self, answer: Answer) -> DialResult:
        left = answer.result.startswith("-")
        if left and await self.get_variable("CHANNEL(uniqueid)") == self.info.channel.uniqueid:
            raise LineGone("the caller has hung up", answered_at=await self._answered_at())
        status = await self.get_variable("DIALSTATUS")
        if self._session.hung_up and not left and not await self._sent_elsewhere():
            raise LineGone("the caller has hung up", answered_at=await self._answered_at())
        return DialResult(
            status=_STATUS.get(status, "UNKNOWN"),
            answered_at=await self._answered_at(),
            transferred=self._session.hung_up,
        )

    async def _answered_at(self) -> Micros:
        millis = await self.get_variable(ANSWERED_AT)
        return int(millis) * 1000 if millis.isdecimal() else 0

    async def _sent_elsewhere(self) -> bool:
        """Whether the channel's next dialplan step is another than where it came to us from."""
        place = [await self.get_variable(name) for name in ("CONTEXT", "EXTEN", "PRIORITY")]
        return tuple(place) != self._place or bool(await self.get_variable("BLINDTRANSFER"))

    async def set_variables(self, variables: Mapping[str, str]) -> None:
        for name in variables:
            _check(_VARIABLE, name, "variable name")
        for name, value in variables.items():
            await self._session.ask("SET VARIABLE", f"__{name}", value)

    async def get_variable(self, name: str) -> str:
        _check(_READABLE, name, "variable name")
        return await _get(self._session, name)

    async def hangup(self) -> None:
        await self._session.ask("HANGUP")
        self._session.close()

    async def leave(self, *, done: bool) -> None:
        if done:
            await self._session.ask("SET VARIABLE", "CTI_DONE", "1")
        self._session.close()

    def _key(self, answer: Answer) -> str:
        """The key a command ended with, '' for none. Raises LineGone when it ended with a hang-up."""
        code = int(answer.result) if answer.result.lstrip("-").isdecimal() else 0
        if code < 0:
            raise self._gone()
        return chr(code) if 0 < code < 128 else ""

    async def _hung_up(self) -> bool:
        """After `result=-1`: a hang-up announces itself before the next answer."""
        await self._session.ask("NOOP")
        return self._session.hung_up

    def _gone(self) -> LineGone:
        self._session.close()
        return LineGone("the caller has hung up")


def _check(pattern: re.Pattern[str], value: str, what: str) -> None:
    if not pattern.fullmatch(value):
        raise InvalidValue(f"{what}: {value[:40]!r} holds characters that have a meaning in Asterisk's dialplan")
