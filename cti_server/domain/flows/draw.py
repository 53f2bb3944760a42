"""A flow as a picture: Mermaid text, or an SVG with nodes in layers from the start downwards.

Both show every node with what it says in each language, and every way with its key or condition. Ways every question has (0, #
and misses) are left out; they would hide the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape

from cti_server.domain.flows.graph import targets
from cti_server.domain.flows.schema import Flow, Node, Queue, Set, Text, When

WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN = 230, 92, 36, 70, 30
MOST_LINE = 30
"""Columns of text in a box; a Chinese character takes two."""
COLOURS = {
    "menu": "#fff3d6",
    "collect": "#fff3d6",
    "record": "#fff3d6",
    "survey": "#fff3d6",
    "queue": "#d9f2dd",
    "transfer": "#d9f2dd",
    "hangup": "#eceff1",
    "lookup": "#dceafb",
    "create": "#dceafb",
    "urge": "#dceafb",
}


@dataclass(frozen=True, slots=True)
class Edge:
    start: str
    end: str
    label: str


def edges(flow: Flow) -> list[Edge]:
    """Ways as written in the file, those to the same node joined."""
    joined: dict[tuple[str, str], list[str]] = {}
    for name, node in flow.nodes.items():
        for path, target in targets(node):
            if path[-1] in ("person", "back", "enough"):
                continue
            labels = joined.setdefault((name, target), [])
            label = _label(node, path)
            if label and label not in labels:
                labels.append(label)
    return [Edge(start, end, ", ".join(labels)) for (start, end), labels in joined.items()]


def _label(node: Node, path: tuple[str | int, ...]) -> str:
    if path[0] == "keys":
        return str(path[1])
    if isinstance(node, When) and path[0] == "cases":
        return node.cases[int(path[1])].test.root
    return "" if path[-1] == "next" else str(path[-1]).replace("_", " ")


def lines(name: str, node: Node) -> list[str]:
    """Title of a node's box and what it says or does, one line a language."""
    text = getattr(node, "say", None)
    spoken = list(text.root.values()) if isinstance(text, Text) else [_about(node)]
    return [f"{name} · {node.kind}", *(line for line in spoken if line)]


def _about(node: Node) -> str:
    if isinstance(node, Queue):
        return node.queue if isinstance(node.queue, str) else " / ".join(node.queue.values())
    if isinstance(node, Set):
        return ", ".join(f"{name} = {value.root}" for name, value in node.values.items())
    return next((str(value) for key in ("query", "calendar", "what", "flow") if (value := getattr(node, key, ""))), "")


def mermaid(flow: Flow) -> str:
    """https://mermaid.js.org flowchart."""
    out = ["flowchart TD", f'  start_(("{_quoted(" / ".join(flow.title.root.values()))}")) --> {flow.start}_']
    for name, node in flow.nodes.items():
        text = "<br/>".join(_quoted(line) for line in lines(name, node))
        left, right = _SHAPES.get(node.kind, ("[", "]"))
        out.append(f'  {name}_{left}"{text}"{right}')
    for edge in edges(flow):
        arrow = f'-- "{_quoted(edge.label)}" -->' if edge.label else "-->"
        out.append(f"  {edge.start}_ {arrow} {edge.end}_")
    return "\n".join(out) + "\n"


_SHAPES = {"menu": ("{{", "}}"), "when": ("{", "}"), "hours": ("{", "}"), "queue": ("([", "])"), "hangup": ("((", "))")}


def _quoted(text: str) -> str:
    return escape(text, quote=False).replace('"', "&quot;").replace("#", "&#35;")


# ---- SVG -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Box:
    """`rows` fit the box, the first is its title; `full` is all of it. x and y are its top left corner."""

    name: str
    kind: str
    x: int
    y: int
    rows: tuple[str, ...]
    full: str


@dataclass(frozen=True, slots=True)
class Way:
    """`path` as SVG writes it; x and y are where the label stands; `back` leads upwards."""

    start: str
    end: str
    label: str
    path: str
    x: int
    y: int
    back: bool


@dataclass(frozen=True, slots=True)
class Picture:
    width: int
    height: int
    box_width: int
    box_height: int
    boxes: tuple[Box, ...]
    ways: tuple[Way, ...]


def picture(flow: Flow) -> Picture:
    """Pixels from the top left corner."""
    places = layout(flow)
    width = max(x for x, _ in places.values()) + WIDTH + MARGIN
    height = max(y for _, y in places.values()) + HEIGHT + MARGIN
    ways = tuple(_way(edge, places) for edge in edges(flow) if edge.end in places)
    boxes = tuple(_box(name, node, places[name]) for name, node in flow.nodes.items())
    return Picture(width, height, WIDTH, HEIGHT, boxes, ways)


