"""The pure interpreter: walks a flow and yields what it wants done (effects.py)."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

from cti_server.domain.flows.effects import CallContext, Effect, Hangup
from cti_server.domain.flows.schema import Flow


def run(
    flow: Flow, flows: Mapping[str, Flow], context: CallContext, resume: Mapping[str, Any] | None = None
) -> Generator[Effect, Any, None]:
    """Effects of one call, from the flow's start or from a Checkpoint's `state`; the last one is always Hangup.

    Never raises on what a caller, a lookup or a queue does; `context.language` is the language to start in.
    """
    yield Hangup()
