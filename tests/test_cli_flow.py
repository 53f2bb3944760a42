"""`cti-server flow …` as a user types it."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from typer.testing import CliRunner
from yaml import safe_load

from cti_server.cli import app
from tests.domain.flow_walk import FLOWS, shipped

run = CliRunner()


def test_check_accepts_the_shipped_flows() -> None:
    result = run.invoke(
        app, ["flow", "check", "--folder", str(FLOWS), "--queues", "general,vip,billing,repair,emergency,english"]
    )
    assert result.exit_code == 0, result.output
    assert "power: 81 nodes, zh, en" in result.output


def test_check_prints_file_line_node_and_fails(tmp_path: Path) -> None:
    text = (FLOWS / "power.yaml").read_text().replace("next: who", "next: whom")
    (tmp_path / "power.yaml").write_text(text)
    (tmp_path / "calendars.yaml").write_text((FLOWS / "calendars.yaml").read_text())
    result = run.invoke(app, ["flow", "check", "--folder", str(tmp_path)])
    assert result.exit_code == 1
    assert f"{tmp_path}/power.yaml:17: greeting: next names no node: 'whom'; did you mean 'who'?" in result.output


def test_check_of_no_folder_says_so(tmp_path: Path) -> None:
    result = run.invoke(app, ["flow", "check", "--folder", str(tmp_path / "none")])
    assert result.exit_code == 2
    assert "no such folder" in result.output


def test_draw_mermaid_names_every_node_and_key() -> None:
    result = run.invoke(app, ["flow", "draw", "power", "--folder", str(FLOWS)])
    assert result.output.startswith("flowchart TD")
    assert all(f"  {name}_" in result.output for name in shipped().nodes)
    assert 'main_ -- "1" --> fault_' in result.output
    assert "查询余额请按2" in result.output
    assert "For your balance, press 2" in result.output


def test_draw_svg_is_a_document_with_a_box_for_every_node(tmp_path: Path) -> None:
    out = tmp_path / "power.svg"
    result = run.invoke(app, ["flow", "draw", "power", "--folder", str(FLOWS), "--format", "svg", "--output", str(out)])
    assert result.exit_code == 0, result.output
    root = ET.fromstring(out.read_text())
    space = "{http://www.w3.org/2000/svg}"
    boxes = [(float(b.get("x", 0)), float(b.get("y", 0))) for b in root.iter(f"{space}rect") if b.get("rx")]
    assert len(boxes) == len(set(boxes)) == len(shipped().nodes)
    assert "您好，欢迎致电供电服务热线。" in "".join(root.itertext())


def test_run_walks_a_balance_call() -> None:
    typed = "2\n10000018\n246810\n\n\n"
    result = run.invoke(app, ["flow", "run", "power", "--folder", str(FLOWS), "--language", "en"], input=typed)
    assert result.exit_code == 0, result.output
    assert "one hundred" in result.output
    assert "246810" not in result.output.replace("[keys]: 246810", "")
    assert "the call is over" in result.output


def test_run_takes_type_ahead_and_a_time_and_a_hang_up() -> None:
    result = run.invoke(
        app, ["flow", "run", "power", "--folder", str(FLOWS), "--at", "2026-11-20T23:00"], input="0\n1\n"
    )
    assert "现在是非工作时间" in result.output
    assert "[queue emergency, priority +5]" in result.output
    assert "the caller hung up" in result.output
    ahead = run.invoke(app, ["flow", "run", "power", "--folder", str(FLOWS)], input="210000026#135790\n\n\n")
    assert "五十六元" in ahead.output


@pytest.mark.parametrize("arguments", [["nothing"], ["power", "--at", "soon"]])
def test_run_says_what_is_wrong(arguments: list[str]) -> None:
    result = run.invoke(app, ["flow", "run", *arguments, "--folder", str(FLOWS)])
    assert result.exit_code == 2
    assert "no flow 'nothing'" in result.output or "2026-11-20T22:00" in result.output


def test_the_exported_schema_is_current_and_accepts_the_shipped_flow() -> None:
    result = run.invoke(app, ["flow", "schema"])
    schema = json.loads(result.output)
    assert schema == json.loads((FLOWS / "flow.schema.json").read_text()), (
        "run: cti-server flow schema > ivr_flows/flow.schema.json"
    )
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    flow = _text_keys(safe_load((FLOWS / "power.yaml").read_text()))
    assert not [error.message for error in validator.iter_errors(flow)]
    flow["nodes"]["main"]["keys"]["0"] = {"to": "person", "label": {"zh": "人工"}}
    assert [error.message for error in validator.iter_errors(flow)]


def _text_keys(value: object) -> dict[str, dict[str, dict[str, dict[str, object]]]]:
    """Editors read YAML keys as text, as JSON has them."""

    def plain(item: object) -> object:
        if isinstance(item, dict):
            return {str(key): plain(inner) for key, inner in item.items()}
        return [plain(inner) for inner in item] if isinstance(item, list) else item

    result = plain(value)
    assert isinstance(result, dict)
    return result
