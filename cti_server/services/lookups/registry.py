"""Adapters by name, as `lookups.yaml` lists them, plus our own under `customers`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cti_server.clock import Clock, SystemClock
from cti_server.errors import BadSettings, NotFound
from cti_server.ports import LookupAdapter
from cti_server.services.lookups.customers import REPEATABLE
from cti_server.services.lookups.guard import SECRET_QUERIES, Guard, Policy
from cti_server.services.lookups.hook import HookLookup, find_hook
from cti_server.services.lookups.http import HttpLookup, HttpSource

OWN = "customers"


class HookSource(BaseModel):
    """An adapter of kind hook: `entry` is `module:function`; `repeatable` are queries that change nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["hook"]
    entry: str = Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")
    repeatable: tuple[str, ...] = ()


class LookupSettings(BaseModel):
    """`lookups.yaml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    adapters: dict[str, Annotated[HttpSource | HookSource, Field(discriminator="kind")]] = {}
    policies: dict[str, Policy] = {}
    """Adapter name → how patient we are with it."""


class Lookups:
    """`lookup(adapter, query, arguments)`; `close` when done."""

    def __init__(self, guards: Mapping[str, Guard], closing: Iterable[HttpLookup] = ()) -> None:
        self._guards = dict(guards)
        self._closing = tuple(closing)

    @classmethod
    def load(cls, path: Path, own: LookupAdapter, clock: Clock | None = None) -> Lookups:
        """From `lookups.yaml`; without the file only our own. Raises BadSettings that names file and field."""
        settings = read_settings(path)
        clock = clock or SystemClock()
        guards = {OWN: Guard(OWN, own, REPEATABLE, settings.policies.get(OWN, Policy()), clock)}
        closing: list[HttpLookup] = []
        for name, source in settings.adapters.items():
            adapter, repeatable = _made(source)
            guards[name] = Guard(name, adapter, repeatable, settings.policies.get(name, Policy()), clock)
            if isinstance(adapter, HttpLookup):
                closing.append(adapter)
        return cls(guards, closing)

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self._guards)

    def states(self) -> dict[str, str]:
        """Adapter → `closed`, `open` or `half_open`, for health pages."""
        return {name: guard.breaker.state for name, guard in self._guards.items()}

    async def lookup(self, adapter: str, query: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """{} = nothing found. Raises LookupUnavailable, NotFound (no such adapter or query), InvalidValue."""
        guard = self._guards.get(adapter)
        if guard is None:
            raise NotFound(f"there is no lookup {adapter!r}; add it to lookups.yaml")
        return await guard.lookup(query, arguments)

    async def close(self) -> None:
        for adapter in self._closing:
            await adapter.close()


def read_settings(path: Path) -> LookupSettings:
    if not path.is_file():
        return LookupSettings()
    try:
        settings = LookupSettings.model_validate(yaml.safe_load(path.read_text("utf-8")) or {})
    except (OSError, UnicodeError, yaml.YAMLError) as error:
        raise BadSettings(f"{path}: {error}") from None
    except ValidationError as error:
        lines = [f"{path}: {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        raise BadSettings("\n".join(lines)) from None
    _check(path, settings)
    return settings


def _check(path: Path, settings: LookupSettings) -> None:
    if OWN in settings.adapters:
        raise BadSettings(f"{path}: adapters.{OWN}: this name is our own customer file; choose another")
    for name, policy in settings.policies.items():
        if name != OWN and name not in settings.adapters:
            raise BadSettings(f"{path}: policies.{name}: there is no such adapter")
        if kept := SECRET_QUERIES & policy.cache_seconds.keys():
            raise BadSettings(f"{path}: policies.{name}.cache_seconds: {', '.join(kept)} is secret and never kept")


def _made(source: HttpSource | HookSource) -> tuple[HttpLookup | HookLookup, frozenset[str]]:
    if isinstance(source, HookSource):
        return HookLookup(find_hook(source.entry)), frozenset(source.repeatable)
    headers = {header: _environment(variable) for header, variable in source.headers_from.items()}
    return HttpLookup(source, headers), frozenset(name for name, query in source.queries.items() if query.may_repeat)


def _environment(variable: str) -> str:
    value = os.environ.get(variable)
    if not value:
        raise BadSettings(f"lookups.yaml wants the environment variable {variable}; set it")
    return value
