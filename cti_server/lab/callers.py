"""What a scripted caller presses, given who he is. Pure: the ready file's callers in, a script out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cti_server.errors import InvalidValue
from cti_server.lab.pcap import parse_script
from cti_server.lab.sipp import SCRIPTS

SAMPLE = {"account": "10000018", "pin": "246810"}
"""What the scripts are written with."""


def check_script(script: str) -> None:
    """Raises InvalidValue that lists the names, or names the wrong step."""
    if script not in SCRIPTS and script.replace("-", "_").isidentifier() and script != "hangup":
        raise InvalidValue(f"no script is called {script!r}; known: {', '.join(SCRIPTS)}")
    parse_script(SCRIPTS.get(script, script))


def steps_of(script: str, caller: str, callers: Sequence[Mapping[str, Any]]) -> str:
    """A named script with this caller's own account and PIN; steps stay as they are."""
    if script not in SCRIPTS:
        return script
    steps = SCRIPTS[script]
    own = next((known for known in callers if known["number"] == caller), {})
    for name, sample in SAMPLE.items():
        steps = steps.replace(sample, own.get(name) or sample)
    return steps
