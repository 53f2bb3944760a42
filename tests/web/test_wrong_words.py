"""Every sentence about wrong input has its Chinese, with the same values; every code the server sends has a sentence."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from cti_server.domain.flows.schema import Flow
from cti_server.domain.queues import Queue
from cti_server.domain.wrong import TEXTS, WrongValue, by_field, of_pydantic, wrong

ROOT = Path(__file__).parents[2]
SAID_BY = ("wrong", "_wrong")
CHINESE = re.findall(r'^  (\w+): "(.*)",$', (ROOT / "agent_desktop/src/words/wrong.zh.ts").read_text(), re.MULTILINE)


def sent() -> set[str]:
    """Codes named where the server says what is wrong."""
    found: set[str] = set()
    for file in (ROOT / "cti_server").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if (
                not isinstance(node, ast.Call)
                or getattr(node.func, "id", getattr(node.func, "attr", "")) not in SAID_BY
            ):
                continue
            literals = {str(one.value) for one in node.args if isinstance(one, ast.Constant)}
            known = literals & TEXTS.keys()
            assert known or len(literals) < len(node.args), f"{file.name}: {ast.unparse(node)} has no sentence"
            found |= known
    return found


def slots(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


def test_every_code_has_words_in_both_languages_with_the_same_values() -> None:
    assert dict(CHINESE).keys() == TEXTS.keys()
    for code, text in CHINESE:
        assert re.search(r"[\u4e00-\u9fff]", text) or code == "between", code
        assert slots(text) <= slots(TEXTS[code]), code


def test_no_sentence_is_never_said() -> None:
    by_pydantic = set(re.findall(r'"(\w+)"', (ROOT / "cti_server/domain/wrong.py").read_text().partition("_TYPES")[2]))
    assert TEXTS.keys() - sent() - by_pydantic == set()


@pytest.mark.parametrize(
    ("kind", "value", "field", "code"),
    [
        (Queue, {"name": "a", "ring_seconds": "long"}, "ring_seconds", "not_a_number"),
        (Queue, {"name": "a", "max_length": 1.5}, "max_length", "not_whole"),
        (Queue, {"name": "a", "no_agents": "sing"}, "no_agents", "one_of"),
        (Queue, {"name": "a", "relaxations": 3}, "relaxations", "not_a_list"),
        (Queue, {"name": "a", "title": 3}, "title", "not_a_mapping"),
        (Queue, {"name": "a", "announce_position": "blue"}, "announce_position", "not_yes_no"),
        (Queue, {}, "name", "missing"),
        (Flow, {"name": "UPPER"}, "name", "pattern"),
        (Flow, {"nodes": {}}, "nodes", "too_few"),
        (Flow, {"colour": 1}, "colour", "unknown_field"),
    ],
)
def test_what_pydantic_finds_has_words(kind: Any, value: Any, field: str, code: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(kind).validate_python(value)
    found = by_field(caught.value.errors())
    assert found[field].code == code
    assert code == "pattern" or "{" not in str(found[field])


def test_what_our_own_validators_find_is_kept() -> None:
    error = {"type": "value_error", "loc": (), "msg": "x", "ctx": {"error": WrongValue(wrong("least_most"))}}
    assert of_pydantic(error) == wrong("least_most")
