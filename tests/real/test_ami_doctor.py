"""The doctor on a real Asterisk with our conf files: nothing to mend, and nothing left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from cti_server.asterisk.doctor import examine, render
from cti_server.config import load
from cti_server.lab.asterisk import AsteriskInstance

pytestmark = pytest.mark.real


async def test_our_own_conf_files_are_healthy(asterisk: AsteriskInstance, tmp_path: Path) -> None:
    findings = await examine(
        load(
            ami={"port": asterisk.ports.ami, "username": asterisk.user, "password": asterisk.secret},
            agi={"port": 0},
            http={"port": 0},
            calls={"node": asterisk.node},
            database={"url": f"sqlite+aiosqlite:///{tmp_path}/cti.db"},
            paths={"data": tmp_path / "var", "recordings": tmp_path / "recordings"},
        )
    )
    assert [f for f in findings if f.level != "ok"] == [], render(findings)
    assert asterisk.secret not in render(findings)
    assert "0 active channels" in await asterisk.cli("core show channels count")
