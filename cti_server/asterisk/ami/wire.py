"""AMI on the wire, without I/O: bytes in, messages out; actions in, bytes out.

A `Message` keeps its bytes. Finding the next message and its name is a search for CRLF; a header is looked for and
decoded when somebody asks for it, so an event nobody subscribed to costs next to nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from asterisk.ami.action import Action
from asterisk.ami.event import Event
from asterisk.ami.response import Response

from cti_server.errors import InvalidValue, SwitchUnavailable

MAX_MESSAGE = 256 * 1024
MAX_LINE = 64 * 1024
MAX_SENT_LINE = 1023
"""Asterisk's manager reads lines into 1025 bytes and discards an action with a longer one (manager.c, `inbuf`)."""

_END = b"\r\n\r\n"
_GREETING = b"Asterisk Call Manager/"
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_VARIABLE = re.compile(r"_{0,2}[A-Za-z][A-Za-z0-9_]*(\([A-Za-z0-9_,:./@-]*\))?")
_SPECIAL = re.compile(r'([\\",()\[\]])')


class Message:
    """One AMI event or response. Header names are compared without regard to case."""

    __slots__ = ("raw",)

    def __init__(self, raw: bytes) -> None:
        self.raw = raw

    @property
    def is_event(self) -> bool:
        raw = self.raw
        return raw.startswith(b"Event:") or raw[:6].lower() == b"event:"

    @property
    def name(self) -> str:
        """The event's name (`Newchannel`) or the response's status (`Success`); '' when the first line is neither."""
        raw = self.raw
        end = raw.find(b"\r\n")
        return raw[raw.find(b":") + 1 : end if end >= 0 else len(raw)].strip().decode("utf-8", "replace")

    def get(self, key: str, default: str = "") -> str:
        """The first header spelled like that, else the first that differs in case only."""
        raw = self.raw
        # Asterisk writes the documented case, so the exact search nearly always hits and nothing is copied.
        start = raw.find(b"\r\n%b: " % key.encode())
        if start < 0:
            return self._get_slowly(key, default)
        start += len(key) + 4
        end = raw.find(b"\r\n", start)
        return (raw[start:end] if end >= 0 else raw[start:]).decode("utf-8", "replace")

    def all(self, key: str) -> list[str]:
        """Every header of that name, in order (ChanVariable, Output)."""
        wanted = key.lower()
        return [value for name, value in self.headers() if name.lower() == wanted]

    def variables(self, key: str = "ChanVariable") -> dict[str, str]:
        """Headers of the form `ChanVariable: NAME=value`."""
        return dict(pair.split("=", 1) for pair in self.all(key) if "=" in pair)

    def headers(self) -> Iterator[tuple[str, str]]:
        """All headers after the first line. Only CRLF ends a line: other Unicode line ends are part of a value."""
        for line in self.raw.split(b"\r\n")[1:]:
            name, colon, value = line.partition(b":")
            if colon:
                yield name.decode("utf-8", "replace"), value.removeprefix(b" ").decode("utf-8", "replace")

    @property
    def sound(self) -> bool:
        """Every line is a header, and none that stands once in Asterisk's events stands twice. Asterisk writes a caller's
        number and name as they came, line ends too, so a caller could add headers of his own choice (ADR 0017)."""
        lines = self.raw.split(b"\r\n")[1:]
        names = [line[: line.find(b"=")] if b"Variable: " in line else line.partition(b":")[0] for line in lines]
        return all(b":" in line for line in lines) and len(set(names)) == len(names)

    def as_event(self) -> Event:
        """asterisk-ami's Event. Not by its own `read`, which takes U+2028 in a caller's name for a new header."""
        event = Event(self.name, {})
        for key, value in self.headers():
            if key in Event.parsers and "=" in value:
                Event.parsers[key](event.name, event.keys)(key, value)
            else:
                event.keys[key] = _joined(event.keys.get(key), value)
        return event

    def as_response(self) -> Response:
        """asterisk-ami's Response; a repeated header (Output) is joined by newlines, as there."""
        keys: dict[str, str] = {}
        for key, value in self.headers():
            keys[key] = _joined(keys.get(key), value)
        return Response(self.name, keys, [])

    def __repr__(self) -> str:
        return f"<Message {self.name} {len(self.raw)} bytes>"

    def _get_slowly(self, key: str, default: str) -> str:
        start = self.raw.lower().find(b"\r\n%b:" % key.lower().encode())
        if start < 0:
            return default
        start += len(key) + 3
        end = self.raw.find(b"\r\n", start)
        return (self.raw[start:end] if end >= 0 else self.raw[start:]).removeprefix(b" ").decode("utf-8", "replace")


