"""The page's words: every file has its own, so that none is silently replaced by another's."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

SOURCES = Path(__file__).parents[2] / "agent_desktop" / "src"


def test_no_word_stands_in_two_files() -> None:
    for language in ("zh", "en"):
        whole = SOURCES / f"words.{language}.ts"
        parts = re.findall(rf'from "\./(words/\w+\.{language})"', whole.read_text())
        files = [whole, *(SOURCES / f"{part}.ts" for part in parts)]
        assert len(files) > 5
        found = [key for file in files for key in re.findall(r'^  "?([\w.]+)"?: ["\']', file.read_text(), re.MULTILINE)]
        assert [key for key, times in Counter(found).items() if times > 1] == []
