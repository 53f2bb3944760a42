"""What an agent asks for, and what a leader may ask for on an agent's behalf. Each is one row: an HTTP route and a live
command at once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import Field

from cti_server.errors import Forbidden
from cti_server.web.desk import Desk, TransferHow
from cti_server.web.parts import Ask
from cti_server.web.routes import LEADS, TAKES_CALLS, Handle, Route
from cti_server.web.wire import Args, Done, Plain

ME = "me"


class OfAgent(Args):
    """`me` is the signed-in user; another agent's id is for leaders."""

    agent_id: Plain = Field(ME, max_length=32)


class Pause(OfAgent):
    reason: Plain = Field(min_length=1, max_length=40)


class Transfer(OfAgent):
    target: Plain = Field(min_length=1, max_length=40)
    how: TransferHow = "blind"


class CallBack(OfAgent):
    ticket_id: Plain = Field(min_length=1, max_length=64)


class PlaceCall(OfAgent):
    """`number` in any way people write it; `in_page`: the page dials it by itself once this is answered."""

    number: Plain = Field(min_length=1, max_length=40)
    in_page: bool = Field(False, strict=True)


Act = Callable[[Desk, str, Any, str], Awaitable[None]]
"""(desk, agent id, arguments, who asked: the agent's own id, or a leader's login)"""


def agent_of(ask: Ask, agent_id: str) -> str:
    """The agent meant. Raises Forbidden for another agent unless a leader asks, and for a user who takes no calls."""
    own = ask.user.agent_id
    if agent_id in {ME, own}:
        if own is None:
            raise Forbidden("this login takes no calls", reason="no_agent")
        return own
    if ask.user.role not in LEADS:
        raise Forbidden("only a leader may do this for another agent", role=ask.user.role)
    return agent_id


def _handle(wish: str, act: Act) -> Handle:
    async def handle(ask: Ask, args: OfAgent) -> Done:
        agent_id = agent_of(ask, args.agent_id)
        if agent_id == ask.user.agent_id:
            await act(ask.parts.desk, agent_id, args, agent_id)
        else:
            await ask.audit(wish, agent_id)
            await act(ask.parts.desk, agent_id, args, ask.user.login)
        return Done.model_validate({"me": ask.parts.desk.agent(agent_id)})

    return handle


def _wish(wish: str, act: Act, summary: str, args: type[OfAgent] = OfAgent) -> Route:
    return Route(
        method="POST",
        path=f"/agents/{{agent_id}}/{wish}",
        handle=_handle(wish, act),
        summary=summary,
        roles=TAKES_CALLS,
        args=args,
        answer=Done,
        wish=wish,
    )


ROUTES = (
    _wish("sign_in", lambda desk, agent, _, by: desk.sign_in(agent, by), "Start taking part in queues (not ready yet)"),
    _wish("sign_out", lambda desk, agent, _, by: desk.sign_out(agent, by), "Stop taking part in queues"),
    _wish("ready", lambda desk, agent, _, by: desk.ready(agent, by), "Take calls"),
    _wish("pause", lambda desk, agent, args, by: desk.pause(agent, args.reason, by), "Take no calls, and why", Pause),
    _wish("end_wrap_up", lambda desk, agent, _, by: desk.end_wrap_up(agent, by), "End wrap-up before its deadline"),
    _wish("extend_wrap_up", lambda desk, agent, _, by: desk.extend_wrap_up(agent, by), "Move the wrap-up deadline on"),
    _wish("reject_offer", lambda desk, agent, _, __: desk.reject_offer(agent), "Refuse the call that rings"),
    _wish("hang_up", lambda desk, agent, _, __: desk.hang_up(agent), "End the present call"),
    _wish("transfer", lambda d, agent, a, _: d.transfer(agent, a.target, a.how), "Transfer the caller", Transfer),
    _wish("call_back", lambda d, agent, a, _: d.call_back(agent, a.ticket_id), "Call back who asked for it", CallBack),
    _wish(
        "place_call",
        lambda d, agent, a, _: d.place_call(agent, a.number, in_page=a.in_page),
        "Call a number outside; refused before anything rings when it is none or may not be called",
        PlaceCall,
    ),
)
