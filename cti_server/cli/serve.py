"""`cti-server serve` and `doctor`: run the server; look whether it could run."""

from __future__ import annotations

import asyncio
import sys
from typing import NoReturn

import typer
import uvloop

from cti_server import logs
from cti_server.app import serve as serve_until_stopped
from cti_server.asterisk.doctor import examine, render
from cti_server.config import Settings, load
from cti_server.errors import BadSettings, CtiError

app = typer.Typer(help=__doc__)


@app.command()
def serve() -> None:
    """Serve calls and agents until SIGINT or SIGTERM. Settings: docs/settings.md."""
    settings = _settings()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve_until_stopped(settings))
    except CtiError as error:
        _fail(error)


@app.command()
def doctor() -> None:
    """Examine Asterisk, ports, folders and database; say in plain words what to mend. Exit status 1 when calls would fail."""
    findings = asyncio.run(examine(_settings()))
    typer.echo(render(findings))
    if any(finding.level == "fail" for finding in findings):
        raise typer.Exit(1)


def _settings() -> Settings:
    try:
        settings = load()
    except BadSettings as error:
        _fail(error)
    logs.configure(settings.log_level, as_json=settings.log_json)
    return settings


def _fail(error: CtiError) -> NoReturn:
    typer.echo(f"{error.code}: {error}", err=True)
    sys.exit(1)
