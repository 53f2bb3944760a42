"""A shift leader's tools: listen in, give a waiting caller to an agent, move agents, announce, be alarmed. Inspectors may
listen, silently; every listen and every change is audited before it is carried out.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from cti_server.domain.alarms import Thresholds as Limits
from cti_server.domain.ids import AgentId
from cti_server.domain.users import Role
from cti_server.errors import Conflict, Unavailable
from cti_server.web.leader import Leader
from cti_server.web.leader_wire import (
    Announce,
    Announcement,
    Assign,
    Listen,
    Listening,
    Move,
    OneAnnouncement,
    Recent,
    SentAnnouncement,
    SetThresholds,
    Thresholds,
)
from cti_server.web.parts import Ask
from cti_server.web.routes import LEADS, TAKES_CALLS, Handle, Route
from cti_server.web.wire import Args, Done

LISTENS: frozenset[Role] = LEADS | {"inspector"}
SETS_UP: frozenset[Role] = LEADS | {"admin"}
WATCHES: frozenset[Role] = LISTENS | {"admin"}


def _tools(ask: Ask) -> Leader:
    if ask.parts.leader is None:
        raise Unavailable("this server has no tools for leaders")
    return ask.parts.leader


def _own(ask: Ask) -> AgentId:
    if ask.user.agent_id is None:
        raise Conflict("this login has no phone of its own; an administrator can give it an agent", reason="no_agent")
    return ask.user.agent_id


async def listen(ask: Ask, args: Listen) -> Done:
    tools = _tools(ask)
    if args.mode != "listen":
        ask.require(LEADS)
    own = _own(ask)
    await ask.audit(args.mode, args.agent_id)
    await tools.listening.listen(AgentId(args.agent_id), args.mode, ask.user.login, own)
    return Done()


async def end_listening(ask: Ask, _: Args) -> Done:
    await _tools(ask).listening.end(ask.user.login)
    return Done()


async def listening(ask: Ask, _: Args) -> Any:
    return _tools(ask).listening.of(ask.user.login)


async def assign(ask: Ask, args: Assign) -> Done:
    tools = _tools(ask)
    await ask.audit("assign", f"{args.call_id} {args.agent_id}")
    tools.control.assign(args.call_id, args.agent_id, ask.user.login)
    return Done()


async def move(ask: Ask, args: Move) -> Done:
    tools = _tools(ask)
    await ask.audit("move", f"{args.agent_id} " + " ".join(f"{q}:{n}" for q, n in sorted(args.queues.items())))
    await tools.control.move(args.agent_id, args.queues, ask.user.login)
    return Done()


async def announce(ask: Ask, args: Announce) -> Any:
    tools = _tools(ask)
    await ask.audit("announce", f"{args.audience} {args.name}".strip())
    return asdict(await tools.announcements.make(args.audience, args.name, args.text, ask.user.login))


async def announcements(ask: Ask, args: Recent) -> Any:
    found = await _tools(ask).announcements.recent(args.limit)
    return [{"announcement": asdict(one.announcement), "to": one.to, "read": one.read} for one in found]


async def unread(ask: Ask, _: Args) -> Any:
    return [asdict(one) for one in await _tools(ask).announcements.unread(_own(ask))]


async def read_announcement(ask: Ask, args: OneAnnouncement) -> Done:
    await _tools(ask).announcements.read(args.announcement_id, _own(ask))
    return Done()


async def alarms(ask: Ask, _: Args) -> Any:
    return [{"queue": queue, **limits} for queue, limits in _tools(ask).alarms.thresholds().items()]


async def set_alarms(ask: Ask, args: SetThresholds) -> Any:
    tools, values = _tools(ask), args.model_dump(exclude={"queue"})
    await ask.audit("set_alarms", f"{args.queue} " + " ".join(f"{k}={v}" for k, v in values.items()))
    await tools.alarms.set(args.queue, Limits(**values))
    return {"queue": args.queue, **values}


def _post(path: str, wish: str, handle: Handle, summary: str, **more: Any) -> Route:
    return Route(method="POST", path=path, wish=wish, handle=handle, summary=summary, **{"answer": Done, **more})


def _get(path: str, handle: Handle, summary: str, **more: Any) -> Route:
    return Route(method="GET", path=path, handle=handle, summary=summary, **more)


ROUTES = (
    _post(
        "/agents/{agent_id}/listen",
        "listen",
        listen,
        "Listen to an agent's talk on one's own phone, or change how: listen, whisper, barge",
        roles=LISTENS,
        args=Listen,
    ),
    _post("/listening/end", "end_listening", end_listening, "Stop listening", roles=LISTENS),
    _get("/listening", listening, "What one listens to; null = nothing", roles=LISTENS, answer=Listening | None),
    _post(
        "/calls/{call_id}/assign", "assign", assign, "Give a waiting caller to a free agent", roles=LEADS, args=Assign
    ),
    _post("/agents/{agent_id}/move", "move", move, "Set the queues an agent serves", roles=SETS_UP, args=Move),
    _post(
        "/announcements",
        "announce",
        announce,
        "Tell all agents, those of a queue, or one",
        roles=SETS_UP,
        args=Announce,
        answer=Announcement,
    ),
    _get(
        "/announcements",
        announcements,
        "Announcements, newest first, and how many have read them",
        roles=SETS_UP,
        args=Recent,
        answer=list[SentAnnouncement],
    ),
    _get(
        "/announcements/unread", unread, "One's own unread announcements", roles=TAKES_CALLS, answer=list[Announcement]
    ),
    _post(
        "/announcements/{announcement_id}/read",
        "read_announcement",
        read_announcement,
        "Mark one's own announcement as read",
        roles=TAKES_CALLS,
        args=OneAnnouncement,
    ),
    _get("/alarms", alarms, "Alarm thresholds of every queue", roles=WATCHES, answer=list[Thresholds]),
    _post(
        "/queues/{queue}/alarms",
        "set_alarms",
        set_alarms,
        "Set a queue's alarm thresholds",
        roles=SETS_UP,
        args=SetThresholds,
        answer=Thresholds,
    ),
)
