"""The file facts wait in while the database is away: JSON lines, appended, replayed from the front, emptied when stored.

Each append is written and fsynced before it counts, in a worker thread: the file promises what the database would have
promised, and no call waits for the disk. A crash can tear only the last line; it is cut off at the next opening. A line
that cannot be read is put aside in `<name>.bad`, as are facts the database refuses.
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import structlog

from cti_server.domain.facts import Recorded, from_dict, to_dict
from cti_server.errors import InvalidValue

log = structlog.get_logger(__name__)


class SpillFile:
    """`ports.Spill`. Blocking: call it from a worker thread, one call at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bad = path.with_name(path.name + ".bad")
        self._size = 0
        self._offset = 0
        self._lengths: deque[int] = deque()
        """Bytes of each fact read by `peek` and not yet consumed; the lines of bad facts count to the next one."""

    def open(self) -> int:
        """Cut a torn last line off; the largest id in the file, 0 when it is empty. Raises OSError."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._size = self._offset = 0
        if not self.path.exists():
            return 0
        largest = 0
        with self.path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    log.warning("spill_torn_line", path=str(self.path), bytes=len(line))
                    break
                self._size += len(line)
                largest = max(largest, _id_of(line))
        os.truncate(self.path, self._size)
        return largest

    @property
    def empty(self) -> bool:
        return self._offset >= self._size

    def append(self, facts: Sequence[Recorded]) -> None:
        """All of them or, on OSError, none."""
        data = b"".join(_line(recorded) for recorded in facts)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            _write_all(descriptor, data)
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, self._size)
            raise
        finally:
            os.close(descriptor)
        if not self._size:
            _sync_folder(self.path.parent)
        self._size += len(data)

    def peek(self, limit: int) -> list[Recorded]:
        """The next facts not consumed, oldest first."""
        facts: list[Recorded] = []
        self._lengths.clear()
        skipped = 0
        with self.path.open("rb") as file:
            file.seek(self._offset)
            while len(facts) < limit and (line := file.readline()):
                recorded = self._read(line)
                if recorded is None:
                    skipped += len(line)
                    continue
                facts.append(recorded)
                self._lengths.append(len(line) + skipped)
                skipped = 0
        if not facts:
            self._offset += skipped
        return facts

    def consume(self, count: int) -> None:
        """The first `count` facts of the last `peek` are stored. The file is emptied once all are."""
        for _ in range(count):
            self._offset += self._lengths.popleft()
        if self.empty and self._size:
            os.truncate(self.path, 0)
            self._size = self._offset = 0

    def reject(self, recorded: Recorded) -> None:
        """Keep a fact the database cannot hold, for a person to look at."""
        self._put_aside(_line(recorded))

    def _read(self, line: bytes) -> Recorded | None:
        try:
            return _parse(line)
        except (ValueError, KeyError, TypeError, InvalidValue) as error:
            log.error("spill_line_unreadable", path=str(self.path), error=type(error).__name__, kept_in=str(self.bad))
            self._put_aside(line)
            return None

    def _put_aside(self, line: bytes) -> None:
        descriptor = os.open(self.bad, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            _write_all(descriptor, line)
        finally:
            os.close(descriptor)


def _line(recorded: Recorded) -> bytes:
    """Text no database could hold (unpaired surrogates) is written all the same: it must not stop the facts behind it."""
    fact = recorded.fact
    data = {"id": recorded.id, "server": recorded.server, "kind": type(fact).__name__, "fact": to_dict(fact)}
    try:
        return orjson.dumps(data, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        return json.dumps(data, default=str).encode() + b"\n"


def _parse(line: bytes) -> Recorded:
    data = _loads(line)
    return Recorded(data["id"], data["server"], from_dict(data["kind"], data["fact"]))


def _loads(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except ValueError:
        return json.loads(line)


def _id_of(line: bytes) -> int:
    try:
        return int(_loads(line)["id"])
    except (ValueError, KeyError, TypeError):
        return 0


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync_folder(folder: Path) -> None:
    """So that a file just made is found again after a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
