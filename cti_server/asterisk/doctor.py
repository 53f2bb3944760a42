"""`cti-server doctor`: is everything there that a call needs, and if not, what to mend. Changes nothing.

Works on any Asterisk one can log in to (our conf files or FreePBX): it asks over AMI only. The one thing it starts there is
a call to an extension that does not exist; that fails at once and its events show what the manager user may read.
"""

from __future__ import annotations

import asyncio
import re
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from asterisk.ami.action import Action, SimpleAction
from sqlalchemy import URL, make_url, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

from cti_server.asterisk.ami.link import CLASSES
from cti_server.asterisk.ami.session import Session
from cti_server.asterisk.ami.wire import Message
from cti_server.asterisk.inventory import lacking
from cti_server.asterisk.translate import CALL_ID, parse_stamp
from cti_server.clock import Clock, SystemClock
from cti_server.config import Settings
from cti_server.domain.ids import SECOND
from cti_server.domain.on_switch import LAST_QUEUE, endpoints, needed, own_queue
from cti_server.domain.setup import Setup
from cti_server.errors import CtiError, SwitchRefused, SwitchUnavailable

LEAST_VERSION = (22, 10)
CLOCK_SECONDS = 1.0
"""Asterisk's clock and ours may differ by this much before times on the timeline look wrong."""
EVENT_TRIES, EVENT_PAUSE = 30, 0.1
"""Up to 3 s for the events of the call to nowhere."""

