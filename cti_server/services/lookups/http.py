"""Another system over HTTP and JSON, described in lookups.yaml. What a caller keyed in goes into the path as one encoded
segment, into the query string or into the JSON body by libraries that quote; it never becomes part of the address."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Literal

import aiohttp
from pydantic import BaseModel, ConfigDict, Field, HttpUrl, field_validator
from yarl import URL

from cti_server.errors import InvalidValue, LookupUnavailable, NotFound

SLOT = re.compile(r"\{([a-z_][a-z0-9_]*)\}")
CHUNK = 16_384
MOST_ARGUMENT = 200
"""Characters of one argument; nobody keys in more."""


class HttpQuery(BaseModel):
    """One question. `path` may hold `{argument}` as whole segments; `query` and `body` name arguments sent there;
    `answer` says where in the JSON answer each value stands (`data.balance`); without it the whole object is the answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: Literal["GET", "POST"] = "GET"
    path: str = Field("/", pattern=r"^/")
    query: tuple[str, ...] = ()
    body: tuple[str, ...] = ()
    answer: dict[str, str] = {}
    repeatable: bool | None = None
    """Asking twice does no harm; None = GET only."""

    @field_validator("path")
    @classmethod
    def _whole_segments(cls, path: str) -> str:
        for segment in path.split("/"):
            if ("{" in segment or "}" in segment) and not SLOT.fullmatch(segment):
                raise ValueError(f"{segment!r}: an argument must be a whole segment, like /accounts/{{account}}")
        return path

    @property
    def may_repeat(self) -> bool:
        return self.method == "GET" if self.repeatable is None else self.repeatable


class HttpSource(BaseModel):
    """An adapter of kind http. `headers_from` maps a header to the environment variable that holds its value."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["http"]
    base: HttpUrl
    headers_from: dict[str, str] = {}
    most_bytes: int = Field(65_536, ge=256, description="a longer answer is refused")
    queries: dict[str, HttpQuery]


class HttpLookup:
    """A LookupAdapter. 404 = nothing found; redirects, other statuses, no JSON object, too long: LookupUnavailable."""

    def __init__(self, source: HttpSource, headers: Mapping[str, str] | None = None) -> None:
        self._source = source
        self._headers = {"Accept": "application/json", "Accept-Encoding": "identity", **(headers or {})}
        self._session: aiohttp.ClientSession | None = None

    async def lookup(self, query: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        asked = self._source.queries.get(query)
        if asked is None:
            raise NotFound(f"lookup has no query {query!r}; lookups.yaml knows {', '.join(self._source.queries)}")
        try:
            async with self._open().request(
                asked.method,
                self._url(asked, arguments),
                json={name: _value(arguments, name) for name in asked.body} if asked.body else None,
                allow_redirects=False,
            ) as response:
                return await self._answer(asked, response)
        except (aiohttp.ClientError, OSError) as error:
            raise LookupUnavailable(f"the service could not be asked: {type(error).__name__}") from error

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(headers=self._headers, trust_env=False)
        return self._session

    def _url(self, asked: HttpQuery, arguments: Mapping[str, Any]) -> URL:
        url = URL(str(self._source.base))
        for segment in asked.path.strip("/").split("/"):
            slot = SLOT.fullmatch(segment)
            url = url / (_segment(arguments, slot[1]) if slot else segment) if segment else url
        return url.with_query({name: _text(_value(arguments, name)) for name in asked.query})

    async def _answer(self, asked: HttpQuery, response: aiohttp.ClientResponse) -> Mapping[str, Any]:
        if response.status == 404:
            return {}
        if response.status != 200:
            raise LookupUnavailable(f"the service answered {response.status}")
        if response.content_type != "application/json":
            raise LookupUnavailable(f"the service answered {response.content_type} instead of JSON")
        return _mapped(_parsed(await self._body(response)), asked.answer)

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        body = bytearray()
        async for chunk in response.content.iter_chunked(CHUNK):
            body += chunk
            if len(body) > self._source.most_bytes:
                response.close()
                raise LookupUnavailable(f"the service's answer is longer than {self._source.most_bytes} bytes")
        return bytes(body)


def _value(arguments: Mapping[str, Any], name: str) -> str | int | bool | None:
    value = arguments.get(name)
    if not (value is None or isinstance(value, str | int)) or len(str(value)) > MOST_ARGUMENT:
        raise InvalidValue(f"argument {name} must be a short text or number")
    return value


def _text(value: str | int | bool | None) -> str:
    return "" if value is None else str(value)


def _segment(arguments: Mapping[str, Any], name: str) -> str:
    """One path segment. Slashes are encoded, but `.` and `..` would walk the path, and '' would change the question."""
    text = _text(_value(arguments, name))
    if text in ("", ".", "..") or "/" in text or "\\" in text:
        raise InvalidValue(f"argument {name} cannot be part of an address")
    return text


def _parsed(body: bytes) -> dict[str, Any]:
    """Numbers with a point stay text, so that 128.50 is spoken as it was sent."""
    try:
        value = json.loads(body, parse_float=str)
    except (ValueError, RecursionError):
        raise LookupUnavailable("the service's answer is no JSON") from None
    if not isinstance(value, dict):
        raise LookupUnavailable("the service's answer is no JSON object")
    return value


def _mapped(value: dict[str, Any], answer: Mapping[str, str]) -> dict[str, Any]:
    return {name: _at(value, path) for name, path in answer.items()} if answer and value else value


def _at(value: Any, path: str) -> Any:
    for key in path.split("."):
        if not isinstance(value, dict) or key not in value:
            raise LookupUnavailable(f"the service's answer has no {path}")
        value = value[key]
    return value
