"""Administration: queues, agents, skills, codes, users, opening hours, the audit log. Administrators only.

Every change is checked, audited and put in force by services/configuration.py; a user's open pages end with his sessions.
"""

from __future__ import annotations

from typing import Any

from cti_server.domain.setup import Kind
from cti_server.domain.users import Role
from cti_server.errors import Unavailable
from cti_server.services.administration import Administration
from cti_server.services.configuration import By
from cti_server.web.admin_wire import (
    AgentPart,
    Audited,
    AuditFilter,
    AuditRow,
    AuditTable,
    Calendars,
    CodePart,
    LookAtCalendar,
    NewPassword,
    NewPhone,
    NewUser,
    OfAgent,
    OfUser,
    Outlook,
    OutsideNumberPart,
    QueuePart,
    Remove,
    RemoveCalendar,
    Save,
    SaveCalendar,
    SetupParts,
    SwitchSetup,
    UserPart,
)
from cti_server.web.parts import Ask
from cti_server.web.routes import Handle, Route
from cti_server.web.wire import Args

ADMINISTRATES: frozenset[Role] = frozenset({"admin"})
LISTS: tuple[tuple[Kind, str, Any], ...] = (
    ("queue", "queues", QueuePart),
    ("agent", "agents", AgentPart),
    ("skill", "skills", CodePart),
    ("pause_code", "pause_codes", CodePart),
    ("disposition", "dispositions", CodePart),
    ("outside_number", "outside_numbers", OutsideNumberPart),
)


def administration(ask: Ask) -> Administration:
    if ask.parts.administration is None:
        raise Unavailable("this server is started without administration")
    return ask.parts.administration


def by(ask: Ask) -> By:
    return By(ask.user.login, ask.address)


async def everything(ask: Ask, _: Args) -> Any:
    admin = administration(ask)
    everything = await admin.configuration.all()
    locked = [login for row in everything["users"] if ask.parts.auth.locked(login := row["item"]["login"])]
    return {**everything, "fallback_queue": admin.fallback_queue, "locked": locked}


def _save(kind: Kind) -> Handle:
    async def save(ask: Ask, args: Save) -> Any:
        return await administration(ask).configuration.save(kind, args.item, args.seen, by(ask))

    return save


def _remove(kind: Kind) -> Handle:
    async def remove(ask: Ask, args: Remove) -> None:
        await administration(ask).configuration.remove(kind, args.key, args.seen, by(ask))

    return remove


async def save_user(ask: Ask, args: Save) -> Any:
    answer = await administration(ask).configuration.save("user", args.item, args.seen, by(ask))
    await _let_go(ask, str(answer["item"]["login"]))
    return answer


async def create_user(ask: Ask, args: Save) -> Any:
    row, password = await administration(ask).configuration.create_user(args.item, by(ask))
    return {**row, "password": password}


async def reset_password(ask: Ask, args: OfUser) -> Any:
    password = await administration(ask).configuration.reset_password(args.key, by(ask))
    await _let_go(ask, args.key)
    return {"password": password}


async def unlock(ask: Ask, args: OfUser) -> None:
    """Failed sign-ins before this no longer count."""
    ask.parts.auth.unlock(args.key)
    await ask.audit("user_unlocked", args.key)


async def _let_go(ask: Ask, login: str) -> None:
    """Sessions that ended with the change end on this server at once: nothing of them is trusted from memory."""
    for token_hash in await ask.parts.auth.ended(login):
        ask.parts.hub.end_session(token_hash)


async def on_switch(ask: Ask, _: Args) -> Any:
    return await administration(ask).on_switch.look()


async def new_phone(ask: Ask, args: OfAgent) -> Any:
    return await administration(ask).on_switch.new_phone(args.key)


async def calendars(ask: Ask, _: Args) -> Any:
    return await administration(ask).flows.calendars()


async def save_calendar(ask: Ask, args: SaveCalendar) -> Any:
    return await administration(ask).flows.save_calendar(args.key, args.item, args.seen, by(ask))


