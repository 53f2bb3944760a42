"""What must not stand in any file, how layers import, and what logs may hold."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = {".py", ".md", ".toml", ".yaml", ".yml", ".conf", ".ts", ".tsx", ".css", ".html", ".json", ".tsv", ".sh", ""}
MACHINE_PATHS = re.compile(r"(?<![\w./])(?:/work/|/root/|/home/\w+/)")
LEFTOVERS = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b(?!X)")
SECRET = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----|\bAKIA[0-9A-Z]{16}\b|\bghp_\w{30,}")


def tracked() -> list[Path]:
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("no git checkout")
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    files = [ROOT / entry for entry in names.split("\0") if entry]
    me = Path(__file__)
    return [path for path in files if path.is_file() and path.suffix in TEXT and path != me and "lock" not in path.name]


@pytest.mark.parametrize("pattern", [MACHINE_PATHS, LEFTOVERS, SECRET], ids=["paths", "leftovers", "secrets"])
def test_no_file_speaks_of_one_machine_of_unfinished_work_or_of_secrets(pattern: re.Pattern[str]) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for path in tracked()
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == []


def test_imports_point_inward() -> None:
    tool = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([tool, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]


PERSONAL = {"caller", "number", "digits", "phone", "pin", "password", "secret", "address", "transcript", "token"}


def log_calls(path: Path) -> list[ast.Call]:
    """Calls like `log.info(…)`."""
    return [
        node
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in {"log", "logger"}
    ]


def test_logs_name_personal_data_pii_only() -> None:
    """`pii` is the one key the log masks; a value under another key would be written as it is."""
    wrong = [
        f"{path.relative_to(ROOT)}:{call.lineno}: {keyword.arg}"
        for path in sorted((ROOT / "cti_server").rglob("*.py"))
        for call in log_calls(path)
        for keyword in call.keywords
        if keyword.arg in PERSONAL
    ]
    assert wrong == []


def test_log_events_are_fixed_words() -> None:
    """An event name made of data could carry a number past the mask."""
    wrong = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path in sorted((ROOT / "cti_server").rglob("*.py"))
        for call in log_calls(path)
        if call.args and isinstance(call.args[0], ast.JoinedStr)
    ]
    assert wrong == []
