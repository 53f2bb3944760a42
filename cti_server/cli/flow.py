"""Check, draw and walk IVR flows without a phone."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cti_server import config
from cti_server.cli.flow_walk import Walk
from cti_server.domain.flows import draw as drawing
from cti_server.domain.flows.effects import CallContext
from cti_server.domain.flows.schema import Flow, json_schema
from cti_server.errors import CtiError
from cti_server.services.flows import FlowRegistry

app = typer.Typer(no_args_is_help=True, help=__doc__)
Folder = Annotated[Path | None, typer.Option(help="folder of the flows; default: setting paths.flows")]
Queues = Annotated[str, typer.Option(help="queue names flows may use, separated by commas; empty = not checked")]


class Format(StrEnum):
    mermaid = "mermaid"
    svg = "svg"


@app.command()
def check(folder: Folder = None, queues: Queues = "") -> None:
    """Print every problem as `file:line: node: message`; exit code 1 when there is one."""
    registry = _registry(folder, queues)
    for problem in registry.problems:
        typer.echo(str(problem), err=True)
    if registry.problems:
        raise typer.Exit(1)
    for flow in registry.flows.values():
        typer.echo(f"{flow.name}: {len(flow.nodes)} nodes, {', '.join(flow.languages)}, version {flow.version}")


@app.command()
def draw(
    name: str,
    folder: Folder = None,
    to: Annotated[Format, typer.Option("--format", help="what to draw")] = Format.mermaid,
    output: Annotated[Path | None, typer.Option(help="file to write; default: standard output")] = None,
) -> None:
    """Draw a flow: Mermaid text or SVG, in all its languages."""
    flow = _flow(_registry(folder), name)
    picture = drawing.svg(flow) if to is Format.svg else drawing.mermaid(flow)
    if output is None:
        typer.echo(picture, nl=False)
    else:
        output.write_text(picture, encoding="utf-8")


@app.command()
def run(
    name: str,
    folder: Folder = None,
    language: Annotated[str, typer.Option(help="language to start in; default: the flow's first")] = "",
    caller: Annotated[str, typer.Option(help="caller's number; 13900000001 to 3 are sample customers")] = "",
    at: Annotated[str, typer.Option(help="pretend it is this time at the site, e.g. 2026-11-20T22:00")] = "",
) -> None:
    """Walk a flow in the terminal: type keys and press Enter; just Enter = silence, Ctrl-D = hang up."""
    registry = _registry(folder)
    flow = _flow(registry, name)
    zone = config.load().calls.time_zone
    context = CallContext(caller=caller, did=name, language=language or flow.languages[0], time_zone=zone)
    try:
        Walk(flow, registry.flows, context, at=at).go()
    except CtiError as error:
        raise typer.BadParameter(str(error)) from None


@app.command()
def schema() -> None:
    """Print the JSON Schema of a flow file, for editors."""
    typer.echo(json.dumps(json_schema(), ensure_ascii=False, indent=2))


def _registry(folder: Path | None, queues: str = "") -> FlowRegistry:
    names = frozenset(name.strip() for name in queues.split(",") if name.strip()) or None
    registry = FlowRegistry(folder or config.load().paths.flows, names)
    try:
        registry.load(report=False)
    except CtiError as error:
        raise typer.BadParameter(str(error)) from None
    return registry


def _flow(registry: FlowRegistry, name: str) -> Flow:
    try:
        return registry.get(name)
    except CtiError as error:
        for problem in registry.problems:
            typer.echo(str(problem), err=True)
        raise typer.BadParameter(str(error)) from None
