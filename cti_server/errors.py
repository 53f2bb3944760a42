"""Every error this server raises on purpose.

    CtiError                  code, message in plain English, what to mend
    ├── BadRequest            the asker sent something that cannot be right
    │   ├── InvalidValue      a field is wrong (phone number, key, header, setting)
    │   └── FlowInvalid       an IVR flow does not validate; carries file, line, node
    ├── NotFound              nothing has that id
    ├── Conflict              it cannot be done in the present state
    ├── NotSignedIn           no or expired session
    ├── Forbidden             the role does not allow it
    ├── TooMany               too many tries; come back later
    ├── Unavailable           a part we need is away (switch, database, lookup, speech)
    │   ├── SwitchUnavailable
    │   ├── StorageUnavailable
    │   ├── LookupUnavailable
    │   └── SpeechUnavailable
    ├── SwitchRefused         Asterisk answered Error to an action
    ├── LineGone              the caller's channel has ended (hang-up, closed socket)
    └── BadSettings           the server cannot start with these settings

Codes are stable: the desktop translates `code`, never the message.
"""

from __future__ import annotations

from typing import ClassVar


class CtiError(Exception):
    """Root of the tree. `code` is stable; `str(error)` says in plain words what is wrong and what to mend."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500

    def __init__(self, message: str = "", **details: object) -> None:
        super().__init__(message or self.code)
        self.details = details


class BadRequest(CtiError):
    code = "bad_request"
    status = 400


class InvalidValue(BadRequest):
    code = "invalid_value"
    status = 422


class FlowInvalid(BadRequest):
    code = "flow_invalid"
    status = 422


class NotFound(CtiError):
    code = "not_found"
    status = 404


class Conflict(CtiError):
    code = "conflict"
    status = 409


class NotSignedIn(CtiError):
    code = "not_signed_in"
    status = 401


class Forbidden(CtiError):
    code = "forbidden"
    status = 403


class TooMany(CtiError):
    code = "too_many"
    status = 429


class Unavailable(CtiError):
    code = "unavailable"
    status = 503


class SwitchUnavailable(Unavailable):
    code = "switch_unavailable"


class StorageUnavailable(Unavailable):
    code = "storage_unavailable"


class LookupUnavailable(Unavailable):
    code = "lookup_unavailable"


class SpeechUnavailable(Unavailable):
    code = "speech_unavailable"


class SwitchRefused(CtiError):
    code = "switch_refused"
    status = 502


class LineGone(CtiError):
    code = "line_gone"
    status = 410


class BadSettings(CtiError):
    code = "bad_settings"
