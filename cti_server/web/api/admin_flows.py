"""Flows as administrators edit them: text with problems by line, drawing, preview, versions. Administrators only."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from cti_server.web.admin_wire import (
    CheckFlow,
    FlowCheck,
    FlowPreview,
    FlowRow,
    FlowText,
    FlowVersionRow,
    FlowVersionText,
    OfFile,
    OfVersion,
    PreviewFlow,
    SaveFlow,
)
from cti_server.web.api.admin import ADMINISTRATES, administration, by
from cti_server.web.parts import Ask
from cti_server.web.routes import Handle, Route
from cti_server.web.wire import Args

FLOW_BYTES = 2 * 1024 * 1024


async def files(ask: Ask, _: Args) -> Any:
    return await administration(ask).flows.files()


async def file(ask: Ask, args: OfFile) -> Any:
    return await administration(ask).flows.file(args.file)


async def check(ask: Ask, args: CheckFlow) -> Any:
    return administration(ask).flows.check(args.file, args.text)


async def save(ask: Ask, args: SaveFlow) -> Any:
    return await administration(ask).flows.save(args.file, args.text, args.seen, args.note, by(ask))


async def walk(ask: Ask, args: PreviewFlow) -> Any:
    flows = administration(ask).flows
    return asdict(flows.preview(args.file, args.text, args.caller, args.language, args.at, args.answers))


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
    _get("/admin/flows", files, "Flow files", list[FlowRow], Args),
    _get("/admin/flows/{file}", file, "Text, problems and drawing of one", FlowText),
    _post("/admin/flows/{file}", save, "Put a text in force as a new version", SaveFlow, FlowText),
    _post("/admin/flows/{file}/check", check, "Problems, drawing and missing prompts of a text", CheckFlow, FlowCheck),
    _post("/admin/flows/{file}/preview", walk, "Walk a text with the answers so far", PreviewFlow, FlowPreview),
    _get("/admin/flows/{file}/versions", history, "Saved versions, newest first", list[FlowVersionRow]),
    _get(
        "/admin/flows/{file}/versions/{version}", version, "One version and its difference", FlowVersionText, OfVersion
    ),
)
