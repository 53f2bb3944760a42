"""What stands between a caller and a source that may be slow, wrong or gone."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import structlog
from pydantic import BaseModel, ConfigDict, Field

from cti_server.clock import Clock
from cti_server.errors import CtiError, LookupUnavailable
from cti_server.ports import LookupAdapter
from cti_server.services.lookups.breaker import Breaker
from cti_server.services.lookups.cache import AnswerCache, cache_key

log = structlog.get_logger(__name__)
SECRET_QUERIES = frozenset({"verify_pin"})
SECRET_ARGUMENTS = frozenset({"pin", "password", "secret"})
MOST_DEPTH = 6


class Policy(BaseModel):
    """How patient we are with one adapter. A caller hears at most `timeout_seconds` × tries of "one moment please"."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    timeout_seconds: float = Field(2.0, gt=0, le=30, description="limit of one try")
    tries: int = Field(2, ge=1, le=5, description="tries of a query that changes nothing")
    breaker_failures: int = Field(5, ge=1, description="failures in a row after which the source is left alone")
    breaker_seconds: float = Field(30.0, gt=0, description="how long it is left alone")
    cache_seconds: dict[str, float] = Field({}, description="query → how long its answers are kept")
    cache_entries: int = Field(1000, ge=1, description="answers kept at most")


class Guard:
    """One adapter behind its policy; itself a LookupAdapter. `repeatable` are the queries that change nothing, so that
    asking twice does no harm. Questions with a secret are neither repeated nor kept."""

    def __init__(
        self, name: str, adapter: LookupAdapter, repeatable: frozenset[str], policy: Policy, clock: Clock
    ) -> None:
        self._name, self._adapter, self._repeatable, self._policy = name, adapter, repeatable, policy
        self._cache = AnswerCache(policy.cache_entries, clock)
        self.breaker = Breaker(name, policy.breaker_failures, policy.breaker_seconds, clock)

    async def lookup(self, query: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Raises LookupUnavailable; InvalidValue or NotFound for a question the adapter does not understand."""
        secret = query in SECRET_QUERIES or not SECRET_ARGUMENTS.isdisjoint(arguments)
        seconds = 0.0 if secret else self._policy.cache_seconds.get(query, 0.0)
        key = cache_key(query, arguments) if seconds else ""
        if key and (kept := self._cache.get(key)) is not None:
            return kept
        tries = self._policy.tries if query in self._repeatable and not secret else 1
        answer = await self._ask(query, arguments, tries)
        if key:
            self._cache.put(key, answer, seconds)
        return answer

    async def _ask(self, query: str, arguments: Mapping[str, Any], tries: int) -> Mapping[str, Any]:
        for left in reversed(range(tries)):
            try:
                with self.breaker.question():
                    return await self._try(query, arguments)
            except LookupUnavailable as error:
                log.warning("lookup_try_failed", adapter=self._name, query=query, error=str(error), tries_left=left)
                if not left:
                    raise
        raise AssertionError("tries is at least 1")

    async def _try(self, query: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            async with asyncio.timeout(self._policy.timeout_seconds):
                answer = await self._adapter.lookup(query, arguments)
        except TimeoutError:
            raise LookupUnavailable(
                f"lookup {self._name} did not answer within {self._policy.timeout_seconds:g} s"
            ) from None
        except CtiError as error:
            raise _ours(error) from error
        except Exception as error:  # whatever an adapter does wrong must not end the call
            raise LookupUnavailable(f"lookup {self._name} failed: {type(error).__name__}") from error
        if not isinstance(answer, Mapping) or not is_plain(answer):
            raise LookupUnavailable(f"lookup {self._name} answered with something that is no plain mapping")
        return answer


def _ours(error: CtiError) -> CtiError:
    """Any part being away is, to a flow, a lookup that is away; a wrong question stays what it is."""
    return LookupUnavailable(str(error)) if error.status >= 500 else error


def is_plain(value: object, depth: int = MOST_DEPTH) -> bool:
    """str, int, bool, None, and lists and mappings of them with text keys, not nested deeper than `depth`."""
    if value is None or isinstance(value, str | int):
        return True
    if depth == 0:
        return False
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and is_plain(item, depth - 1) for key, item in value.items())
    return isinstance(value, list | tuple) and all(is_plain(item, depth - 1) for item in value)
