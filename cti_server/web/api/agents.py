"""Agents, the board, queues and pause codes: the state of this moment."""

from __future__ import annotations

from typing import Any

from cti_server.web.api.wishes import OfAgent, agent_of
from cti_server.web.live.views import board_for, may_watch, view_of
from cti_server.web.parts import Ask
from cti_server.web.routes import TAKES_CALLS, Route
from cti_server.web.wire import Args, Board, Me, PauseCode, Person, Pop, QueueRow


async def me(ask: Ask, args: OfAgent) -> Any:
    return ask.parts.desk.agent(agent_of(ask, args.agent_id))


async def pop(ask: Ask, args: OfAgent) -> Any:
    agent_id = agent_of(ask, args.agent_id)
    if agent_id != ask.user.agent_id:
        await ask.audit("pop_read", agent_id)
    return await ask.parts.desk.pop(agent_id)


async def board(ask: Ask, _: Args) -> Board:
    return board_for(view_of(ask.user), Board.model_validate(ask.parts.desk.board()))


async def queues(ask: Ask, _: Args) -> Any:
    return (await board(ask, _)).queues


async def agents(ask: Ask, _: Args) -> Any:
    return (await board(ask, _)).agents


async def pause_codes(ask: Ask, _: Args) -> Any:
    return ask.parts.desk.pause_codes()


async def people(ask: Ask, _: Args) -> Any:
    return [{"login": login, "name": name} for login, name in (await ask.parts.auth.names()).items()]


WATCH = may_watch()

ROUTES = (
    Route(method="GET", path="/board", handle=board, summary="The live board", roles=WATCH, answer=Board),
    Route(method="GET", path="/queues", handle=queues, summary="Queues now", roles=WATCH, answer=list[QueueRow]),
    Route(
        method="GET",
        path="/agents",
        handle=agents,
        summary="Agents now (empty for agents, who see counts on the board)",
        roles=WATCH,
        answer=list[Me],
    ),
    Route(
        method="GET",
        path="/agents/{agent_id}",
        handle=me,
        summary="One agent's state; `me` is oneself",
        roles=TAKES_CALLS,
        args=OfAgent,
        answer=Me,
    ),
    Route(
        method="GET",
        path="/agents/{agent_id}/pop",
        handle=pop,
        summary="Who is calling; null when nobody is",
        roles=TAKES_CALLS,
        args=OfAgent,
        answer=Pop | None,
        wish="pop",
    ),
    Route(
        method="GET",
        path="/pause-codes",
        handle=pause_codes,
        summary="Reasons to pause with",
        roles=WATCH,
        answer=list[PauseCode],
    ),
    Route(
        method="GET",
        path="/people",
        handle=people,
        summary="The names behind logins: who paused, announced, took care",
        roles=WATCH,
        answer=list[Person],
    ),
)
