"""The size of things (CONTRIBUTING.md): small functions, small files, an exception only with its reason here."""

from __future__ import annotations

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "cti_server"
FILE_LINES, FILE_MEDIAN = 400, 150
FUNCTION_LINES, FUNCTION_MEDIAN = 60, 8

LONG_FILES = {
    "cti_server/domain/board.py": "one fold: every count of the live board and what moves it",
    "cti_server/ports.py": "every protocol the services need, signatures only",
    "cti_server/services/desk.py": "one method a wish of the desktop",
}
LONG_FUNCTIONS = {
    "cti_server/app/calling.py:build_calling": "every part of a call is named once, in the order they need each other",
}


def sources() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if "migrations/versions" not in path.as_posix())


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions() -> Iterator[tuple[str, int]]:
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{name(path)}:{node.name}", (node.end_lineno or node.lineno) - node.lineno + 1


def test_files_are_short() -> None:
    lengths = {name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in sources()}
    assert {n: length for n, length in lengths.items() if length > FILE_LINES and n not in LONG_FILES} == {}
    assert statistics.median(lengths.values()) <= FILE_MEDIAN
    assert set(LONG_FILES) <= set(lengths), "an exception for a file that is gone"


def test_functions_are_short() -> None:
    lengths = dict(functions())
    assert {n: length for n, length in lengths.items() if length > FUNCTION_LINES and n not in LONG_FUNCTIONS} == {}
    assert statistics.median(lengths.values()) <= FUNCTION_MEDIAN
    assert set(LONG_FUNCTIONS) <= set(lengths), "an exception for a function that is gone"
