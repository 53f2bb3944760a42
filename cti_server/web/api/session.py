"""Sign in, who am I, sign out."""

from __future__ import annotations

from aiohttp import web

from cti_server.domain.ids import SECOND
from cti_server.web.auth import Identity
from cti_server.web.parts import Ask, Parts
from cti_server.web.routes import PUBLIC, STAFF, Route, cookie_name, is_https
from cti_server.web.wire import Args, Session, SignIn


def _session(identity: Identity, parts: Parts) -> Session:
    user = identity.user
    return Session(
        login=user.login,
        name=user.name,
        role=user.role,
        agent_id=user.agent_id,
        expires_at=identity.session.expires_at,
        country=parts.settings.calls.country,
    )


async def sign_in(ask: Ask, args: SignIn) -> web.Response:
    parts = ask.parts
    token, identity = await parts.auth.sign_in(args.login, args.password, ask.address)
    response = web.Response(
        body=_session(identity, parts).model_dump_json().encode(), status=201, content_type="application/json"
    )
    response.set_cookie(
        cookie_name(parts),
        token,
        max_age=(identity.session.expires_at - identity.session.created_at) // SECOND,
        path="/",
        httponly=True,
        samesite="Strict",
        secure=is_https(parts),
    )
    return response


async def who(ask: Ask, _: Args) -> Session:
    return _session(ask.known, ask.parts)


async def sign_out(ask: Ask, _: Args) -> web.Response:
    await ask.parts.auth.sign_out(ask.known, ask.address)
    ask.parts.hub.end_session(ask.known.session.token_hash)
    response = web.Response(status=204)
    response.del_cookie(cookie_name(ask.parts), path="/")
    return response


ROUTES = (
    Route(
        method="POST",
        path="/session",
        handle=sign_in,
        summary="Sign in: sets the session cookie",
        roles=PUBLIC,
        args=SignIn,
        answer=Session,
        status=201,
    ),
    Route(method="GET", path="/session", handle=who, summary="Who is signed in", roles=STAFF, answer=Session),
    Route(method="DELETE", path="/session", handle=sign_out, summary="Sign out", roles=STAFF),
)
