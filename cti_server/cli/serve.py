"""`cti-server serve` and `doctor`: run the server; look whether it could run."""

from __future__ import annotations

import asyncio
import sys
from typing import NoReturn

import typer
import uvloop
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from cti_server import logs
from cti_server.app import serve as serve_until_stopped
from cti_server.asterisk.doctor import Finding, examine, missing_file, render
from cti_server.config import Settings, load
from cti_server.domain.setup import Setup
from cti_server.errors import BadSettings, CtiError
from cti_server.storage.engine import open_database
from cti_server.storage.setup import SqlSetup

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
    findings = asyncio.run(_examine(_settings()))
    typer.echo(render(findings))
    if any(finding.level == "fail" for finding in findings):
        raise typer.Exit(1)


async def _examine(settings: Settings) -> list[Finding]:
    return await examine(settings, setup=await _set_up(settings.database.url))


async def _set_up(url: str) -> Setup | None:
    """What is set up; None without a database that can be read: the doctor says so himself, and makes none."""
    try:
        if missing_file(make_url(url)):
            return None
        database = open_database(url)
        try:
            return await SqlSetup(database).read()
        finally:
            await database.close()
    except (CtiError, ArgumentError):
        return None


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