RIGHTS = {
    "Originate": "originate",
    "Hangup": "call",
    "PlayDTMF": "call",
    "BlindTransfer": "call",
    "Atxfer": "call",
    "Setvar": "call",
    "QueueAdd": "agent",
    "QueueRemove": "agent",
    "CoreStatus": "reporting",
    "CoreSettings": "reporting",
    "CoreShowChannels": "reporting",
    "DeviceStateList": "reporting",
    "Getvar": "reporting",
    "ShowDialPlan": "reporting",
}
"""Action we use → the write right that gives it and is no more than needed."""
EXCESS = {"Command": "command", "UpdateConfig": "config", "ModuleCheck": "system"}
MODULES = {
    "res_agi": "calls reach this server over FastAGI",
    "app_dial": "agents are rung",
    "app_queue": "the fallback queue when no server answers",
    "app_senddtmf": "waiting callers are woken",
    "app_playback": "prompts",
    "app_record": "messages callers leave",
    "app_stack": "call ids reach agents' phones",
    "chan_pjsip": "phones and carriers",
    "res_musiconhold": "music while waiting",
    "res_rtp_asterisk": "sound",
    "format_wav": "recordings",
}
NICE_MODULES = {
    "app_mixmonitor": "talks are recorded",
    "res_pjsip_transport_websocket": "phones in the browser",
    "res_http_media_cache": "prompts over HTTP",
}
CONTEXTS = ("cti-inbound", "cti-serve", "cti-agents", "cti-transfer", "cti-callback", "cti-predial", "cti-answered")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `mend` says in plain words what to do; '' when all is well."""

    level: Literal["ok", "warn", "fail"]
    what: str
    found: str
    mend: str = ""


async def examine(settings: Settings, clock: Clock | None = None, setup: Setup | None = None) -> list[Finding]:
    """Every finding, in the order a person would mend them. Raises nothing: what cannot be looked at is a finding. `setup` None =
    nobody knows yet what will be set up."""
    findings = [finding async for finding in _switch(settings, clock or SystemClock(), setup)]
    findings += [_port("FastAGI port", settings.agi.host, settings.agi.port, "CTI_AGI__PORT")]
    findings += [_port("HTTP port", settings.http.host, settings.http.port, "CTI_HTTP__PORT")]
    findings += _folders(settings)
    findings.append(_queue_log(settings.paths.queue_log))
    findings.append(await _database(settings.database.url))
    return findings


def render(findings: Sequence[Finding]) -> str:
    """Text for a terminal: one line a finding, what to mend below it, a verdict at the end."""
    width = max((len(finding.what) for finding in findings), default=0)
    lines = []
    for finding in findings:
        lines.append(f"{finding.level:<4}  {finding.what:<{width}}  {finding.found}")
        if finding.mend:
            lines.append(f"{'':<4}  {'':<{width}}  → {finding.mend}")
    fails, warns = (sum(finding.level == level for finding in findings) for level in ("fail", "warn"))
    lines.append(f"{fails} to mend, {warns} to look at" if fails or warns else "all is well")
    return "\n".join(lines)


# ---- Asterisk -------------------------------------------------------------------------------------------------


async def _switch(settings: Settings, clock: Clock, setup: Setup | None) -> AsyncIterator[Finding]:
    seen: list[Message] = []
    try:
        async with Session(settings.ami, events=CLASSES, on_event=seen.append) as session:
            yield Finding("ok", "AMI login", f"{settings.ami.username} at {settings.ami.host}:{settings.ami.port}")
            for check in (_version, _name, _clocks, _rights):
                async for finding in check(session, settings, clock):
                    yield finding
            async for finding in _events(session, seen):
                yield finding
            async for finding in _modules(session):
                yield finding
            async for finding in _dialplan(session):
                yield finding
            async for finding in _nodes(session, settings):
                yield finding
            async for finding in _set_up(session, setup):
                yield finding
    except SwitchRefused as error:
        yield Finding("fail", "AMI login", "refused", str(error))
    except SwitchUnavailable as error:
        mend = "start Asterisk; manager.conf needs enabled=yes and the address CTI_AMI__HOST and CTI_AMI__PORT say"
        yield Finding("fail", "AMI", str(error), mend)


async def _version(session: Session, settings: Settings, clock: Clock) -> AsyncIterator[Finding]:
    answer = await _try(session, SimpleAction("CoreSettings"))
    word = answer.get("AsteriskVersion") if answer else ""
    match = re.search(r"(\d+)\.(\d+)", word)
    least = ".".join(map(str, LEAST_VERSION))
    if match is None:
        yield Finding("warn", "Asterisk version", "not told", "give the manager user write=reporting")
    elif (int(match[1]), int(match[2])) < LEAST_VERSION:
        yield Finding("fail", "Asterisk version", word, f"install Asterisk {least} or newer")
    else:
        yield Finding("ok", "Asterisk version", word)


async def _name(session: Session, settings: Settings, clock: Clock) -> AsyncIterator[Finding]:
    answer = await _try(session, SimpleAction("CoreSettings"))
    name, ours = answer.get("SystemName") if answer else "", settings.calls.node
    if name.startswith(f"{ours}-"):
        yield Finding("ok", "system name", f"{ours}-…")
    else:
        mend = (
            f"set systemname={ours}-<something nobody can guess> in asterisk.conf, or CTI_CALLS__NODE: call ids are unique"
            " per system name only, and a caller who forges events in his number must not know it"
        )
        yield Finding("warn", "system name", name or "none", mend)


async def _clocks(session: Session, settings: Settings, clock: Clock) -> AsyncIterator[Finding]:
    before = clock.now()
    answer = await _try(session, SimpleAction("Ping"))
    theirs, ours = parse_stamp(answer.get("Timestamp") if answer else ""), (before + clock.now()) // 2
    if theirs is None:
        yield Finding(
            "warn", "clocks", "Asterisk told no time", "use Asterisk's own time service to compare the clocks"
        )
        return
    apart = abs(theirs - ours) / SECOND
    level: Literal["ok", "fail"] = "ok" if apart <= CLOCK_SECONDS else "fail"
    mend = "" if level == "ok" else "run a time service (chrony) on both machines"
    yield Finding(level, "clocks", f"{apart:.3f} s apart", mend)


async def _rights(session: Session, settings: Settings, clock: Clock) -> AsyncIterator[Finding]:
    answer = await _try(session, SimpleAction("ListCommands"))
    allowed = {name for name, _ in answer.headers()} if answer else set()
    missing = sorted({right for action, right in RIGHTS.items() if action not in allowed})
    user = f"[{settings.ami.username}] in manager.conf"
    if missing:
        found = "missing: " + ", ".join(missing)
        yield Finding(
            "fail", "AMI rights", found, f"add {','.join(missing)} to write= of {user}, then `manager reload`"
        )
    else:
        yield Finding("ok", "AMI rights", "enough to serve calls")
    if excess := [right for action, right in EXCESS.items() if action in allowed]:
        mend = f"take {','.join(excess)} out of write= of {user}: with it, whoever has the password has the machine"
        yield Finding("warn", "AMI rights", "more than needed: " + ", ".join(excess), mend)


async def _events(session: Session, seen: list[Message]) -> AsyncIterator[Finding]:
    """A call to nowhere makes Newchannel and Hangup; FullyBooted came with the login."""
    keys = {"Channel": "Local/0@cti-doctor-nowhere", "Application": "NoOp", "Async": "true", "Timeout": "1000"}
    await _try(session, Action("Originate", keys))
    for _ in range(EVENT_TRIES):
        if any(event.name == "Hangup" for event in seen):
            break
        await asyncio.sleep(EVENT_PAUSE)
    names = {event.name for event in seen}
    for name, right in (("FullyBooted", "system"), ("Newchannel", "call")):
        level: Literal["ok", "fail"] = "ok" if name in names else "fail"
        mend = (
            ""
            if level == "ok"
            else f"add {right} to read= of the manager user (write=originate is needed to test call)"
        )
        yield Finding(level, f"events: {right}", "read" if level == "ok" else "none came", mend)
    channel = next((event for event in seen if event.name == "Newchannel"), None)
    if channel is not None:
        for finding in _event_settings(channel):
            yield finding


def _event_settings(channel: Message) -> Iterator[Finding]:
    checks = (
        ("timestampevents=yes", bool(channel.get("Timestamp")), "times would be those of arrival"),
        (f"channelvars={CALL_ID}", CALL_ID in channel.variables(), "events could not be tied to calls"),
    )
    for line, there, why in checks:
        if there:
            yield Finding("ok", "manager.conf", line)
        else:
            yield Finding("fail", "manager.conf", f"no {line}", f"put {line} under [general]: without it {why}")


async def _modules(session: Session) -> AsyncIterator[Finding]:
    """IFMODULE needs no more than `reporting`; ModuleCheck would need `system`."""
    wanted = {**MODULES, **NICE_MODULES}
    absent = [name for name in wanted if not await _loaded(session, name)]
    if len(absent) == len(wanted):
        yield Finding("warn", "modules", "cannot be seen", "load func_module.so and give write=reporting")
        return
    for name in absent:
        level: Literal["warn", "fail"] = "fail" if name in MODULES else "warn"
        yield Finding(level, "modules", f"{name} is not loaded", f"load={name}.so in modules.conf: {wanted[name]}")
    yield Finding("ok", "modules", f"{len(wanted) - len(absent)} of {len(wanted)} loaded")


async def _loaded(session: Session, name: str) -> bool:
    answer = await _try(session, SimpleAction("Getvar", Variable=f"IFMODULE({name}.so)"))
    return answer is not None and answer.get("Value") == "1"


async def _dialplan(session: Session) -> AsyncIterator[Finding]:
    absent = []
    for context in CONTEXTS:
        try:
            await session.gather(SimpleAction("ShowDialPlan", Context=context))
        except SwitchRefused as error:
            if "ermission" in str(error):
                yield Finding("warn", "dialplan", "may not be seen", "give the manager user write=reporting")
                return
            absent.append(context)
    if absent:
        mend = "include docker/asterisk/conf/extensions.conf (FreePBX: from extensions_custom.conf), then `dialplan reload`"
        yield Finding("fail", "dialplan", "missing: " + ", ".join(absent), mend)
    else:
        yield Finding("ok", "dialplan", ", ".join(CONTEXTS))


async def _nodes(session: Session, settings: Settings) -> AsyncIterator[Finding]:
    """The dialplan's list of servers: this one must be in it."""
    answer = await _try(session, SimpleAction("Getvar", Variable="CTI_NODES"))
    nodes, ours = (answer.get("Value") if answer else ""), f"{settings.agi.host}:{settings.agi.port}"
    if settings.agi.port == 0 or ours in nodes.split("&"):
        yield Finding("ok", "servers in the dialplan", nodes)
    else:
        mend = (
            f"put {ours} (or the address Asterisk reaches it at) into CTI_NODES in extensions.conf, servers joined by &"
        )
        yield Finding("warn", "servers in the dialplan", nodes or "none", mend)


