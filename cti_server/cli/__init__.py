"""The command line. Each command or group of commands has a file of its own; this one only gathers them."""

from __future__ import annotations

import typer

from cti_server.cli import call, database, flow, serve

app = typer.Typer(name="cti-server", no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
app.add_typer(flow.app, name="flow")
app.add_typer(call.app)
app.add_typer(database.app)
app.add_typer(serve.app)


def main() -> None:
    app()
