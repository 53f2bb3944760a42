"""Asterisk's words → ours. A word no table knows becomes the table's unknown value and is logged once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog

_PHONE_CHANNEL = re.compile(r"PJSIP/(.+)-[0-9a-f]{8}(?:<\w+>)?")
log = structlog.get_logger(__name__)
T = TypeVar("T")


def endpoint_of(channel: str) -> str:
    """`1001` of `PJSIP/1001-0000002a`, '' when the channel is no phone's (a trunk is an endpoint too)."""
    match = _PHONE_CHANNEL.fullmatch(channel)
    return match[1] if match else ""


class Table(Generic[T]):
    """`table[word]` never fails. Words are compared without regard to case."""

    def __init__(self, name: str, words: Mapping[str, T], unknown: T) -> None:
        self.name = name
        self.unknown = unknown
        self._words = {word.lower(): value for word, value in words.items()}
        self._logged: set[str] = set()

    def __getitem__(self, word: str) -> T:
        value = self._words.get(word.lower(), self.unknown)
        if value is self.unknown and word.lower() not in self._words and word not in self._logged:
            self._logged.add(word)
            log.warning("unknown_word", table=self.name, word=word)
        return value


@dataclass(frozen=True, slots=True)
class Phone:
    """What a word says of a phone; None = it says nothing of that."""

    reachable: bool | None
    busy: bool | None


CHANNEL_STATE = Table(
    "channel state",
    {
        "Down": "down",
        "Rsrvd": "reserved",
        "OffHook": "offhook",
        "Dialing": "dialing",
        "Ring": "ring",
        "Ringing": "ringing",
        "Up": "up",
        "Busy": "busy",
        "Dialing Offhook": "dialing",
        "Pre-ring": "ring",
        "Unknown": "unknown",
    },
    "unknown",
)
"""ast_state2str: `ring` = this channel rings somebody (a caller), `ringing` = this phone rings."""

DEVICE_STATE = Table(
    "device state",
    {
        "UNKNOWN": Phone(None, None),
        "NOT_INUSE": Phone(True, False),
        "INUSE": Phone(None, True),
        "BUSY": Phone(None, True),
        "INVALID": Phone(False, False),
        "UNAVAILABLE": Phone(False, False),
        "RINGING": Phone(True, True),
        "RINGINUSE": Phone(None, True),
        "ONHOLD": Phone(None, True),
    },
    Phone(None, None),
)
"""A phone in a call stays INUSE when its last contact goes, so the in-use states say nothing of reachability."""

CONTACT_STATUS = Table[bool | None](
    "contact status",
    {
        "Created": True,
        "Updated": True,
        "NonQualified": True,
        "Reachable": True,
        "Unreachable": False,
        "Removed": False,
        "Unknown": None,
    },
    None,
)

TRANSFER_DONE = Table(
    "transfer result", {"Success": True, "Fail": False, "Invalid": False, "Not Permitted": False}, False
)

DIAL_ANSWERED = Table(
    "dial status",
    {
        "ANSWER": True,
        **dict.fromkeys(
            ("ABORT", "BUSY", "CANCEL", "CHANUNAVAIL", "CONGESTION", "CONTINUE", "GOTO", "NOANSWER"), False
        ),
        **dict.fromkeys(("DONTCALL", "TORTURE", "INVALIDARGS", "NOREPLY", "TIMEOUT", ""), False),
    },
    False,
)
