"""What sipp wrote down, as reports: the messages of one call, the statistics of many."""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from cti_server.errors import Unavailable


@dataclass(frozen=True, slots=True)
class CallReport:
    """How one call went, read from the messages on the wire."""

    answered: bool
    ended_by: Literal["caller", "switch", "refused", "nobody"]
    codes: tuple[int, ...]
    """Status codes of the answers to our INVITE, in order."""
    retransmissions: int
    seconds: float
    """From our INVITE (or theirs) to the end."""
    messages: str = field(repr=False, default="")

    def check_quiet(self, most: int = 3) -> None:
        """Raises AssertionError when messages were sent again and again: the other side was not listening."""
        if self.retransmissions > most:
            raise AssertionError(f"{self.retransmissions} retransmissions in one call")


@dataclass(frozen=True, slots=True)
class LoadReport:
    created: int
    succeeded: int
    failed: int
    retransmissions: int
    most_at_once: int
    rate: float
    """Calls a second, over the time calls were created."""


_MESSAGE = re.compile(
    r"^-{10,} (?P<at>\S+ \S+?)\s*\n\S+ message (?P<way>sent|received) .*?\n\n?(?P<text>.*?)(?=^-{10,} |\Z)",
    re.MULTILINE | re.DOTALL,
)
_CSEQ = re.compile(r"^CSeq:\s*(\d+)\s+(\w+)", re.MULTILINE | re.IGNORECASE)


def read_messages(text: str) -> CallReport:
    """A sipp message log of one call as a report."""
    heads = [
        (match["way"], match["text"].lstrip().split("\n", 1)[0].strip(), _cseq(match["text"]))
        for match in _MESSAGE.finditer(text)
    ]
    codes = tuple(
        int(head[8:11]) for _, head, cseq in heads if head.startswith("SIP/2.0 ") and cseq.endswith(" INVITE")
    )
    byes = [way for way, head, _ in heads if head.startswith("BYE ")]
    finals = [code for code in codes if code >= 200]
    ended: Literal["caller", "switch", "refused", "nobody"] = "nobody"
    if byes:
        ended = "caller" if byes[0] == "sent" else "switch"
    elif finals and finals[0] >= 300:
        ended = "refused"
    again = sum(count - 1 for count in Counter(heads).values())
    return CallReport(bool(finals and finals[0] < 300), ended, codes, again, _span(text), text)


def _cseq(text: str) -> str:
    match = _CSEQ.search(text)
    return f"{match[1]} {match[2]}" if match else ""


def _span(text: str) -> float:
    times = [_seconds(match["at"]) for match in _MESSAGE.finditer(text)]
    return (times[-1] - times[0]) % 86_400 if times else 0.0


def _seconds(at: str) -> float:
    hours, minutes, seconds = at.split()[-1].split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def read_statistics(text: str) -> LoadReport:
    """A sipp statistics file (`-trace_stat`): the last line holds the totals."""
    rows = list(csv.DictReader(text.splitlines(), delimiter=";"))
    if not rows:
        raise Unavailable("sipp wrote no statistics")
    last = rows[-1]
    created = int(last["TotalCallCreated"])
    creating = [row for row in rows if int(row["TotalCallCreated"]) < created]
    seconds = max(1, len(creating))
    return LoadReport(
        created=created,
        succeeded=int(last["SuccessfulCall(C)"]),
        failed=int(last["FailedCall(C)"]),
        retransmissions=int(last["Retransmissions(C)"]),
        most_at_once=max(int(row["CurrentCall"]) for row in rows),
        rate=created / seconds,
    )
