"""Asterisk's queue_log: who entered an app_queue, who answered him, how he left. Stock Asterisk and FreePBX write it.

A line is `epoch seconds|uniqueid|queue|member|event|data…`. Asterisk or logrotate move the file away now and then, under its
name with something appended (`queue_log.0`, `queue_log.1.gz`); lines are read once from each file, however it is called by then.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from cti_server.domain.facts import Outcome
from cti_server.domain.fallback import FallbackStay
from cti_server.domain.ids import SECOND, Micros, QueueName

PREFIX = "cti-"
"""Our fallback queues; others in the same Asterisk are not our business."""
OUTCOMES: dict[str, Outcome] = {
    "ABANDON": "abandoned",
    "EXITWITHTIMEOUT": "timed_out",
    "EXITWITHKEY": "key_exit",
    "EXITEMPTY": "refused",
    "COMPLETECALLER": "answered",
    "COMPLETEAGENT": "answered",
    "BLINDTRANSFER": "answered",
    "ATTENDEDTRANSFER": "answered",
}
LONGEST_LINE = 4096


class StayReader:
    """`feed` it lines in order; the stays that ended with them."""

    def __init__(self, since: Micros) -> None:
        self._since = since
        self._open: dict[str, FallbackStay] = {}

    def feed(self, lines: Iterable[str]) -> list[FallbackStay]:
        return [stay for line in lines for stay in self._line(line)]

    def _line(self, line: str) -> Iterator[FallbackStay]:
        parts = line.rstrip("\n").split("|")
        if len(parts) < 5 or not parts[0].isdigit() or (at := int(parts[0]) * SECOND) < self._since:
            return
        _, uniqueid, queue, member, event, *data = parts
        if event == "QUEUESTART":
            yield from self._asterisk_started(at)
        elif not queue.startswith(PREFIX):
            return
        elif event == "ENTERQUEUE":
            self._open[uniqueid] = FallbackStay(
                uniqueid=uniqueid,
                queue=QueueName(queue.removeprefix(PREFIX)),
                caller=data[1] if len(data) > 1 else "",
                entered=at,
                ended=at,
                outcome="unknown",
            )
        elif event == "CONNECT" and uniqueid in self._open:
            endpoint = member.rpartition("/")[2]
            self._open[uniqueid] = replace(self._open[uniqueid], answered=at, endpoint=endpoint)
        elif event in OUTCOMES and (stay := self._open.pop(uniqueid, None)) is not None:
            yield replace(stay, ended=at, outcome=OUTCOMES[event])

    def _asterisk_started(self, at: Micros) -> Iterator[FallbackStay]:
        """Whoever was in a queue then is there no more; when he left is not known."""
        for stay in self._open.values():
            yield replace(stay, ended=at, outcome="answered" if stay.answered else "unknown")
        self._open.clear()


@dataclass(slots=True)
class _Place:
    """How far a file is read."""

    offset: int = 0
    partial: bytes = b""


class QueueLog:
    """`path` and the files it was rotated to. Blocking: call it from a worker thread, one call at a time."""

    def __init__(self, path: Path, since: Micros) -> None:
        self.path = path
        self._since = since
        self._reader = StayReader(since)
        self._places: dict[tuple[int, int], _Place] = {}

    def read(self) -> list[FallbackStay]:
        """Stays that ended, of lines not read before and not older than `since`. Raises OSError."""
        found: list[FallbackStay] = []
        first = not self._places
        for file in self._files():
            if file.suffix != ".gz":
                found += self._reader.feed(self._new_lines(file))
            elif first:
                with gzip.open(file, "rt", errors="replace") as text:
                    found += self._reader.feed(text)
        return found

    def _files(self) -> list[Path]:
        """Oldest first, without those last written before `since`."""
        files = [file for file in self.path.parent.glob(f"{self.path.name}*") if file.is_file()]
        changed = sorted((file.stat().st_mtime_ns // 1000, file) for file in files)
        return [file for at, file in changed if at >= self._since]

    def _new_lines(self, file: Path) -> Iterator[str]:
        with file.open("rb") as stream:
            status = os.fstat(stream.fileno())
            place = self._places.setdefault((status.st_dev, status.st_ino), _Place())
            if status.st_size < place.offset:
                self._places[(status.st_dev, status.st_ino)] = place = _Place()  # emptied in place (copytruncate)
            stream.seek(place.offset)
            for line in stream:
                place.offset += len(line)
                line, place.partial = place.partial + line, b""
                if line.endswith(b"\n"):
                    yield line.decode(errors="replace")
                elif len(line) < LONGEST_LINE:
                    place.partial = line
