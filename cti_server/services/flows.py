"""The flows in force: read from a folder, reloaded when a file changes.

A file that does not validate is refused with file, line and reason; the flow's old version keeps serving. Calls in progress
keep the mapping they started with (`flows` is replaced, never changed), so an edit never moves the floor under a caller.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import structlog

from cti_server.domain.calendar import Calendar
from cti_server.domain.calls import MenuStep
from cti_server.domain.flows.labels import choice_texts
from cti_server.domain.flows.load import flow_name, load_calendars, load_flow
from cti_server.domain.flows.problems import Problem
from cti_server.domain.flows.schema import Flow, Hours, Subflow
from cti_server.domain.wrong import Wrong, wrong
from cti_server.errors import BadSettings, FlowInvalid, NotFound

CALENDARS = "calendars.yaml"
NO_FLOWS = frozenset({"lookups.yaml", "notices.yaml"})
"""Files of the same folder that services/lookups reads."""
WATCH_SECONDS = 1.0
log = structlog.get_logger(__name__)
_Stamp = tuple[tuple[str, int, int, int], ...]


class FlowRegistry:
    """`names_known`: queue names flows may use, looked at with every check; None = not checked. `dids`: dialled number →
    `flow:language`, where `*` catches every other number. Call `load` once at the start."""

    def __init__(
        self, folder: Path, names_known: Collection[str] | None = None, dids: Mapping[str, str] | None = None
    ) -> None:
        self.folder = folder
        self.queues = names_known
        self.dids = dict(dids or {})
        self.flows: Mapping[str, Flow] = {}
        self.problems: tuple[Problem, ...] = ()
        self._calendars: Mapping[str, Calendar] = {}
        self._stamp: _Stamp = ()
        self._by_file: dict[str, str] = {}
        self._subscribers: list[Callable[[Mapping[str, Flow]], None]] = []

    def get(self, name: str) -> Flow:
        """Raises NotFound."""
        try:
            return self.flows[name]
        except KeyError:
            known = ", ".join(sorted(self.flows)) or "none"
            raise NotFound(f"no flow {name!r}; flows in force: {known}") from None

    def for_did(self, did: str) -> tuple[Flow, str]:
        """The flow of a dialled number and the language it starts in. Raises NotFound."""
        target = self.dids.get(did) or self.dids.get("*")
        if target is None:
            raise NotFound("no flow for the dialled number; add it to calls.dids, or give calls.dids a '*'")
        name, _, language = target.partition(":")
        flow = self.get(name)
        return flow, language if language in flow.languages else flow.languages[0]

    def choice_texts(self, step: MenuStep) -> Mapping[str, str]:
        """What a caller's choice in a menu is called, by language."""
        return choice_texts(self.flows, step)

    @property
    def calendars(self) -> Mapping[str, Calendar]:
        return self._calendars

    def check(self, file: str, text: str) -> tuple[Flow | None, list[Problem]]:
        """What this text would be as that file beside the others; nothing changes."""
        if file == CALENDARS:
            return None, self._check_calendars(text)
        name, before = flow_name(text) or "", self._by_file.get(file, "")
        others = {flow: one for one, flow in self._by_file.items() if one != file and flow in self.flows}
        problems = [Problem(file, 1, "", wrong("same_flow", file=others[name], name=name))] if name in others else []
        if before and name != before and any(to.partition(":")[0] == before for to in self.dids.values()):
            problems.append(Problem(file, 1, "", wrong("keeps_name", name=before)))
        try:
            known = {*others, name}
            flow = load_flow(text, file, queues=self.queues, flows=known, calendars=self._calendars)
        except FlowInvalid as error:
            return None, sorted({*problems, *problems_of(error)})
        return (None if problems else flow), problems

    def _check_calendars(self, text: str) -> list[Problem]:
        """Of the calendars, and of the flows as they would be with them."""
        try:
            calendars = load_calendars(text, CALENDARS)
        except FlowInvalid as error:
            return problems_of(error)
        named = ((flow, node, one) for flow in self.flows.values() for node, one in flow.nodes.items())
        return [
            Problem(CALENDARS, 1, "", wrong("flow_needs_hours", name=flow.name, node=node, to=one.calendar))
            for flow, node, one in named
            if isinstance(one, Hours) and one.calendar in self._calendars and one.calendar not in calendars
        ]

    def needs(self, file: str) -> Iterator[Wrong]:
        """Why this file may not go."""
        name = self._by_file.get(file)
        if name is None or name not in self.flows:
            return
        if len(self.flows) == 1:
            yield wrong("last_flow")
        for did, target in self.dids.items():
            if target.partition(":")[0] == name:
                yield wrong("did_leads_here", number=did, name=name)
        for flow in self.flows.values():
            if flow.name != name and any(isinstance(one, Subflow) and one.flow == name for one in flow.nodes.values()):
                yield wrong("flow_calls_flow", name=flow.name, to=name)

    def subscribe(self, subscriber: Callable[[Mapping[str, Flow]], None]) -> Callable[[], None]:
        """Told of the flows in force after each change (to get their prompts ready). Returns the undo."""
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber)

    def load(self, *, report: bool = True) -> None:
        """Read the folder now. Problems of files are kept in `problems` and, with `report`, logged; they are not raised.
        Raises BadSettings when there is no such folder."""
        try:
            self._take(_stamp(self.folder), _read(self.folder))
        except OSError as error:
            raise BadSettings(f"paths.flows: {self.folder} cannot be read: {error.strerror}") from None
        if report:
            self._report()

    async def refresh(self, *, anyway: bool = False) -> bool:
        """Reload if any file changed (time, size or inode), or `anyway` (other queues exist); True when it did."""
        stamp = await asyncio.to_thread(_stamp, self.folder)
        if stamp == self._stamp and not anyway:
            return False
        self._take(stamp, await asyncio.to_thread(_read, self.folder))
        self._report()
        return True

    def _report(self) -> None:
        for problem in self.problems:
            log.error("flow_refused", file=problem.file, line=problem.line, node=problem.node, reason=problem.message)
        log.info("flows_in_force", versions={name: flow.version for name, flow in self.flows.items()})

    async def watch(self, every: float = WATCH_SECONDS) -> None:
        """Reload after each change, until cancelled. A folder that is away for a moment changes nothing."""
        while True:
            await asyncio.sleep(every)
            try:
                await self.refresh()
            except OSError as error:
                log.warning("flows_unreadable", reason=error.strerror)

    def _take(self, stamp: _Stamp, files: Mapping[str, str | Problem]) -> None:
        self._stamp = stamp
        unreadable = [found for found in files.values() if isinstance(found, Problem)]
        texts = {name: text for name, text in files.items() if isinstance(text, str)}
        calendars = self._take_calendars(texts.pop(CALENDARS, None))
        flows, refused = self._load_all(texts)
        flows = {**self._kept(files), **flows}
        dids = [problem for did, to in self.dids.items() if (problem := _did_problem(did, to, flows))]
        self.problems = tuple(sorted({*unreadable, *calendars, *refused, *dids}))
        self._put_in_force(flows)

    def _kept(self, files: Mapping[str, str | Problem]) -> dict[str, Flow]:
        """Flows whose file cannot be read at the moment."""
        names = (self._by_file.get(file) for file, found in files.items() if isinstance(found, Problem))
        return {name: self.flows[name] for name in names if name and name in self.flows}

    def _put_in_force(self, flows: dict[str, Flow]) -> None:
        changed = flows != self.flows
        self.flows = MappingProxyType(flows)
        if changed:
            for subscriber in tuple(self._subscribers):
                subscriber(self.flows)

    def _take_calendars(self, text: str | None) -> list[Problem]:
        try:
            self._calendars = load_calendars(text, str(self.folder / CALENDARS)) if text is not None else {}
        except FlowInvalid as error:
            return problems_of(error)
        return []

    def _load_all(self, texts: Mapping[str, str]) -> tuple[dict[str, Flow], list[Problem]]:
        names = {file: flow_name(text) or self._by_file.get(file, "") for file, text in sorted(texts.items())}
        flows: dict[str, Flow] = {}
        problems: list[Problem] = []
        for file, name in names.items():
            if name and name in flows:
                other = next(one for one, flow in names.items() if flow == name)
                problems.append(Problem(str(self.folder / file), 1, "", wrong("same_flow", file=other, name=name)))
                continue
            flow, found = self._load_one(file, texts[file], name, set(names.values()))
            problems += found
            if flow is not None:
                flows[flow.name] = flow
                self._by_file[file] = flow.name
        return flows, problems

    def _load_one(self, file: str, text: str, name: str, known: set[str]) -> tuple[Flow | None, list[Problem]]:
        """The new version, or the old one and what is wrong with the new."""
        source = str(self.folder / file)
        try:
            return load_flow(text, source, queues=self.queues, flows=known, calendars=self._calendars), []
        except FlowInvalid as error:
            return self.flows.get(name), problems_of(error)


