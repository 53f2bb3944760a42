"""The desktop's own unit tests (agent_desktop/tests), built by the desktop's Vite and run by node."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DESKTOP = ROOT / "agent_desktop"
TESTS = sorted((DESKTOP / "tests").glob("*.test.ts"))


@pytest.mark.parametrize("test", TESTS, ids=lambda path: path.name)
def test_units_of_the_desktop(built: None, tmp_path: Path, test: Path) -> None:
    vite = [
        "npx",
        "vite",
        "build",
        "--ssr",
        str(test),
        "--outDir",
        str(tmp_path),
        "--emptyOutDir",
        "--logLevel",
        "error",
    ]
    subprocess.run(vite, cwd=DESKTOP, check=True, capture_output=True, timeout=120)
    made = tmp_path / f"{test.stem}.js"
    assert made.is_file(), sorted(tmp_path.iterdir())
    (tmp_path / "package.json").write_text('{"type": "module"}')
    run = subprocess.run(["node", "--test", str(made)], capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
