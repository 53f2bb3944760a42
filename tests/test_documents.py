"""The documents say what the program does: settings, error codes, metrics, commands, links, scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import typer
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from cti_server import errors
from cti_server.cli import app
from cti_server.config import Settings
from cti_server.domain.facts import Outcome

ROOT = Path(__file__).parents[1]
SETTINGS = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
READMES = ("README.md", "README.zh-CN.md")


def shown(default: Any) -> str:
    """A default as one writes it in the environment."""
    if default is None or default == "" or default is PydanticUndefined:
        return "–"
    if hasattr(default, "get_secret_value"):
        return "–"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, dict):
        return "`{" + ", ".join(f'"{key}": "{value}"' for key, value in default.items()) + "}`"
    if isinstance(default, tuple):
        return "`[" + ", ".join(f'"{value}"' for value in default) + "]`"
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"


def rows(model: type[BaseModel], prefix: str) -> Iterator[str]:
    """One line a setting, as docs/settings.md has them."""
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from rows(kind, f"{prefix}{name.upper()}__")
        else:
            yield f"| `{prefix}{name.upper()}` | {shown(field.default)} | {field.description} |"


def test_settings_page_is_the_settings() -> None:
    told = [line for line in SETTINGS.splitlines() if line.startswith("| `CTI_") and "__" in line]
    told += [line for line in SETTINGS.splitlines() if line.startswith("| `CTI_") and "__" not in line]
    expected = list(rows(Settings, "CTI_"))
    assert sorted(told) == sorted(expected), "the lines for docs/settings.md are:\n" + "\n".join(expected)


def error_codes() -> set[str]:
    found, todo = set(), [errors.CtiError]
    while todo:
        kind = todo.pop()
        found.add(kind.code)
        todo.extend(kind.__subclasses__())
    return found


def test_every_error_code_is_documented() -> None:
    page = (ROOT / "docs" / "http-api.md").read_text(encoding="utf-8")
    assert {code for code in error_codes() if f"`{code}`" not in page} == set()


def test_metrics_page_names_every_outcome() -> None:
    page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert {outcome for outcome in get_args(Outcome) if f"`{outcome}`" not in page} == set()


def documents() -> list[Path]:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "ivr_flows").glob("*.md")]
    return [page for page in pages if page.is_file()]


@pytest.mark.parametrize("page", documents(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text)
    local = [target for target in targets if "://" not in target and not target.startswith("mailto:")]
    assert [target for target in local if not (page.parent / target).exists()] == []


def test_every_picture_is_shown_somewhere_in_both_languages_and_none_is_heavy() -> None:
    folder = ROOT / "docs" / "images"
    pictures = {path.name for path in folder.iterdir()}
    shown = {name for page in documents() for name in re.findall(r"images/([\w.-]+)", page.read_text(encoding="utf-8"))}
    assert pictures == shown, "run scripts/screenshots, or show the picture, or remove it"
    swapped = {re.sub(r"\.(zh|en)\b", lambda found: ".en" if found[1] == "zh" else ".zh", name) for name in pictures}
    assert swapped == pictures
    assert sum((folder / name).stat().st_size for name in pictures) < 3_500_000


@pytest.mark.parametrize("name", READMES)
def test_readme_names_scripts_commands_and_settings_that_exist(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    scripts = set(re.findall(r"\bscripts/(\w+)", text))
    assert {script for script in scripts if not (ROOT / "scripts" / script).exists()} == set()
    known = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    assert set(re.findall(r"cti-server (?!0)([a-z]+(?:-[a-z]+)?)\b", text)) - known == set()
    settings = set(re.findall(r"`(CTI_[A-Z_]+)(?:=[^`]*)?`", text))
    assert {setting for setting in settings - {"CTI_CONFIG"} if f"`{setting}`" not in SETTINGS} == set()


def test_readmes_say_the_same() -> None:
    first, second = ((ROOT / name).read_text(encoding="utf-8") for name in READMES)
    for pattern in (r"^#+ ", r"^```", r"^\| ", r"!\["):
        counts = [len(re.findall(pattern, text, re.MULTILINE)) for text in (first, second)]
        assert counts[0] == counts[1], pattern


def test_decisions_are_numbered_once() -> None:
    numbers = [path.name[:4] for path in (ROOT / "docs" / "decisions").glob("*.md")]
    assert len(numbers) == len(set(numbers))
    assert {f"{number:04}" for number in range(1, 10)} <= set(numbers)