def svg(flow: Flow) -> str:
    """A standalone SVG document."""
    drawn = picture(flow)
    width, height = drawn.width, drawn.height
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="Noto Sans CJK SC, Noto Sans, sans-serif" font-size="12">',
        f"<title>{escape(' / '.join(flow.title.root.values()))}</title>",
        '<defs><marker id="to" markerWidth="8" markerHeight="8" refX="7" refY="4" orient="auto">'
        '<path d="M0,0 L8,4 L0,8 z" fill="#607d8b"/></marker></defs>',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    parts += [part for way in drawn.ways for part in _way_svg(way)]
    parts += [part for box in drawn.boxes for part in _box_svg(box)]
    return "\n".join([*parts, "</svg>"]) + "\n"


def layout(flow: Flow) -> Mapping[str, tuple[int, int]]:
    """Top left corner of each node: layers by distance from the start, each node as near below its parents as there is room."""
    parents: dict[str, list[str]] = {}
    for edge in edges(flow):
        parents.setdefault(edge.end, []).append(edge.start)
    places: dict[str, tuple[int, int]] = {}
    for depth, layer in enumerate(_layers(flow)):
        wanted = {name: _below(name, parents, places) for name in layer}
        free = MARGIN
        for name in sorted(layer, key=lambda name: wanted[name]):
            x = max(free, wanted[name])
            places[name] = (x, MARGIN + depth * (HEIGHT + GAP_Y))
            free = x + WIDTH + GAP_X
    return places


def _below(name: str, parents: Mapping[str, list[str]], places: Mapping[str, tuple[int, int]]) -> int:
    columns = [places[parent][0] for parent in parents.get(name, ()) if parent in places]
    return sum(columns) // len(columns) if columns else MARGIN


def _layers(flow: Flow) -> list[list[str]]:
    ways: dict[str, list[str]] = {}
    for edge in edges(flow):
        ways.setdefault(edge.start, []).append(edge.end)
    seen: set[str] = {flow.start}
    layers = [[flow.start]]
    while new := [n for n in dict.fromkeys(t for n in layers[-1] for t in ways.get(n, ())) if n not in seen]:
        known = [name for name in new if name in flow.nodes]
        seen.update(new)
        layers.append(known)
    rest = [name for name in flow.nodes if name not in seen]
    return [*layers, rest] if rest else layers


def _box(name: str, node: Node, place: tuple[int, int]) -> Box:
    text = lines(name, node)
    return Box(name, node.kind, *place, tuple(_rows(text)), " ".join(text))


def _box_svg(box: Box) -> Iterator[str]:
    x, y = box.x, box.y
    colour = COLOURS.get(box.kind, "#ffffff")
    yield f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="8" fill="{colour}" stroke="#607d8b"/>'
    yield f"<g><title>{escape(box.full)}</title>"
    for row, line in enumerate(box.rows):
        weight = ' font-weight="bold"' if row == 0 else ""
        yield f'<text x="{x + 10}" y="{y + 18 + row * 16}"{weight}>{escape(line)}</text>'
    yield "</g>"


def _rows(text: list[str]) -> list[str]:
    """At most five rows: title, then each language wrapped to its share."""
    share = 4 if len(text) < 3 else 2
    return [cut(text[0], 1)[0], *(row for line in text[1:3] for row in cut(line, share))]


def cut(text: str, rows: int) -> list[str]:
    """Wrap to `MOST_LINE` columns, an ellipsis where `rows` do not suffice."""
    out = [""]
    width = 0
    for character in text:
        wide = 2 if ord(character) > 0x2E7F else 1
        if width + wide > MOST_LINE:
            if len(out) == rows:
                out[-1] = out[-1][:-1] + "…"
                break
            out.append("")
            width = 0
        out[-1] += character
        width += wide
    return out


def _way(edge: Edge, places: Mapping[str, tuple[int, int]]) -> Way:
    (x1, y1), (x2, y2) = places[edge.start], places[edge.end]
    down = y2 > y1
    x1, y1 = x1 + WIDTH // 2, y1 + (HEIGHT if down else 0)
    x2, y2 = x2 + WIDTH // 2 - (0 if down else 30), y2 + (0 if down else HEIGHT)
    bend = max(40, abs(y2 - y1) // 2) * (1 if down else -1)
    path = f"M{x1},{y1} C{x1},{y1 + bend} {x2},{y2 - bend} {x2},{y2}"
    x, y = round(x1 * 0.2 + x2 * 0.8), round(y1 * 0.2 + y2 * 0.8)
    label = cut(edge.label, 1)[0] if edge.label else ""
    return Way(edge.start, edge.end, label, path, x, y, not down)


def _way_svg(way: Way) -> Iterator[str]:
    dashes = ' stroke-dasharray="5 4"' if way.back else ""
    yield f'<path d="{way.path}" fill="none" stroke="#607d8b"{dashes} marker-end="url(#to)"/>'
    if way.label:
        yield (
            f'<text x="{way.x}" y="{way.y}" text-anchor="middle" fill="#b71c1c" stroke="white" stroke-width="3" '
            f'paint-order="stroke">{escape(way.label)}</text>'
        )
