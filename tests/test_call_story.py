"""`cti-server call`: what it says without a demo, and that it has words for every fact of a call."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any, NoReturn

import pytest
from typer.testing import CliRunner

from cti_server.cli import app
from cti_server.domain.facts import KINDS, CallFact, schema
from cti_server.lab.callers import steps_of
from cti_server.lab.sipp import SCRIPTS
from cti_server.lab.story import WORDS, tell

run = CliRunner()
CALLERS: list[dict[str, Any]] = [{"number": "13900000002", "account": "10000026", "pin": "135790"}]
SAMPLES: dict[str, Any] = {"number": 7, "boolean": True, "string": "x", "tuple[str, ...]": ["a"]}


def sample(kind: str) -> dict[str, Any]:
    """A fact as the wire sends it, with the first word of each choice."""
    filled: dict[str, Any] = {}
    for name, hint in schema()[kind].items():
        first = hint.split(" | ")[0]
        filled[name] = first.strip("'") if first.startswith("'") else SAMPLES.get(first, [])
    return filled


@pytest.mark.parametrize("kind", sorted(kind for kind in schema() if issubclass(KINDS[kind], CallFact)))
def test_every_fact_of_a_call_has_words(kind: str) -> None:
    assert kind in WORDS
    words = tell(kind, sample(kind))
    assert words
    assert "{" not in words


def test_a_kind_newer_than_the_program_is_told_by_its_name() -> None:
    assert tell("SomethingNew", {}) == "SomethingNew"


def test_a_caller_uses_his_own_account_and_pin() -> None:
    assert "digits 135790" in steps_of("balance", "13900000002", CALLERS)
    assert "digits 10000026#" in steps_of("balance_account", "13900000002", CALLERS)
    assert steps_of("balance", "13911112222", CALLERS) == SCRIPTS["balance"]


def test_an_unknown_script_lists_the_names() -> None:
    result = run.invoke(app, ["call", "--script", "balnce"])
    assert result.exit_code == 2
    assert "no script is called 'balnce'" in result.output
    assert all(name in result.output for name in SCRIPTS)


def test_a_wrong_step_is_named() -> None:
    result = run.invoke(app, ["call", "--script", "wait 3; digts 2"])
    assert result.exit_code == 2
    assert "'digts 2'" in result.output


def test_without_a_demo_it_says_how_to_start_one(tmp_path: Path) -> None:
    result = run.invoke(app, ["call", "--demo", str(tmp_path)])
    assert result.exit_code == 1
    assert "no demo runs" in result.output
    assert "scripts/demo" in result.output


@pytest.mark.parametrize("content", ["{", "[]", '{"http": {}}'])
def test_a_file_that_is_no_ready_file_is_called_that(tmp_path: Path, content: str) -> None:
    (tmp_path / "ready.json").write_text(content)
    result = run.invoke(app, ["call", "--demo", str(tmp_path / "ready.json")])
    assert result.exit_code == 1
    assert "is no ready file" in result.output


def ready_file(folder: Path, port: int) -> Path:
    facts = {
        "http": {"url": f"http://127.0.0.1:{port}"},
        "sip": {"host": "127.0.0.1", "port": port},
        "carrier": {"call_from": "127.0.0.2"},
        "logins": [{"login": "1900", "password": "x", "role": "leader"}],
        "callers": [],
    }
    path = folder / "ready.json"
    path.write_text(json.dumps(facts))
    return path


def test_a_demo_that_is_gone_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cti_server.cli.call.check_tools", lambda: None)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        result = run.invoke(app, ["call", "--demo", str(ready_file(tmp_path, closed.getsockname()[1]))])
    assert result.exit_code == 1
    assert "does not answer" in result.output


def test_sipp_missing_and_no_right_to_raw_sockets_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(ready_file(tmp_path, 1))
    monkeypatch.setattr("cti_server.cli.call.shutil.which", lambda _: None)
    assert "sipp is not installed" in run.invoke(app, ["call", "--demo", path]).output

    def refuse(*_: object) -> NoReturn:
        raise PermissionError

    monkeypatch.setattr("cti_server.cli.call.shutil.which", lambda _: "/usr/bin/sipp")
    monkeypatch.setattr("cti_server.cli.call.socket.socket", refuse)
    assert "only root may place calls" in run.invoke(app, ["call", "--demo", path]).output
