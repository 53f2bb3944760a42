"""A flow from the text of its file. All problems are found at once, each with the line it stands in."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from cti_server.domain.calendar import Calendar
from cti_server.domain.flows.check import Known, check
from cti_server.domain.flows.graph import Path
from cti_server.domain.flows.problems import Problem, invalid
from cti_server.domain.flows.schema import Flow, Name
from cti_server.domain.wrong import Wrong, of_pydantic, wrong

MOST_CHARACTERS = 1_000_000
MOST_DEPTH = 20
_CALENDARS: TypeAdapter[dict[str, Calendar]] = TypeAdapter(dict[Name, Calendar])


@dataclass
class _Document:
    """A YAML file as plain values, with the line of every key and item."""

    source: str
    data: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def line(self, path: Path) -> int:
        """Of the nearest thing around `path` that stands in the file."""
        while path not in self.lines and path:
            path = path[:-1]
        return self.lines.get(path, 1)

    def add(self, path: Path, why: Wrong, field: str = "") -> None:
        node = str(path[1]) if len(path) > 1 and path[0] == "nodes" else ""
        self.problems.append(Problem(self.source, self.line(path), node, why, field))


def load_flow(
    text: str,
    source: str,
    *,
    queues: Collection[str] | None = None,
    flows: Collection[str] | None = None,
    calendars: Mapping[str, Calendar] | None = None,
) -> Flow:
    """Raises FlowInvalid with `details['problems']`, a list of Problem. `queues` and `flows` are the names a flow may use
    (None = not checked), `calendars` those shared by all flows."""
    document = _read(text, source)
    flow = _validated(document)
    if flow is not None:
        for path, why in check(flow, Known(queues, flows, tuple(calendars or ()))):
            document.add(path, why)
    if flow is None or document.problems:
        raise invalid(document.problems)
    shared = calendars or {}
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    return flow.model_copy(update={"version": digest, "calendars": {**shared, **flow.calendars}})


def load_calendars(text: str, source: str) -> dict[str, Calendar]:
    """Calendars by name, from the text of calendars.yaml. Raises FlowInvalid."""
    document = _read(text, source)
    if not document.problems:
        try:
            return _CALENDARS.validate_python(document.data or {})
        except ValidationError as error:
            _add_all(document, error)
    raise invalid(document.problems)


def flow_name(text: str) -> str | None:
    """The name a file gives its flow, when it can be read that far."""
    data = _read(text, "").data
    name = data.get("name") if isinstance(data, dict) else None
    return name if isinstance(name, str) else None


def node_lines(text: str) -> dict[str, int]:
    """Node → the line it begins in."""
    return {str(path[1]): line for path, line in _read(text, "").lines.items() if len(path) == 2 and path[0] == "nodes"}


def _validated(document: _Document) -> Flow | None:
    if document.data is None and document.problems:
        return None
    if isinstance(document.data, dict) and "version" in document.data:
        document.add(("version",), wrong("version_set"))
    try:
        return Flow.model_validate(document.data)
    except ValidationError as error:
        _add_all(document, error)
        return None


def _add_all(document: _Document, error: ValidationError) -> None:
    for one in error.errors():
        path, why = _in_file(document, one["loc"]), of_pydantic(one)
        document.add(path, why, "" if why.code == "missing" else _field(path))


def _field(path: Path) -> str:
    return str(path[-1]) if path and not (len(path) == 2 and path[0] == "nodes") else ""


def _in_file(document: _Document, loc: Path) -> Path:
    """pydantic's location without the parts it adds for unions (a node's kind, `dict[…]`)."""
    path: Path = ()
    node_kind = 2 if loc[:1] == ("nodes",) else None
    for place, part in enumerate(loc):
        if place != node_kind and (*path, part) in document.lines:
            path = (*path, part)
    return path


# ---- YAML with lines ---------------------------------------------------------------------------------------


def _read(text: str, source: str) -> _Document:
    document = _Document(source)
    if len(text) > MOST_CHARACTERS:
        document.add((), wrong("file_long", most=MOST_CHARACTERS))
        return document
    try:
        if refusal := _refusal(text):
            document.add((), refusal)
            return document
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        document.data = None if tree is None else _plain(tree, (), document)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        document.problems.append(Problem(source, line, "", wrong("not_yaml", text=error.problem or error.context)))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        document.problems.append(Problem(source, 1, "", wrong("not_yaml", text=type(error).__name__)))
    if document.data is None and not document.problems:
        document.add((), wrong("file_empty"))
    return document


def _refusal(text: str) -> Wrong | None:
    """Why a file is not even read: an alias or deep nesting can make a small file a huge or endless value."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            return wrong("alias")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MOST_DEPTH:
            return wrong("deep", most=MOST_DEPTH)
    return None


def _plain(tree: yaml.Node, path: Path, document: _Document) -> Any:
    document.lines.setdefault(path, tree.start_mark.line + 1)
    if isinstance(tree, yaml.MappingNode):
        return dict(_pairs(tree, path, document))
    if isinstance(tree, yaml.SequenceNode):
        return [_plain(item, (*path, index), document) for index, item in enumerate(tree.value)]
    return _scalar(tree)


def _pairs(tree: yaml.MappingNode, path: Path, document: _Document) -> Iterator[tuple[Any, Any]]:
    seen = set()
    for key_tree, value_tree in tree.value:
        key = str(_scalar(key_tree)) if isinstance(_scalar(key_tree), int | bool) else _scalar(key_tree)
        place = (*path, key if isinstance(key, str) else str(key))
        document.lines[place] = key_tree.start_mark.line + 1
        if key in seen:
            document.add(place, wrong("twice", name=key))
        seen.add(key)
        yield key, _plain(value_tree, place, document)


def _scalar(tree: yaml.Node) -> Any:
    """A scalar as SafeLoader reads it; `on`, `off`, `yes`, `no` as keys or values come as they are written."""
    if tree.tag == "tag:yaml.org,2002:bool" and str(tree.value).lower() not in ("true", "false"):
        return tree.value
    if not isinstance(tree, yaml.ScalarNode):
        return str(tree.value)
    return yaml.SafeLoader("").construct_object(tree)