async def remove_calendar(ask: Ask, args: RemoveCalendar) -> Any:
    admin = administration(ask)
    await admin.configuration.must_not_need_calendar(args.key)
    return await admin.flows.save_calendar(args.key, None, args.seen, by(ask))


async def look_at_calendar(ask: Ask, args: LookAtCalendar) -> Any:
    return administration(ask).flows.outlook(args.item)


async def audited(ask: Ask, args: Audited) -> Any:
    return await administration(ask).audited(**args.model_dump())


async def audited_actions(ask: Ask, _: Args) -> Any:
    return await administration(ask).log.audited_actions()


async def export_audit(ask: Ask, args: AuditFilter) -> Any:
    filters = args.model_dump()
    await ask.audit("audit_exported", " ".join(f"{name}={value}" for name, value in filters.items() if value))
    return {"csv": await administration(ask).exported(**filters)}


def _routes() -> tuple[Route, ...]:
    made: list[Route] = []
    for kind, plural, part in LISTS:
        words = plural.replace("_", " ")
        made.append(
            Route(
                method="POST",
                path=f"/admin/{plural}",
                handle=_save(kind),
                summary=f"Change one of the {words}, or make one (`seen` null)",
                roles=ADMINISTRATES,
                args=Save,
                answer=part,
            )
        )
        made.append(
            Route(
                method="DELETE",
                path=f"/admin/{plural}/{{key}}",
                handle=_remove(kind),
                summary=f"Remove one of the {words}",
                roles=ADMINISTRATES,
                args=Remove,
            )
        )
    return tuple(made)


def _post(path: str, handle: Handle, summary: str, args: type[Args], answer: Any) -> Route:
    return Route(
        method="POST", path=path, handle=handle, summary=summary, roles=ADMINISTRATES, args=args, answer=answer
    )


def _get(path: str, handle: Handle, summary: str, answer: Any, args: type[Args] = Args) -> Route:
    return Route(method="GET", path=path, handle=handle, summary=summary, roles=ADMINISTRATES, args=args, answer=answer)


ROUTES = (
    _get("/admin/setup", everything, "Everything that is set up", SetupParts),
    *_routes(),
    _get("/admin/switch", on_switch, "What of it Asterisk has, and which phones are registered", SwitchSetup),
    _post("/admin/agents/{key}/phone", new_phone, "Lines that give an agent his phones in Asterisk", OfAgent, NewPhone),
    _post(
        "/admin/users", save_user, "Change a user; ends his sessions when role, agent or state change", Save, UserPart
    ),
    _post("/admin/new-users", create_user, "Make a user; his password is in the answer only", Save, NewUser),
    _post("/admin/users/{key}/password", reset_password, "A new password; ends his sessions", OfUser, NewPassword),
    Route(
        method="POST",
        path="/admin/users/{key}/unlock",
        handle=unlock,
        summary="Let a user try to sign in again at once",
        roles=ADMINISTRATES,
        args=OfUser,
    ),
    _post("/admin/opening-hours", look_at_calendar, "Open now? What changes next?", LookAtCalendar, Outlook),
    _get("/admin/calendars", calendars, "Opening hours and holidays", Calendars),
    _post("/admin/calendars/{key}", save_calendar, "Change or make opening hours", SaveCalendar, Calendars),
    Route(
        method="DELETE",
        path="/admin/calendars/{key}",
        handle=remove_calendar,
        summary="Remove opening hours nobody needs",
        roles=ADMINISTRATES,
        args=RemoveCalendar,
        answer=Calendars,
    ),
    _get("/admin/audit", audited, "Who changed or read what, newest first", list[AuditRow], Audited),
    _get("/admin/audit-actions", audited_actions, "Every action in the log", list[str]),
    _post("/admin/audit-export", export_audit, "The log as CSV; the export is audited too", AuditFilter, AuditTable),
)
