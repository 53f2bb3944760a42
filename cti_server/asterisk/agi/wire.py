"""The AGI protocol without I/O: bytes in, messages out; arguments in, one command line out.

A session opens with `agi_name: value` lines and an empty line (`Opened`). After that every line is an answer to our one
outstanding command, or the bare word `HANGUP`, which may stand between any two answers (`HungUp`).

Limits are Asterisk's: its command buffer holds 2048 bytes (AGI_BUF_LEN in res_agi.c) and its splitter knows `"` and `\\`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from cti_server.errors import BadRequest, InvalidValue

MAX_COMMAND = 2000
MAX_VARIABLES = 256
MAX_OPENING = 65_536
MAX_ANSWER = 65_536


class AgiMalformed(BadRequest):
    """The peer does not speak AGI, or too much of it. The session cannot go on."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The opening variables, without the `agi_` prefix."""

    variables: Mapping[str, str]


class Answer(NamedTuple):
    """One answer: `200 result=49 (timeout) endpos=800`. For codes other than 200 `data` is the text."""

    code: int
    result: str = ""
    data: str = ""
    endpos: int = 0


@dataclass(frozen=True, slots=True)
class HungUp:
    """The channel was hung up, or is being sent elsewhere by the switch; Asterisk waits for us to close."""


Message = Opened | Answer | HungUp

_FORBIDDEN = re.compile(r"[\r\n\0]")
_PLAIN = re.compile(r"[A-Za-z0-9_.,:/@()^*#&=+-]+")
_OK = re.compile(rb"200 result=(\S*)(?: \((.*)\))?(?: endpos=(\d{1,18}))?\s*", re.DOTALL)
_UNFINISHED = re.compile(rb"200 result=\S* \([^)]*")
_OTHER = re.compile(rb"(?!200)([1-9]\d\d)([ -])(.*)")
_HUNG_UP = HungUp()


def encode(name: str, *arguments: str) -> bytes:
    """One command line. `name` is ours (`STREAM FILE`); every argument arrives exactly as given. Raises InvalidValue."""
    line = " ".join((name, *map(_quote, arguments)))
    data = line.encode("utf-8", "replace") + b"\n"
    if len(data) > MAX_COMMAND:
        raise InvalidValue(
            f"{name}: {len(data)} bytes are more than the {MAX_COMMAND} Asterisk reads; shorten the values"
        )
    return data


def _quote(argument: str) -> str:
    if _PLAIN.fullmatch(argument):
        return argument
    if _FORBIDDEN.search(argument):
        raise InvalidValue("a value sent to Asterisk holds CR, LF or NUL; remove them")
    escaped = argument.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


class Parser:
    """Feed it what arrives. Raises AgiMalformed, after which it must not be fed again."""

    def __init__(self, max_line: int = 8192) -> None:
        self._max_line = max_line
        self._buffer = b""
        self._variables: dict[str, str] | None = {}
        self._opening_bytes = 0
        self._arguments = 0
        self._partial: list[bytes] = []
        self._partial_end = b""
        self._partial_bytes = 0

    def feed(self, data: bytes) -> list[Message]:
        lines = (self._buffer + data).split(b"\n")
        self._buffer = lines.pop()
        if len(self._buffer) > self._max_line:
            raise AgiMalformed(f"a line longer than {self._max_line} bytes")
        messages = []
        for line in lines:
            message = self._line(line)
            if message is not None:
                messages.append(message)
        return messages

    def _line(self, line: bytes) -> Message | None:
        if len(line) > self._max_line:
            raise AgiMalformed(f"a line longer than {self._max_line} bytes")
        if self._variables is not None:
            return self._opening(line.rstrip(b"\r"), self._variables)
        if self._partial:
            return self._continued(line)
        if line == b"HANGUP":
            return _HUNG_UP
        return self._answer(line)

    def _opening(self, line: bytes, variables: dict[str, str]) -> Message | None:
        if not line:
            self._variables = None
            return Opened(variables)
        name, colon, value = line.partition(b":")
        self._opening_bytes += len(line)
        if not colon or not name.startswith(b"agi_"):
            raise AgiMalformed("the opening holds a line that is no `agi_name: value`")
        if len(variables) >= MAX_VARIABLES or self._opening_bytes > MAX_OPENING:
            raise AgiMalformed(f"more than {MAX_VARIABLES} variables or {MAX_OPENING} bytes in the opening")
        self._add(variables, _text(name[4:]), _text(value).strip())
        return None

    def _add(self, variables: dict[str, str], name: str, value: str) -> None:
        """A caller's number may hold line ends (`%0d%0a` in the SIP address) and so pretend to be variables. Asterisk names each
        one once and the arguments last, in order; anything else is a forgery."""
        self._arguments += name.startswith("arg_")
        if name in variables or (self._arguments and name != f"arg_{self._arguments}"):
            raise AgiMalformed("the opening names a variable twice or out of order: forged, or no Asterisk")
        variables[name] = value

    def _answer(self, line: bytes) -> Message | None:
        ok = _OK.fullmatch(line)
        if ok:
            result, data, endpos = ok.groups(b"")
            return Answer(200, _text(result), _text(data), int(endpos or 0))
        if _UNFINISHED.fullmatch(line):  # a variable's value may hold line ends
            self._begin(line, b")")
            return None
        other = _OTHER.fullmatch(line)
        if not other:
            raise AgiMalformed("a line that is no AGI answer")
        if other[2] == b"-":
            self._begin(line, other[1] + b" ")
            return None
        return Answer(int(other[1]), data=_text(other[3]))

    def _begin(self, line: bytes, end: bytes) -> None:
        self._partial, self._partial_end, self._partial_bytes = [line], end, len(line)

    def _continued(self, line: bytes) -> Message | None:
        self._partial.append(line)
        self._partial_bytes += len(line)
        if self._partial_bytes > MAX_ANSWER or len(self._partial) > MAX_VARIABLES:
            raise AgiMalformed(f"an answer of more than {MAX_ANSWER} bytes or {MAX_VARIABLES} lines")
        if not (line.rstrip().endswith(b")") if self._partial_end == b")" else line.startswith(self._partial_end)):
            return None
        whole, self._partial = b"\n".join(self._partial), []
        if self._partial_end == b")":
            return self._answer(whole)
        return Answer(int(whole[:3]), data=_text(whole[4:]))


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
