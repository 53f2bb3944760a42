"""Notices callers can hear: `notices.yaml`, a list of `{zh, en, area?, until?}`, read anew whenever the file changes.

A file that cannot be read or does not validate is logged and the notices last read stay, as with flows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import structlog
import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from cti_server.clock import Clock
from cti_server.domain.ids import to_datetime

log = structlog.get_logger(__name__)
FILE = "notices.yaml"


class Notice(BaseModel):
    """`until` is the last day it is told (UTC date); without `area` it is for everybody."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    zh: str = Field(min_length=1, max_length=500)
    en: str = Field(min_length=1, max_length=500)
    area: str = ""
    until: date | None = None


_NOTICES = TypeAdapter(list[Notice])


class NoticeFile:
    """Call it for the notices in force today."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path, self._clock = path, clock
        self._stamp: tuple[int, int] | None = None
        self._notices: list[Notice] = []

    def __call__(self) -> Sequence[Mapping[str, str]]:
        self._refresh()
        today = to_datetime(self._clock.now()).date()
        live = [notice for notice in self._notices if notice.until is None or today <= notice.until]
        return [{"zh": notice.zh, "en": notice.en, "area": notice.area} for notice in live]

    def _refresh(self) -> None:
        stamp = _stamp(self._path)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        if stamp is None:
            self._notices = []
            return
        try:
            self._notices = _NOTICES.validate_python(yaml.safe_load(self._path.read_text("utf-8")) or [])
        except ValidationError as error:
            where = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False)]
            log.error("notices_refused", file=str(self._path), reasons=where)
        except (OSError, UnicodeError, yaml.YAMLError) as error:
            log.error("notices_refused", file=str(self._path), reasons=[str(error)])


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size)
