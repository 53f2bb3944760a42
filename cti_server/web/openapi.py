"""The OpenAPI 3.1 document, made from the route table and the wire models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiohttp import web
from pydantic import TypeAdapter

from cti_server import __version__
from cti_server.web.parts import Ask
from cti_server.web.routes import API, PUBLIC, Route
from cti_server.web.wire import Args, Failure

REF = "#/components/schemas/{model}"
Schema = dict[str, Any]


class Document:
    """Collects schemas as routes are added."""

    def __init__(self) -> None:
        self._schemas: Schema = {}
        self._paths: dict[str, Schema] = {}

    def add(self, route: Route) -> None:
        self._paths.setdefault(API + route.path, {})[route.method.lower()] = self._operation(route)

    def as_dict(self) -> Schema:
        return {
            "openapi": "3.1.0",
            "info": {"title": "cti-server", "version": __version__, "description": "See docs/http-api.md."},
            "paths": self._paths,
            "components": {
                "schemas": self._schemas,
                "securitySchemes": {"session": {"type": "apiKey", "in": "cookie", "name": "cti_session"}},
            },
        }

    def _operation(self, route: Route) -> Schema:
        operation: Schema = {
            "operationId": f"{route.method.lower()}{route.path.replace('/', '_').replace('{', '').replace('}', '')}",
            "summary": route.summary,
            "parameters": self._parameters(route),
            "responses": self._responses(route),
            "x-roles": sorted(route.roles) if route.roles is not PUBLIC else [],
            "security": [] if route.roles is PUBLIC else [{"session": []}],
        }
        if route.method == "POST":
            operation["requestBody"] = self._body(route)
        return operation

    def _parameters(self, route: Route) -> list[Schema]:
        schema = self._collect(route.args)
        found = []
        for name, field in schema.get("properties", {}).items():
            in_path = name in route.path_fields
            if in_path or route.method != "POST":
                required = in_path or name in schema.get("required", [])
                place = "path" if in_path else "query"
                found.append({"name": name, "in": place, "required": required, "schema": field})
        return found

    def _body(self, route: Route) -> Schema:
        schema = self._collect(route.args)
        properties = {k: v for k, v in schema.get("properties", {}).items() if k not in route.path_fields}
        required = [name for name in schema.get("required", []) if name in properties]
        body = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
        return {"required": bool(required), "content": {"application/json": {"schema": body}}}

    def _responses(self, route: Route) -> Schema:
        failure = {"description": "error", "content": {"application/json": {"schema": self._collect_ref(Failure)}}}
        good: Schema = {"description": "done"}
        if route.answer is not None:
            good["content"] = {route.media_type: {"schema": self._collect_ref(route.answer)}}
        return {str(route.status if route.answer is not None else 204): good, "4XX": failure, "5XX": failure}

    def _collect_ref(self, answer: Any) -> Schema:
        schema = TypeAdapter(answer).json_schema(ref_template=REF, mode="serialization")
        self._schemas.update(schema.pop("$defs", {}))
        if schema.get("type") == "object" and "title" in schema:
            self._schemas[schema["title"]] = schema
            return {"$ref": REF.format(model=schema["title"])}
        return schema

    def _collect(self, args: type[Args]) -> Schema:
        schema = args.model_json_schema(ref_template=REF)
        self._schemas.update(schema.pop("$defs", {}))
        return schema


def document(routes: Sequence[Route]) -> Schema:
    found = Document()
    for route in routes:
        if route.documented:
            found.add(route)
    return found.as_dict()


def openapi_route(routes: Sequence[Route]) -> Route:
    """Serves the document of `routes` and of itself."""

    async def openapi(_: Ask, __: Args) -> web.Response:
        return web.json_response(served)

    own = Route(
        method="GET",
        path="/openapi.json",
        handle=openapi,
        summary="This document",
        roles=PUBLIC,
        answer=dict[str, Any],
    )
    served = document([*routes, own])
    return own
