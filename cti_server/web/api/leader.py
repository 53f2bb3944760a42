"""A shift leader's tools: listen in, give a waiting caller to an agent, move agents, announce, be alarmed. Inspectors may
listen, silently; every listen and every change is audited before it is carried out.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from cti_server.domain.alarms import StateLimits as Marks
from cti_server.domain.alarms import Thresholds as Limits
from cti_server.domain.ids import MINUTE, AgentId, Micros
from cti_server.domain.listen_log import listens
from cti_server.domain.users import Role
from cti_server.errors import Conflict, Unavailable
from cti_server.services.configuration import By
from cti_server.web.leader import Leader
from cti_server.web.leader_wire import (
    AlarmEntry,
    Announce,
    Announcement,
    Assign,
    Listen,
    Listened,
    ListenEntry,
    Listening,
    Move,
    OfQueue,
    OneAlarm,
    OneAnnouncement,
    OneCall,
    Reader,
    Recent,
    SendCall,
    SentAnnouncement,
    SetStateLimits,
    SetThresholds,
    SkillTitle,
    StateLimits,
    Thresholds,
)
from cti_server.web.parts import Ask
from cti_server.web.routes import LEADS, TAKES_CALLS, Handle, Route
from cti_server.web.wire import Args, Done

LISTENS: frozenset[Role] = LEADS | {"inspector"}
LISTENS_SHOWN: Micros = 7 * 24 * 60 * MINUTE
LISTEN_FACTS = 5_000
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


async def listened(ask: Ask, _: Args) -> Any:
    return _tools(ask).listening.told(_own(ask))


async def listen_log(ask: Ask, _: Args) -> Any:
    tools = _tools(ask)
    facts = await tools.rare(ask.parts.clock.now() - LISTENS_SHOWN, limit=LISTEN_FACTS)
    return [asdict(one) for one in listens(recorded.fact for recorded in facts)]


async def assign(ask: Ask, args: Assign) -> Done:
    tools = _tools(ask)
    await ask.audit("assign", f"{args.call_id} {args.agent_id}")
    tools.control.assign(args.call_id, args.agent_id, ask.user.login)
    return Done()


async def send_call(ask: Ask, args: SendCall) -> Done:
    tools = _tools(ask)
    await ask.audit("send_call", f"{args.call_id} {args.queue}")
    tools.control.send(args.call_id, args.queue, ask.user.login)
    return Done()


async def promote_call(ask: Ask, args: OneCall) -> Done:
    tools = _tools(ask)
    await ask.audit("promote_call", args.call_id)
    tools.control.promote(args.call_id, ask.user.login)
    return Done()


async def move(ask: Ask, args: Move) -> Done:
    tools = _tools(ask)
    queues = " ".join(f"{q}:{n}" for q, n in sorted(args.queues.items()))
    await ask.audit("move", f"{args.agent_id} {queues}" + ("" if args.for_good else " (this shift)"))
    await tools.control.move(args.agent_id, args.queues, By(ask.user.login, ask.address), for_good=args.for_good)
    return Done()


async def announce(ask: Ask, args: Announce) -> Any:
    tools = _tools(ask)
    await ask.audit("announce", f"{args.audience} {args.name}".strip())
    made = await tools.announcements.make(args.audience, args.name, args.text, ask.user.login, ask.user.agent_id)
    return asdict(made)


async def announcements(ask: Ask, args: Recent) -> Any:
    found = await _tools(ask).announcements.recent(args.limit)
    return [{"announcement": asdict(one.announcement), "to": one.to, "read": one.read} for one in found]


async def readers(ask: Ask, args: OneAnnouncement) -> Any:
    return await _tools(ask).announcements.readers(args.announcement_id)


async def unread(ask: Ask, _: Args) -> Any:
    return [asdict(one) for one in await _tools(ask).announcements.unread(_own(ask))]


async def read_announcement(ask: Ask, args: OneAnnouncement) -> Done:
    await _tools(ask).announcements.read(args.announcement_id, _own(ask))
    return Done()


async def alarms(ask: Ask, _: Args) -> Any:
    return _tools(ask).alarms.thresholds()


async def alarm_log(ask: Ask, _: Args) -> Any:
    tools = _tools(ask)
    return [asdict(one) for one in tools.alarms.log(tools.day_start(ask.parts.clock.now()))]


async def acknowledge(ask: Ask, args: OneAlarm) -> Done:
    tools = _tools(ask)
    await ask.audit("acknowledge_alarm", f"{args.queue} {args.alarm}")
    tools.alarms.acknowledge(args.queue, args.alarm, ask.user.login)
    return Done()


async def skills(ask: Ask, _: Args) -> Any:
    return [{"code": one.code, "zh": one.zh, "en": one.en} for one in await _tools(ask).skills()]


async def state_limits(ask: Ask, _: Args) -> Any:
    return asdict(_tools(ask).alarms.state_limits())


async def set_state_limits(ask: Ask, args: SetStateLimits) -> Any:
    tools, values = _tools(ask), args.model_dump()
    await ask.audit("set_state_limits", " ".join(f"{k}={v}" for k, v in values.items()))
    await tools.alarms.set_state_limits(Marks(**values))
    return values


async def reset_alarms(ask: Ask, args: OfQueue) -> Done:
    tools = _tools(ask)
    await ask.audit("reset_alarms", args.queue)
    await tools.alarms.reset(args.queue)
    return Done()


async def set_alarms(ask: Ask, args: SetThresholds) -> Any:
    tools, values = _tools(ask), args.model_dump(exclude={"queue"})
    await ask.audit("set_alarms", f"{args.queue} " + " ".join(f"{k}={v}" for k, v in values.items()))
    await tools.alarms.set(args.queue, Limits(**values))
    return {"queue": args.queue, "own": True, **values}


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
    _post(
        "/calls/{call_id}/send",
        "send_call",
        send_call,
        "Send a waiting caller to another queue",
        roles=LEADS,
        args=SendCall,
    ),
    _post(
        "/calls/{call_id}/promote", "promote_call", promote_call, "A waiting caller is next", roles=LEADS, args=OneCall
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
        "/announcements/{announcement_id}/readers",
        readers,
        "To whom an announcement went, and who has read it when",
        roles=SETS_UP,
        args=OneAnnouncement,
        answer=list[Reader],
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
    _get(
        "/listening/log", listen_log, "Who listened to whom in the last week", roles=WATCHES, answer=list[ListenEntry]
    ),
    _get(
        "/listened",
        listened,
        "Who listens to one's own talk, if agents are told",
        roles=TAKES_CALLS,
        answer=list[Listened],
    ),
    _get("/alarms/log", alarm_log, "Alarms raised now or today, newest first", roles=WATCHES, answer=list[AlarmEntry]),
    _post(
        "/queues/{queue}/alarms/{alarm}/acknowledge",
        "acknowledge_alarm",
        acknowledge,
        "Take care of an alarm that is raised",
        roles=LEADS,
        args=OneAlarm,
    ),
    _get("/skills", skills, "Skills and what people read for them", roles=WATCHES, answer=list[SkillTitle]),
    _get("/state-limits", state_limits, "When an agent's state is marked", roles=WATCHES, answer=StateLimits),
    _post(
        "/state-limits",
        "set_state_limits",
        set_state_limits,
        "Set when an agent's state is marked",
        roles=SETS_UP,
        args=SetStateLimits,
        answer=StateLimits,
    ),
    _post(
        "/queues/{queue}/alarms/reset",
        "reset_alarms",
        reset_alarms,
        "The general thresholds hold for a queue again",
        roles=SETS_UP,
        args=OfQueue,
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
