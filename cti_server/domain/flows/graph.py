"""A flow as a graph: what each node holds, where it leads, and which values are still needed from it on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from pydantic import BaseModel

from cti_server.domain.flows import expressions
from cti_server.domain.flows.schema import (
    ASKING,
    RETURN,
    TARGETS,
    Collect,
    Create,
    Expr,
    Flow,
    Hours,
    Lookup,
    Model,
    Node,
    Record,
    Set,
    Subflow,
    Text,
)
from cti_server.domain.flows.slots import Slot, parts
from cti_server.errors import InvalidValue

Path = tuple[str | int, ...]


def walk(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every leaf below a model with its path as written in the file; a Text and an Expr are leaves."""
    if isinstance(value, Text | Expr) or not isinstance(value, Model | Mapping | tuple):
        yield path, value
        return
    for key, item in _items(value):
        yield from walk(item, (*path, key))


def _items(value: Any) -> Iterable[tuple[str | int, Any]]:
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        return [(field.alias or name, getattr(value, name)) for name, field in fields.items()]
    return value.items() if isinstance(value, Mapping) else enumerate(value)


def targets(node: Node) -> Iterator[tuple[Path, str]]:
    """Where a node can lead, with the place it is written at."""
    for path, value in walk(node):
        if (path[-1] in TARGETS or path[-1] == "else") and isinstance(value, str):
            yield path, value


def successors(flow: Flow, name: str) -> frozenset[str]:
    """Nodes the call can go to next: as written, and by 0 and misses to the person."""
    node = flow.nodes[name]
    found = {target for _, target in targets(node) if target != RETURN}
    if isinstance(node, ASKING):
        found.add(getattr(node, "person", None) or flow.person)
    return frozenset(found & flow.nodes.keys())


def reachable(flow: Flow, start: str) -> frozenset[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name not in seen and name in flow.nodes:
            seen.add(name)
            waiting.extend(successors(flow, name))
    return frozenset(seen)


def saved(node: Node) -> frozenset[str]:
    """Names a node gives a value."""
    if isinstance(node, Set):
        return frozenset(node.values)
    if isinstance(node, Collect | Record | Lookup | Hours | Create | Subflow) and node.save:
        return frozenset({node.save})
    return frozenset()


def used(node: Node) -> frozenset[str]:
    """Dotted names a node reads, in expressions and slots; what cannot be parsed reads nothing."""
    names: set[str] = set()
    for _, value in walk(node):
        if isinstance(value, Expr):
            names |= _names_of(value)
        elif isinstance(value, Text):
            names |= slots(value)
    return frozenset(names)


def _names_of(expression: Expr) -> frozenset[str]:
    try:
        return expressions.parse(expression.root).names
    except InvalidValue:
        return frozenset()


def slots(text: Text) -> frozenset[str]:
    names: set[str] = set()
    for words in text.root.values():
        try:
            names |= {part.path for part in parts(words) if isinstance(part, Slot)}
        except InvalidValue:
            continue
    return frozenset(names)


def root(dotted: str) -> str:
    return dotted.partition(".")[0]


@lru_cache(maxsize=64)
def needed(flow: Flow) -> Mapping[str, frozenset[str]]:
    """Node → dotted names whose values may still be read from it on (backward liveness): all a checkpoint has to keep."""
    uses = {name: used(node) for name, node in flow.nodes.items()}
    kills = {name: saved(node) for name, node in flow.nodes.items()}
    returned = frozenset(flow.returns)
    alive = dict(uses)
    changed = True
    while changed:
        changed = False
        for name in flow.nodes:
            leads_out = any(target == RETURN for _, target in targets(flow.nodes[name]))
            after = returned if leads_out else frozenset()
            after = after.union(*(alive[target] for target in successors(flow, name)))
            now = uses[name] | {path for path in after if root(path) not in kills[name]}
            if now != alive[name]:
                alive[name], changed = frozenset(now), True
    return alive


def loops_without_caller(flow: Flow, quick: tuple[type[Any], ...]) -> list[str]:
    """Names of nodes of the given kinds that can come round to themselves through such nodes only."""
    hops = {
        name: [target for target in successors(flow, name) if isinstance(flow.nodes[target], quick)]
        for name, node in flow.nodes.items()
        if isinstance(node, quick)
    }
    return [name for name in hops if _returns(name, hops)]


def _returns(name: str, hops: Mapping[str, list[str]]) -> bool:
    seen: set[str] = set()
    waiting = list(hops[name])
    while waiting:
        hop = waiting.pop()
        if hop == name:
            return True
        if hop not in seen:
            seen.add(hop)
            waiting.extend(hops[hop])
    return False