class Reader:
    """Bytes as they come → whole messages. Raises SwitchUnavailable when what comes is no AMI or too long."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self.version = ""
        """AMI protocol version of the greeting, '' before it came."""

    def feed(self, chunk: bytes) -> list[Message]:
        seen = max(0, len(self._pending) - 3) if self.version else 0
        self._pending += chunk
        if not self.version and not self._greet():
            return []
        if self._pending.find(_END, seen) < 0:
            self._check_rest()
            return []
        *parts, rest = bytes(self._pending).split(_END)
        self._pending = bytearray(rest)
        self._check_rest()
        if len(max(parts, key=len)) > MAX_MESSAGE:
            raise _too_long("message", MAX_MESSAGE)
        return [Message(part) for part in (p.lstrip(b"\r\n") for p in parts) if part]

    def _greet(self) -> bool:
        line, end, rest = bytes(self._pending).partition(b"\r\n")
        if not line.startswith(_GREETING[: len(line)]) or len(line) > 80:
            raise SwitchUnavailable("that port does not speak AMI; check CTI_AMI__HOST and CTI_AMI__PORT")
        if not end:
            return False
        self.version = line[len(_GREETING) :].decode("ascii", "replace") or "?"
        self._pending = bytearray(rest)
        return True

    def _check_rest(self) -> None:
        if len(self._pending) > MAX_MESSAGE:
            raise _too_long("message", MAX_MESSAGE)
        if len(self._pending) - (self._pending.rfind(b"\r\n") + 1) > MAX_LINE:
            raise _too_long("line", MAX_LINE)


def encode(action: Action) -> bytes:
    """An action as bytes. Raises InvalidValue for a key or value that would break out of its line, or a line too long."""
    if not _KEY.fullmatch(action.name):
        raise InvalidValue(f"no name of an AMI action: {action.name!r}")
    lines = [f"Action: {action.name}"]
    lines += [_line(key, str(value)) for key, value in action.keys.items()]
    lines += [_line("Variable", f"{_variable(name)}={quote(str(v))}") for name, v in action.variables.items()]
    return "\r\n".join(lines).encode() + _END


def quote(value: str) -> str:
    r"""A value of a `Variable:` header. Asterisk splits that header at commas, so an unquoted value could set variables of
    its own choice; a backslash takes the meaning from `\ " , ( ) [ ]` (app.c, `__ast_app_separate_args`)."""
    return _SPECIAL.sub(r"\\\1", value)


def _variable(name: str) -> str:
    if not _VARIABLE.fullmatch(name):
        raise InvalidValue(f"no name of a channel variable: {name!r}")
    return name


def _line(key: str, value: str) -> str:
    if not _KEY.fullmatch(key):
        raise InvalidValue(f"no name of an AMI header: {key!r}")
    if "\r" in value or "\n" in value or "\0" in value:
        raise InvalidValue(f"{key}: a value may hold no line end and no NUL", field=key)
    line = f"{key}: {value}"
    if len(line.encode()) > MAX_SENT_LINE:
        raise InvalidValue(f"{key}: longer than the {MAX_SENT_LINE} bytes Asterisk reads in one line", field=key)
    return line


def _joined(before: str | None, value: str) -> str:
    return value if before is None else f"{before}\n{value}"


def _too_long(what: str, limit: int) -> SwitchUnavailable:
    return SwitchUnavailable(f"Asterisk sent a {what} of more than {limit} bytes; the link starts anew")
