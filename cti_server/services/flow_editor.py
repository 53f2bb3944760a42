"""Files of the flows folder as an administrator edits them: checked, kept as versions, put in force.

    text ─► checked (the check that loads flows) ─► a file beside the old one ─► version and audit in one transaction
         ─► renamed over the old one ─► the registry reloads ─► missing prompts are made

A file changed by hand meanwhile is kept as a version of its own (login '') before it is replaced. Undo saves an older text as a
new version; nothing is ever deleted. ADR 0050.
"""

from __future__ import annotations

import asyncio
import difflib
import hashlib
import os
import re
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from cti_server.clock import Clock
from cti_server.domain.calendar import Calendar
from cti_server.domain.flows import draw
from cti_server.domain.flows.effects import CallContext, Found
from cti_server.domain.flows.load import load_calendars, node_lines
from cti_server.domain.flows.problems import Problem, invalid
from cti_server.domain.flows.rehearsal import Preview, preview
from cti_server.domain.flows.schema import Flow
from cti_server.domain.flows.templates import from_template, templates
from cti_server.domain.ids import Micros
from cti_server.domain.merge import merged
from cti_server.domain.opening import outlook, overlaps
from cti_server.domain.setup import FlowVersion, needed, refuse
from cti_server.domain.wrong import Refused, by_field, refused, wrong
from cti_server.errors import Conflict, FlowInvalid, NotFound, Unavailable
from cti_server.ports import Speaker
from cti_server.services.configuration import By, Row, SetupStore, SetupTransaction
from cti_server.services.flows import CALENDARS, NO_FLOWS, FlowRegistry
from cti_server.services.prompts import wanted

_FILE = re.compile(r"[a-z][a-z0-9_-]{0,39}\.yaml")
MOST_VERSIONS = 200
_CALENDAR = TypeAdapter(Calendar)