async def _set_up(session: Session, setup: Setup | None) -> AsyncIterator[Finding]:
    """Phones and queues that are set up in our database and have to be in Asterisk's own files too."""

    async def value(expression: str) -> str:
        answer = await _try(session, SimpleAction("Getvar", Variable=expression))
        return answer.get("Value") if answer else ""

    agents, queues = (setup.agents.values(), setup.queues) if setup else ((), ())
    absent = await lacking(value, *needed(agents, queues))
    if LAST_QUEUE in absent.queues:
        mend = f"add [{LAST_QUEUE}] to queues.conf as ours has it: while no server answers, callers would only hear an apology"
        yield Finding("fail", "fallback queues", f"missing: {LAST_QUEUE}", mend)
    if own := [name for name in queues if own_queue(name) in absent.queues]:
        lines = " ".join(f"[{own_queue(name)}](cti)" for name in own)
        mend = (
            f"a hint: while no server answers, their callers wait in {LAST_QUEUE}; for a queue of their own add {lines}"
            " to queues.conf, then `queue reload all`"
        )
        yield Finding("warn", "fallback queues", "without their own: " + ", ".join(own), mend)
    if without := [one.agent_id for one in agents if absent.endpoints.issuperset(endpoints(one))]:
        mend = (
            "their phones are not in Asterisk: the page shows the lines to add (Administration, Agents), or see"
            " docs/operations.md, A new agent's phone"
        )
        yield Finding("warn", "agents' phones", "no endpoint for " + ", ".join(without), mend)
    elif agents:
        yield Finding("ok", "agents' phones", f"endpoints of {len(agents)} agents")


