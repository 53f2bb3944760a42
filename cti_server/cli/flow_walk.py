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
from cti_server.domain.flows.interpreter import run
from cti_server.domain.flows.schema import Flow
from cti_server.domain.ids import Micros, from_datetime
from cti_server.errors import InvalidValue
from cti_server.ports import CALLER_KEYS

OUTCOMES = ("answered", "timed_out", "refused", "callback", "key_exit")
_SAMPLE: Mapping[str, Mapping[str, Any]] = {
    "10000018": {
        "id": "c1", "phone": "13900000001", "pin": "246810", "tier": "vip", "flags": (), "address": "和平路1号",
        "balance": "128.50", "arrears": "0.00", "due_date": "2026-12-05", "order": "20261101",
    },
    "10000026": {
        "id": "c2", "phone": "13900000002", "pin": "135790", "tier": "ordinary", "flags": (), "address": "解放路2号",
        "balance": "0.00", "arrears": "56.20", "due_date": "2026-12-05", "order": "",
    },
    "10000034": {
        "id": "c3", "phone": "13900000003", "pin": "112233", "tier": "ordinary", "flags": ("elderly",), "address": "",
        "balance": "10.00", "arrears": "0.00", "due_date": "2026-12-05", "order": "",
    },
}  # fmt: skip


class Walk:
    """`at`: local time at the site, '' = now. Raises InvalidValue when it is no time."""

    def __init__(self, flow: Flow, flows: Mapping[str, Flow], context: fx.CallContext, *, at: str = "") -> None:
        self._at = _moment(at, context.time_zone)
        self._steps = run(flow, flows, replace(context, customer=_customer(context.caller), started=self._at))
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
        keys, stop = "", ""
        while self._typed and not stop and len(keys) < effect.most:
            key, self._typed = self._typed[0], self._typed[1:]
            keys, stop = (keys, key) if key in effect.stop_keys else (keys + key, "")
        if not stop and effect.tail_seconds and self._typed[:1] in tuple(effect.stop_keys):
            self._typed = self._typed[1:]
        return fx.Answer(keys, stop)

    def _record(self, effect: fx.Record) -> fx.Recording | None:
        _speak(effect.words)
        said = _read("tone; type what the caller says")
        if said in ("0", "*"):
            return fx.Recording("", 0, said)
        return fx.Recording(f"{effect.purpose}/walk.wav", 400 * len(said)) if said else None

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
    outcome = _read(f"how does it end: {' '.join(OUTCOMES)}") or "answered"
    known = next((one for one in OUTCOMES if one.startswith(outcome)), "answered")
    return fx.QueueResult(known, agent_id=None)  # type: ignore[arg-type]


def _moment(at: str, zone: str) -> Micros:
    if not at:
        return time.time_ns() // 1000
    try:
        return from_datetime(datetime.fromisoformat(at).replace(tzinfo=ZoneInfo(zone)))
    except ValueError:
        raise InvalidValue(f"{at!r} is no time; write for example 2026-11-20T22:00") from None


def _customer(caller: str) -> dict[str, Any]:
    for account, one in _SAMPLE.items():
        if caller.endswith(one["phone"]):
            return {"account": account, **{key: one[key] for key in ("id", "tier", "flags", "address")}}
    return {}


def _lookup(effect: fx.Lookup) -> fx.Found:
    values = _sample(effect.query, effect.arguments)
    outcome = "failed" if values is None else "found" if values else "nothing"
    typer.secho(f"  [lookup {effect.adapter}.{effect.query}] {outcome}", dim=True)
    return fx.Found(outcome, values or {})


def _sample(query: str, arguments: Mapping[str, Any]) -> dict[str, Any] | None:
    """None for a query the sample does not know."""
    if query == "notices":
        return {
            "text": {
                "zh": "十一月二十五日九点到十一点，和平路停电检修。",
                "en": "No power on Peace Road, November 25, 9 to 11 a.m.",
            }
        }
    if query == "open_order":
        one = next((one for one in _SAMPLE.values() if one["id"] == arguments.get("customer_id")), {})
        return {"number": one["order"], "state": "assigned"} if one.get("order") else {}
    account = str(arguments.get("account", ""))
    found = _SAMPLE.get(account)
    if query not in ("account", "verify_pin", "balance") or found is None:
        return {} if query in ("account", "verify_pin", "balance") else None
    if query == "verify_pin":
        return {"ok": arguments.get("pin") == found["pin"], "locked": False}
    if query == "balance":
        return {key: found[key] for key in ("balance", "arrears", "due_date")}
    return {"account": account, "customer_id": found["id"], "tier": found["tier"]}
