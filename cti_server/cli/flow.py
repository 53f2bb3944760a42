"""`cti-server flow …`: check, draw and walk IVR flows without a phone."""

from __future__ import annotations

import typer

app = typer.Typer(no_args_is_help=True, help=__doc__)