async def _try(session: Session, action: Action) -> Message | None:
    """The answer, or None when this user may not ask."""
    try:
        return await session.send(action)
    except SwitchRefused:
        return None


# ---- this machine -----------------------------------------------------------------------------------------------


def _port(what: str, host: str, port: int, setting: str) -> Finding:
    where = f"{host}:{port}"
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            mend = f"fine when this server is running; else stop the program that uses it, or change {setting}"
            return Finding("warn", what, f"{where}: {error.strerror}", mend)
    return Finding("ok", what, f"{where} is free")


def _folders(settings: Settings) -> Iterator[Finding]:
    paths = settings.paths
    for what, setting, path in (
        ("recordings folder", "CTI_PATHS__RECORDINGS", paths.recordings),
        ("data and prompt folder", "CTI_PATHS__DATA", paths.data),
    ):
        yield _writable(what, setting, path)


def _writable(what: str, setting: str, path: Path) -> Finding:
    """A folder that is not there yet is made at start; then its nearest parent must let us."""
    place = path.absolute()
    while not place.exists():
        place = place.parent
    try:
        # tried, not asked: to root every folder seems to be writable, also on a file system that is not
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        why = f"{place} cannot be written: {error.strerror}"
        return Finding("fail", what, why, f"let this user write there, or change {setting}")
    return Finding("ok", what, str(path) if path.exists() else f"{path} (made at start)")


def _queue_log(path: Path) -> Finding:
    try:
        with path.open("rb"):
            return Finding("ok", "queue_log", str(path))
    except OSError as error:
        mend = (
            "let this user read Asterisk's queue_log (logger.conf: queue_log=yes) and say where it is with"
            " CTI_PATHS__QUEUE_LOG: without it, callers who came while no server ran stay unknown"
        )
        return Finding("warn", "queue_log", f"{path}: {error.strerror}", mend)


def missing_file(address: URL) -> Path | None:
    """SQLite's file, when it is still to be made: connecting would make it."""
    file = Path(address.database or "")
    return file if address.get_backend_name() == "sqlite" and not file.exists() else None


async def _database(url: str) -> Finding:
    mend = "start the database and check CTI_DATABASE__URL; `cti-server migrate` makes the tables"
    try:
        address = make_url(url)
        shown = address.render_as_string(hide_password=True)
        if missing := missing_file(address):
            return _writable("database", "CTI_DATABASE__URL", missing.parent)
        engine = create_async_engine(address, connect_args={"timeout": 5})
        try:
            async with engine.connect() as connection:
                await connection.execute(text("SELECT 1"))
        finally:
            await engine.dispose()
    except (SQLAlchemyError, OSError, TimeoutError, CtiError) as error:
        return Finding("fail", "database", str(error).splitlines()[0], mend)
    return Finding("ok", "database", shown)
