"""The agent's phone: which one, its account, whom to transfer to, and the steps of a consultation."""

from __future__ import annotations

from typing import Any

from cti_server.domain.users import Role
from cti_server.errors import Conflict, Forbidden, Unavailable
from cti_server.services.phones import Phones
from cti_server.web.api.wishes import ME, OfAgent, agent_of
from cti_server.web.parts import Ask, Parts
from cti_server.web.phone.proxy import SOCKET_PATH, agents_socket
from cti_server.web.phone.wire import ConsultStep, Directory, Drop, Phone, PhoneChoice, PhoneSocket, SipAccount
from cti_server.web.routes import API, TAKES_CALLS, Route
from cti_server.web.wire import Args, Done

HAS_PHONE: frozenset[Role] = TAKES_CALLS | {"inspector"}
"""Inspectors take no calls; they listen."""


def phones_of(parts: Parts) -> Phones:
    if parts.phones is None:
        raise Unavailable("this server was started without phones")
    return parts.phones


def own_agent(ask: Ask, agent_id: str) -> str:
    """Nobody gets another's phone, a leader neither. Raises Forbidden, Conflict for a login without one."""
    if ask.user.agent_id is None:
        raise Conflict("this login has no phone of its own; an administrator can give it an agent", reason="no_agent")
    if agent_id not in {ME, ask.user.agent_id}:
        raise Forbidden("a phone is its owner's alone", reason="other_agent")
    return ask.user.agent_id


async def phone(ask: Ask, args: OfAgent) -> Phone:
    agent_id = own_agent(ask, args.agent_id)
    found = describe(phones_of(ask.parts), agent_id)
    if found.account is not None:
        await ask.audit("phone_account_read", agent_id)
    return found


def describe(phones: Phones, agent_id: str) -> Phone:
    desk, softphone = phones.registered(agent_id)
    return Phone(
        use=phones.choice(agent_id),
        desk=desk,
        softphone=softphone,
        account=account_of(phones, agent_id) if phones.can_softphone(agent_id) else None,
    )


def account_of(phones: Phones, agent_id: str) -> SipAccount:
    account = phones.account(agent_id)
    return SipAccount(
        uri=account.uri, user=account.endpoint, password=account.password, websocket=f"{API}{SOCKET_PATH}"
    )


async def choose(ask: Ask, args: PhoneChoice) -> Phone:
    agent_id, phones = own_agent(ask, args.agent_id), phones_of(ask.parts)
    if args.use == "softphone":
        phones.account(agent_id)  # raises when there is none to choose
    await phones.choose(agent_id, args.use)
    await ask.audit("phone_chosen", f"{agent_id} {args.use}")
    return describe(phones, agent_id)


async def consult(ask: Ask, args: ConsultStep) -> Done:
    agent_id = agent_of(ask, args.agent_id)
    await ask.parts.desk.consult(agent_id, args.step)
    if agent_id != ask.user.agent_id:
        await ask.audit("consult", agent_id)
    return Done.model_validate({"me": ask.parts.desk.agent(agent_id)})


async def drop(ask: Ask, args: Drop) -> Done:
    agent_id = agent_of(ask, args.agent_id)
    await ask.parts.desk.drop_party(agent_id, args.party)
    if agent_id != ask.user.agent_id:
        await ask.audit("conference_drop", agent_id)
    return Done.model_validate({"me": ask.parts.desk.agent(agent_id)})


async def phone_cut(ask: Ask, args: OfAgent) -> None:
    await ask.parts.desk.phone_cut(own_agent(ask, args.agent_id))


async def directory(ask: Ask, _: Args) -> dict[str, Any]:
    phones = phones_of(ask.parts)
    return {"agents": phones.colleagues(), "queues": ask.parts.desk.board()["queues"], "numbers": phones.outside()}


ROUTES = (
    Route(
        method="GET",
        path="/agents/{agent_id}/phone",
        handle=phone,
        summary="One's own phones, and the account of the softphone (audited)",
        roles=HAS_PHONE,
        args=OfAgent,
        answer=Phone,
    ),
    Route(
        method="POST",
        path="/agents/{agent_id}/phone",
        handle=choose,
        summary="Use the desk phone or the softphone from now on",
        roles=HAS_PHONE,
        args=PhoneChoice,
        answer=Phone,
    ),
    Route(
        method="POST",
        path="/agents/{agent_id}/consult",
        handle=consult,
        summary="Go on with an attended transfer: complete, join all three, swap, or cancel",
        roles=TAKES_CALLS,
        args=ConsultStep,
        answer=Done,
        wish="consult",
    ),
    Route(
        method="POST",
        path="/agents/{agent_id}/drop",
        handle=drop,
        summary="Hang up on one in conference, or end it for all but the caller",
        roles=TAKES_CALLS,
        args=Drop,
        answer=Done,
        wish="drop",
    ),
    Route(
        method="POST",
        path="/agents/{agent_id}/phone_cut",
        handle=phone_cut,
        summary="One's page goes away in the middle of a talk on its softphone: the caller is kept for its return",
        roles=TAKES_CALLS,
        args=OfAgent,
    ),
    Route(
        method="GET",
        path="/directory",
        handle=directory,
        summary="Colleagues, queues and numbers outside a caller can be sent to",
        roles=TAKES_CALLS,
        answer=Directory,
    ),
    Route(
        method="GET",
        path=SOCKET_PATH,
        handle=agents_socket,
        args=PhoneSocket,
        summary="WebSocket: SIP between one's own softphone and the switch",
        roles=HAS_PHONE,
        documented=False,
    ),
)