class FlowEditor:
    """Raises FlowInvalid (`details['problems']`), Conflict, NotFound, InvalidValue, StorageUnavailable, and Unavailable for
    the folder."""

    def __init__(
        self, registry: FlowRegistry, store: SetupStore, speaker: Speaker, clock: Clock, time_zone: str
    ) -> None:
        self._registry, self._store, self._speaker, self._clock = registry, store, speaker, clock
        self._time_zone = time_zone
        self._one_by_one = asyncio.Lock()

    # -- what is ---------------------------------------------------------------------------------------------

    async def files(self) -> list[Row]:
        """Every flow file with its flow, its problems, and who saved it last."""
        names = await asyncio.to_thread(self._names)
        return [await self._about(name) for name in names]

    async def file(self, name: str) -> Row:
        text = await self._text(name)
        return {**self.check(name, text), "text": text, "seen": digest(text)}

    def check(self, name: str, text: str) -> Row:
        """Problems with their lines; when there are none the drawing, and the texts no prompt is recorded for."""
        self._must_be_flow_file(name)
        flow, problems = self._registry.check(name, text)
        return {
            "file": name,
            "flow": flow.name if flow else None,
            "problems": [problem.as_json() for problem in problems],
            "picture": asdict(draw.picture(flow)) if flow else None,
            "lines": node_lines(text),
            "missing": self._missing(flow) if flow else [],
        }

    def preview(
        self,
        name: str,
        text: str,
        caller: str,
        language: str,
        at: Micros | None,
        answers: Sequence[str],
        found: Mapping[str, Found] | None = None,
    ) -> Preview:
        """Walk this text, saved or not. Raises FlowInvalid when it cannot be walked."""
        flow = self._good(name, text)
        context = CallContext(caller=caller, did=flow.name, language=language, time_zone=self._time_zone)
        return preview(flow, self._registry.flows, context, answers, at or self._clock.now(), found)

    async def history(self, name: str) -> list[Row]:
        """Versions, newest first; `in_force` is the file as it is now."""
        present = await self._text(name, missing_ok=True)
        now = digest(present) if present is not None else ""
        versions = await self._store.versions(name, MOST_VERSIONS)
        rows = [{**asdict(one), "in_force": one.digest == now} for one in versions]
        for row in rows[1:]:
            row["in_force"] = row["in_force"] and not rows[0]["in_force"]
        return rows

    async def version(self, name: str, version: int) -> Row:
        """An older text and how it differs from the file as it is now."""
        found = await self._store.version(name, version)
        if found is None:
            raise NotFound(f"{name} has no version {version}")
        return {**asdict(found), "diff": changes(found.text, await self._text(name, missing_ok=True) or "")}

    async def retired(self) -> list[str]:
        """Files that are kept as versions only; saving one of its texts as a new file brings it back."""
        present = {*await asyncio.to_thread(self._names), CALENDARS}
        return [name for name in await self._store.version_files() if name not in present]

    def templates(self, queue: str) -> list[str]:
        return list(templates(queue, self._calendar_for_templates()))

    def from_template(self, template: str, name: str, title: Mapping[str, str], queue: str) -> str:
        """A text to begin with; nothing is saved. Raises NotFound."""
        if queue not in (self._registry.queues or ()):
            raise Refused(wrong("no_queue", name=queue), "queue")
        if template not in self.templates(queue):
            raise NotFound(f"there is no template {template}")
        return from_template(template, name, title, queue, self._calendar_for_templates())

    def _calendar_for_templates(self) -> str | None:
        return next(iter(self._registry.calendars), None)

    # -- changing --------------------------------------------------------------------------------------------

    async def save(self, name: str, text: str, seen: str | None, note: str, by: By) -> Row:
        """Put a text in force as a new version. `seen` is the digest of the text it began from, None for a new file."""
        self._must_be_flow_file(name)
        self._good(name, text)
        await self._put(name, text, seen, note, by, "flow_saved")
        return await self.file(name)

    async def retire(self, name: str, seen: str, by: By) -> None:
        """The file goes, its texts stay as versions. Conflict while a dialled number or another flow needs it; calls in
        progress end in it."""
        self._must_be_flow_file(name)
        async with self._one_by_one:
            present = await self._text(name)
            if digest(present) != seen:
                await self._refuse_as_changed(name, present, seen)
            if (why := next(self._registry.needs(name), None)) is not None:
                raise needed(why)
            async with self._store.change() as change:
                await self._keep_present(change, name, present)
                now, before = self._clock.now(), {"digest": digest(present)}
                await change.audit(now, by.login, by.address, "flow_retired", name, before, None)
            await self._on_disk(self._path(name).unlink)
            await self._registry.refresh(anyway=True)

    async def calendars(self) -> Row:
        """Opening hours by name, and what `save_calendar` must have seen."""
        text = await self._text(CALENDARS, missing_ok=True)
        found = load_calendars(text, CALENDARS) if text else {}
        return {
            "calendars": {name: _CALENDAR.dump_python(one, mode="json") for name, one in found.items()},
            "seen": digest(text) if text else None,
        }

    async def save_calendar(self, name: str, item: Mapping[str, Any] | None, seen: str | None, by: By) -> Row:
        """Change opening hours, make new ones, or with None remove them."""
        present = await self.calendars()
        kept: dict[str, Any] = {
            key: one for key, one in present["calendars"].items() if key != name or item is not None
        }
        if item is not None:
            kept[name] = _calendar(item)
        refuse(overlaps(_CALENDAR.validate_python(item)) if item is not None else ())
        text = yaml.safe_dump(kept, allow_unicode=True, sort_keys=False, width=120)
        _, problems = self._registry.check(CALENDARS, text)
        if problems:
            raise Refused(problems[0].why, problems[0].field or "name")
        await self._put(CALENDARS, text, seen, name, by, "calendar_saved")
        return await self.calendars()

    def outlook(self, item: Mapping[str, Any]) -> Row:
        """Whether these opening hours, saved or not, are open now, what changes next, and the special days ahead."""
        calendar = _CALENDAR.validate_python(_calendar(item))
        refuse(overlaps(calendar))
        found = outlook(calendar, self._clock.now(), self._time_zone)
        return {**asdict(found.state), "days": [{**asdict(one), "day": one.day.isoformat()} for one in found.days]}

    async def _put(self, name: str, text: str, seen: str | None, note: str, by: By, action: str) -> None:
        async with self._one_by_one:
            present = await self._text(name, missing_ok=True)
            if (digest(present) if present is not None else None) != seen:
                await self._refuse_as_changed(name, present, seen, text)
            part = await self._beside(name, text)
            try:
                async with self._store.change() as change:
                    await self._keep(change, name, present, text, note, by, action)
                await self._on_disk(os.replace, part, self._path(name))
            finally:
                with suppress(FileNotFoundError):
                    await asyncio.to_thread(part.unlink)
            await self._registry.refresh(anyway=True)

    async def _keep(
        self, change: SetupTransaction, name: str, present: str | None, text: str, note: str, by: By, action: str
    ) -> None:
        now = self._clock.now()
        await self._keep_present(change, name, present)
        version = FlowVersion(file=name, digest=digest(text), at=now, login=by.login, note=note, text=text)
        number = await change.add_version(version)
        before = {"digest": digest(present)} if present is not None else None
        after = {"digest": digest(text), "version": number, "diff": changes(present or "", text)[:20_000]}
        await change.audit(now, by.login, by.address, action, f"{name}: {note}" if note else name, before, after)

    async def _keep_present(self, change: SetupTransaction, name: str, present: str | None) -> None:
        """What was changed by hand becomes a version of its own."""
        newest = await change.newest_version(name)
        if present is not None and (newest is None or newest.digest != digest(present)):
            at = self._clock.now()
            await change.add_version(FlowVersion(file=name, digest=digest(present), at=at, login="", text=present))

    async def _base(self, name: str, seen: str | None) -> str | None:
        """The text somebody began from, when it is kept."""
        versions = await self._store.versions(name, MOST_VERSIONS)
        found = next((one.id for one in versions if one.digest == seen), None)
        version = await self._store.version(name, found) if found is not None else None
        return version.text if version else None

    async def _refuse_as_changed(self, name: str, present: str | None, seen: str | None, mine: str = "") -> None:
        """`theirs` is what the other changed, `merged` both changes in one text, where they do not touch."""
        base = await self._base(name, seen)
        both = merged(base, mine, present) if base is not None and present is not None and mine else None
        newest = next(iter(await self._store.versions(name, 1)), None)
        who = newest.login if newest and present is not None and newest.digest == digest(present) else ""
        raise Conflict(
            f"{name} was changed by {who or 'hand'} meanwhile",
            reason="changed",
            now={"text": present, "seen": digest(present)} if present is not None else None,
            by=who,
            at=newest.at if newest and who else None,
            theirs=changes(mine if base is None else base, present or ""),
            merged=both,
        )

    # -- files -----------------------------------------------------------------------------------------------

    def _path(self, name: str) -> Path:
        return self._registry.folder / name

    def _names(self) -> list[str]:
        found = self._registry.folder.glob("*.yaml")
        return sorted(one.name for one in found if one.name not in NO_FLOWS and one.name != CALENDARS)

    async def _about(self, name: str) -> Row:
        text = await self._text(name)
        flow, problems = self._registry.check(name, text)
        last = next(iter(await self._store.versions(name, 1)), None)
        saved = last if last and last.digest == digest(text) else None
        return {
            "file": name,
            "flow": flow.name if flow else None,
            "title": flow.title.root if flow else {},
            "version": digest(text),
            "problems": len(problems),
            "saved_by": saved.login if saved else "",
            "saved_at": saved.at if saved else None,
        }

    async def _text(self, name: str, *, missing_ok: bool = False) -> Any:
        """None for a missing file when that is fine."""
        if name != CALENDARS:
            self._must_be_flow_file(name)
        try:
            return await asyncio.to_thread(self._path(name).read_text, encoding="utf-8")
        except FileNotFoundError:
            if missing_ok:
                return None
            raise NotFound(f"there is no flow file {name}") from None
        except (OSError, UnicodeDecodeError) as error:
            raise Unavailable(f"{name} cannot be read: {error}") from None

    async def _beside(self, name: str, text: str) -> Path:
        """The text as a file in the same folder, so that the rename is one step."""
        part = self._path(f".{name}.{secrets.token_hex(4)}.part")
        await self._on_disk(_write, part, text)
        return part

    async def _on_disk(self, work: Any, *arguments: Any) -> None:
        try:
            await asyncio.to_thread(work, *arguments)
        except OSError as error:
            raise Unavailable(
                f"the flows folder {self._registry.folder} cannot be written: {error.strerror}; give the server's user the"
                " right to write there (setting paths.flows)",
                reason="folder",
            ) from None

    def _must_be_flow_file(self, name: str) -> None:
        if not _FILE.fullmatch(name) or name in NO_FLOWS or name == CALENDARS:
            raise Refused(wrong("file_form"), "file")

    def _good(self, name: str, text: str) -> Flow:
        flow, problems = self._registry.check(name, text)
        if flow is None:
            raise _refused(problems)
        return flow

    def _missing(self, flow: Flow) -> list[Row]:
        """Texts whose sound has to be made first; that happens by itself after the save."""
        found = wanted({flow.name: flow})
        return [{"language": one, "text": text} for one, text in found if self._speaker.ready(text, one) is None]


def _refused(problems: Sequence[Problem]) -> FlowInvalid:
    """As JSON can carry it."""
    error = invalid(problems)
    error.details["problems"] = [problem.as_json() for problem in problems]
    return error


def _calendar(item: Mapping[str, Any]) -> Any:
    try:
        return _CALENDAR.dump_python(_CALENDAR.validate_python(item), mode="json")
    except ValidationError as error:
        raise refused(by_field(error.errors(), deep=True)) from None


def digest(text: str) -> str:
    """The same as the version of the flow loaded from it."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def changes(before: str, after: str) -> str:
    """Unified diff."""
    return "\n".join(difflib.unified_diff(before.splitlines(), after.splitlines(), "before", "after", lineterm="", n=2))


def _write(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
