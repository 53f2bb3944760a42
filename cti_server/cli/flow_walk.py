"""A phone in the terminal for `flow run`: prints what a caller hears, reads keys, answers lookups from a few sample customers."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import typer

from cti_server.domain.flows import effects as fx
from cti_server.domain.flows import rehearsal
from cti_server.domain.flows.interpreter import run
from cti_server.domain.flows.schema import Flow
from cti_server.domain.ids import Micros, from_datetime
from cti_server.errors import InvalidValue
from cti_server.ports import CALLER_KEYS


class Walk:
    """`at`: local time at the site, '' = now. Raises InvalidValue when it is no time."""

    def __init__(self, flow: Flow, flows: Mapping[str, Flow], context: fx.CallContext, *, at: str = "") -> None:
        self._at = _moment(at, context.time_zone)
        self._steps = run(flow, flows, replace(context, customer=rehearsal.customer(context.caller), started=self._at))
        self._tickets = 0
        self._typed = ""

    def go(self) -> None:
        result: Any = None
        try:
            while True:
                result = self._answer(self._steps.send(result))
        except StopIteration:
            typer.echo("— the call is over —")
        except (EOFError, KeyboardInterrupt, typer.Abort):
            self._steps.close()
            typer.echo("\n— the caller hung up —")

    def _answer(self, effect: fx.Effect) -> Any:
        match effect:
            case fx.Say():
                _speak(effect.words)
            case fx.Ask():
                return self._ask(effect)
            case fx.Record():
                return self._record(effect)
            case fx.Lookup():
                return _lookup(effect)
            case fx.Create():
                return self._create(effect)
            case fx.Enqueue():
                return _queue(effect)
            case fx.Transfer():
                return typer.confirm(f"  [transfer to {effect.kind} {effect.target}] reached?", default=True)
            case fx.Now():
                return self._at
            case fx.Emit():
                shown = ", ".join(f"{key}={value}" for key, value in effect.fields.items())
                typer.secho(f"  · {effect.kind.__name__} {shown}", dim=True)
        return None

    def _ask(self, effect: fx.Ask) -> fx.Answer:
        """Keys typed beyond what is asked stay for the next question, as on the phone."""
        _speak(effect.words)
        if effect.fresh or not self._typed:
            read = _read("keys", hide=effect.secret and sys.stdin.isatty())
            self._typed = "".join(key for key in read if key in CALLER_KEYS)
        answer, self._typed = rehearsal.take_keys(effect, self._typed)
        return answer

    def _record(self, effect: fx.Record) -> fx.Recording | None:
        _speak(effect.words)
        said = _read("tone; type what the caller says")
        return rehearsal.recording(effect, said)

    def _create(self, effect: fx.Create) -> fx.Created:
        self._tickets += 1
        typer.secho(f"  [create {effect.kind}] {dict(effect.fields)}", dim=True)
        return fx.Created(f"walk-{self._tickets}", f"2026112100{self._tickets:02d}")


def _speak(words: fx.Words) -> None:
    if words:
        typer.secho("» " + " ".join(words), fg="cyan")


def _read(what: str, *, hide: bool = False) -> str:
    return str(typer.prompt(f"  [{what}]", default="", show_default=False, hide_input=hide)).strip()


def _queue(effect: fx.Enqueue) -> fx.QueueResult:
    skills = ", ".join(f"{name}≥{level}" for name, level in effect.skills)
    typer.echo(f"  [queue {effect.queue}, priority {effect.priority:+d}{', ' + skills if skills else ''}]")
    return rehearsal.queue_result(_read(f"how does it end: {' '.join(rehearsal.OUTCOMES)}"))


def _moment(at: str, zone: str) -> Micros:
    if not at:
        return time.time_ns() // 1000
    try:
        return from_datetime(datetime.fromisoformat(at).replace(tzinfo=ZoneInfo(zone)))
    except ValueError:
        raise InvalidValue(f"{at!r} is no time; write for example 2026-11-20T22:00") from None


def _lookup(effect: fx.Lookup) -> fx.Found:
    found = rehearsal.lookup(effect)
    typer.secho(f"  [lookup {effect.adapter}.{effect.query}] {found.outcome}", dim=True)
    return found
