"""What a browser has to load before the desk is there."""

from __future__ import annotations

import gzip

from cti_server.web.pages import STATIC

MOST = 150_000
"""Bytes, gzip. The softphone library comes later, in a chunk of its own."""
LIBRARY = "jssip-"


def test_the_page_without_the_softphone_library_is_small(built: None) -> None:
    assets = [path for path in (STATIC / "assets").iterdir() if not path.name.startswith(LIBRARY)]
    sizes = {path.name: len(gzip.compress(path.read_bytes())) for path in assets}
    assert {name.rpartition(".")[2] for name in sizes} == {"js", "css"}
    assert sum(sizes.values()) <= MOST, sizes


def test_the_page_does_not_ask_for_the_softphone_library_at_once(built: None) -> None:
    assert LIBRARY not in (STATIC / "index.html").read_text()
    assert any(path.name.startswith(LIBRARY) for path in (STATIC / "assets").iterdir())
