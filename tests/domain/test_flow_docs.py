"""docs/flows.md says what the schema says."""

from __future__ import annotations

from pathlib import Path

from cti_server.domain.aloud import KINDS
from cti_server.domain.flows.schema import Flow, json_schema

DOC = (Path(__file__).parents[2] / "docs" / "flows.md").read_text()
COMMON = {"kind", "note", "failed"}


def test_every_node_kind_and_field_is_documented() -> None:
    definitions = json_schema()["$defs"]
    nodes = {d["properties"]["kind"]["const"]: d for d in definitions.values() if "kind" in d.get("properties", {})}
    rows = {line.split("`")[1]: line for line in DOC.splitlines() if line.startswith("| `")}
    assert rows.keys() == nodes.keys()
    for kind, definition in nodes.items():
        row = rows[kind] + (rows["menu"] if kind == "collect" else "")
        missing = [name for name in definition["properties"].keys() - COMMON if f"`{name}`" not in row]
        assert not missing, f"{kind}: {missing}"


def test_every_field_of_a_flow_and_every_slot_kind_is_documented() -> None:
    assert not [name for name in Flow.model_fields if name != "version" and f"\n{name}:" not in DOC]
    assert not [kind for kind in KINDS if f"`{kind}`" not in DOC]
