"""`cti-server migrate`, `demo-data`, `user add`: the database, and who may sign in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from argon2 import PasswordHasher

from cti_server.clock import SystemClock
from cti_server.config import load
from cti_server.domain.ids import AgentId
from cti_server.domain.users import Role, User
from cti_server.errors import CtiError
from cti_server.lab import sample_data
from cti_server.storage.engine import Database, open_database
from cti_server.storage.migrate import migrate as migrate_schema
from cti_server.storage.passwords import Hasher
from cti_server.storage.users import SqlUsers

LEAST_PASSWORD = 10
T = TypeVar("T")
app = typer.Typer(help=__doc__)
user = typer.Typer(no_args_is_help=True, help="Who may sign in.")
app.add_typer(user, name="user")


@app.command()
def migrate() -> None:
    """Bring the database schema up to this program's version (setting CTI_DATABASE__URL)."""
    _run(_nothing_more)
    typer.echo("the database schema is up to date")


@app.command("demo-data")
def demo_data(
    logins: Annotated[Path, typer.Option(help="file the logins are written to, once, for your eyes only")],
) -> None:
    """Create the demo's invented customers, queues, agents and users; what is there already stays."""
    facts = _run(lambda database: sample_data.create(database, SystemClock(), logins))
    typer.echo(
        f"{len(facts['callers'])} callers, {len(facts['queues'])} queues, {len(facts['logins'])} users: {logins}"
    )


@user.command("add")
def add_user(
    login: str,
    role: Annotated[str, typer.Option(help="agent, leader, inspector, admin or back_office")],
    name: Annotated[str, typer.Option(help="as colleagues see it")] = "",
    agent: Annotated[str, typer.Option(help="agent number, when the user takes calls")] = "",
) -> None:
    """Let somebody sign in. Asks for the password; it is never an argument, where other users could read it."""
    password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    if len(password) < LEAST_PASSWORD:
        typer.echo(f"the password is too short: {LEAST_PASSWORD} characters or more", err=True)
        raise typer.Exit(2)
    _run(lambda database: _add(database, login, name or login, role, agent, password))
    typer.echo(f"{login} can sign in")


async def _add(database: Database, login: str, name: str, role: str, agent: str, password: str) -> None:
    password_hash = await Hasher(PasswordHasher()).hash(password)
    known_role: Role = role  # type: ignore[assignment]  # create_user checks it
    new = User(
        login=login,
        name=name,
        role=known_role,
        password_hash=password_hash,
        agent_id=AgentId(agent) if agent else None,
    )
    await SqlUsers(database).create_user(new)


async def _nothing_more(_: Database) -> None:
    return None


def _run(work: Callable[[Database], Awaitable[T]]) -> T:
    """On a migrated database; an error of ours ends the program with its message and status 1."""

    async def inside() -> T:
        database = open_database(load().database.url)
        try:
            await migrate_schema(database)
            return await work(database)
        finally:
            await database.close()

    try:
        return asyncio.run(inside())
    except CtiError as error:
        typer.echo(f"{error.code}: {error}", err=True)
        raise typer.Exit(1) from None