def problems_of(error: FlowInvalid) -> list[Problem]:
    found = error.details.get("problems")
    return [problem for problem in found if isinstance(problem, Problem)] if isinstance(found, list) else []


def _did_problem(did: str, target: str, flows: Mapping[str, Flow]) -> Problem | None:
    if leads_to_flow(target, flows):
        return None
    return Problem("calls.dids", 1, "", wrong("did_nowhere", number=did, to=target))


def leads_to_flow(target: str, flows: Mapping[str, Flow]) -> bool:
    name, _, language = target.partition(":")
    return name in flows and (not language or language in flows[name].languages)


def _stamp(folder: Path) -> _Stamp:
    """Changes when a file does: an editor that writes a new file and renames it changes the inode."""
    if not folder.is_dir():
        raise FileNotFoundError(errno.ENOENT, "no such folder", str(folder))
    stats = ((path.name, path.stat()) for path in sorted(folder.glob("*.yaml")))
    return tuple((name, stat.st_mtime_ns, stat.st_ino, stat.st_size) for name, stat in stats)


def _read(folder: Path) -> dict[str, str | Problem]:
    """File name → text, or why it cannot be read."""
    return {path.name: _text(path) for path in sorted(folder.glob("*.yaml")) if path.name not in NO_FLOWS}


def _text(path: Path) -> str | Problem:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        no_text = isinstance(error, UnicodeDecodeError)
        why = wrong("not_utf8") if no_text else wrong("unreadable", text=getattr(error, "strerror", ""))
        return Problem(str(path), 1, "", why)
