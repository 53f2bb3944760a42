"""Flows as administrators edit them: text with problems by line, drawing, preview, versions. Administrators only."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from cti_server.domain.flows.effects import Found
from cti_server.web.api.admin import ADMINISTRATES, administration, by
from cti_server.web.flow_wire import (
    CheckFlow,
    Dids,
    FlowCheck,
    FlowFiles,
    FlowPreview,
    FlowText,
    FlowVersionRow,
    FlowVersionText,
    NewFlow,
    OfFile,
    OfVersion,
    PreviewFlow,
    RetireFlow,
    SaveDids,
    SaveFlow,
    StartFlow,
)
from cti_server.web.parts import Ask
from cti_server.web.routes import Handle, Route
from cti_server.web.wire import Args

FLOW_BYTES = 2 * 1024 * 1024


async def files(ask: Ask, _: Args) -> Any:
    admin = administration(ask)
    templates = admin.flows.templates(admin.fallback_queue)
    return {"files": await admin.flows.files(), "retired": await admin.flows.retired(), "templates": templates}


async def start(ask: Ask, args: StartFlow) -> Any:
    admin = administration(ask)
    title = {"zh": args.zh, "en": args.en}
    return {"text": admin.flows.from_template(args.template, args.name, title, args.queue or admin.fallback_queue)}


async def retire(ask: Ask, args: RetireFlow) -> None:
    await administration(ask).flows.retire(args.file, args.seen, by(ask))


async def dids(ask: Ask, _: Args) -> Any:
    return administration(ask).dialled.now()


async def save_dids(ask: Ask, args: SaveDids) -> Any:
    return await administration(ask).dialled.save(args.dids, args.seen, by(ask))


async def file(ask: Ask, args: OfFile) -> Any:
    return await administration(ask).flows.file(args.file)


async def check(ask: Ask, args: CheckFlow) -> Any:
    return administration(ask).flows.check(args.file, args.text)


async def save(ask: Ask, args: SaveFlow) -> Any:
    return await administration(ask).flows.save(args.file, args.text, args.seen, args.note, by(ask))


async def walk(ask: Ask, args: PreviewFlow) -> Any:
    flows = administration(ask).flows
    found = {which: Found(answer.outcome, answer.values) for which, answer in args.found.items()}
    return asdict(flows.preview(args.file, args.text, args.caller, args.language, args.at, args.answers, found))


async def history(ask: Ask, args: OfFile) -> Any:
    return await administration(ask).flows.history(args.file)


async def version(ask: Ask, args: OfVersion) -> Any:
    return await administration(ask).flows.version(args.file, args.version)


def _get(path: str, handle: Handle, summary: str, answer: Any, args: type[Args] = OfFile) -> Route:
    return Route(method="GET", path=path, handle=handle, summary=summary, roles=ADMINISTRATES, args=args, answer=answer)


def _post(path: str, handle: Handle, summary: str, args: type[Args], answer: Any) -> Route:
    return Route(
        method="POST",
        path=path,
        handle=handle,
        summary=summary,
        roles=ADMINISTRATES,
        args=args,
        answer=answer,
        most_bytes=FLOW_BYTES,
    )


ROUTES = (
    _get("/admin/flows", files, "Flow files, those retired, and templates", FlowFiles, Args),
    _post("/admin/new-flow", start, "A text to begin a flow with; nothing is saved", StartFlow, NewFlow),
    _get("/admin/dids", dids, "Which flow a dialled number starts", Dids, Args),
    _post("/admin/dids", save_dids, "Lead dialled numbers to flows", SaveDids, Dids),
    Route(
        method="DELETE",
        path="/admin/flows/{file}",
        handle=retire,
        summary="Retire a flow nothing leads to; its versions stay",
        roles=ADMINISTRATES,
        args=RetireFlow,
    ),
    _get("/admin/flows/{file}", file, "Text, problems and drawing of one", FlowText),
    _post("/admin/flows/{file}", save, "Put a text in force as a new version", SaveFlow, FlowText),
    _post("/admin/flows/{file}/check", check, "Problems, drawing and missing prompts of a text", CheckFlow, FlowCheck),
    _post("/admin/flows/{file}/preview", walk, "Walk a text with the answers so far", PreviewFlow, FlowPreview),
    _get("/admin/flows/{file}/versions", history, "Saved versions, newest first", list[FlowVersionRow]),
    _get(
        "/admin/flows/{file}/versions/{version}", version, "One version and its difference", FlowVersionText, OfVersion
    ),
)
