"""The registry: a flow with errors is refused while its old version serves; calls in progress keep what they started with."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from cti_server.errors import BadSettings, NotFound
from cti_server.services.flows import FlowRegistry

FLOWS = Path(__file__).parents[2] / "ivr_flows"
QUEUES = frozenset({"general", "vip", "billing", "repair", "emergency", "english"})
DIDS = {"95598": "power:zh", "4008": "power:en"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("power.yaml", "calendars.yaml"):
        (tmp_path / name).write_text((FLOWS / name).read_text())
    return tmp_path


def edit(folder: Path, old: str, new: str, name: str = "power.yaml") -> None:
    """As editors do: a new file renamed over the old one, with the same modification time."""
    path = folder / name
    text = path.read_text()
    assert old in text
    before = path.stat()
    fresh = folder / "fresh.tmp"
    fresh.write_text(text.replace(old, new, 1))
    os.utime(fresh, ns=(before.st_atime_ns, before.st_mtime_ns))
    fresh.replace(path)


def loaded(folder: Path) -> FlowRegistry:
    registry = FlowRegistry(folder, QUEUES, DIDS)
    registry.load()
    return registry


def test_dialled_numbers_lead_to_flow_and_language(folder: Path) -> None:
    registry = loaded(folder)
    assert registry.problems == ()
    assert [registry.for_did(did)[1] for did in DIDS] == ["zh", "en"]
    assert registry.for_did("4008")[0] is registry.get("power")
    with pytest.raises(NotFound, match=r"calls\.dids"):
        registry.for_did("110")
    with pytest.raises(NotFound, match="flows in force: power"):
        registry.get("gas")


def test_a_star_catches_every_other_number(folder: Path) -> None:
    registry = FlowRegistry(folder, QUEUES, {"*": "power"})
    registry.load()
    assert registry.for_did("")[1] == "zh"


async def test_a_good_edit_takes_force_and_calls_in_progress_keep_theirs(folder: Path) -> None:
    registry = loaded(folder)
    told: list[int] = []
    undo = registry.subscribe(lambda flows: told.append(len(flows)))
    in_progress, old = registry.flows, registry.get("power")
    edit(folder, "欢迎致电", "感谢致电")
    assert await registry.refresh()
    assert registry.get("power").version != old.version
    assert in_progress["power"] is old
    assert told == [1]
    undo()
    assert not await registry.refresh()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("next: who", "next: whom", "power.yaml:17: greeting: next names no node: 'whom'; did you mean 'who'?"),
        ("name: power", "name: [power", "power.yaml:4: not YAML"),
        ("queue: general\n", "queue: genera\n", "no queue 'genera'"),
    ],
)
async def test_a_bad_edit_is_refused_and_the_old_version_serves(folder: Path, old: str, new: str, says: str) -> None:
    registry = loaded(folder)
    version = registry.get("power").version
    edit(folder, old, new)
    assert await registry.refresh()
    assert registry.for_did("95598")[0].version == version
    assert any(says in str(problem) for problem in registry.problems), registry.problems
    edit(folder, new, old)
    await registry.refresh()
    assert registry.problems == ()


async def test_bad_calendars_keep_the_old_ones(folder: Path) -> None:
    registry = loaded(folder)
    edit(folder, "08:00-20:00", "8-20", "calendars.yaml")
    await registry.refresh()
    assert "08:00-20:00" in str(registry.problems[0])
    assert registry.get("power").calendars["reception"].weekly["mon"] == ("08:00-20:00",)
    edit(folder, "8-20", "09:00-20:00", "calendars.yaml")
    await registry.refresh()
    assert registry.get("power").calendars["reception"].weekly["mon"] == ("09:00-20:00",)


async def test_a_file_that_cannot_be_read_keeps_its_flow(folder: Path) -> None:
    registry = loaded(folder)
    (folder / "power.yaml").write_bytes(b"\xff\xfe\xff")
    await registry.refresh()
    assert registry.get("power")
    assert "UTF-8" in registry.problems[0].message


async def test_a_removed_flow_leaves_and_its_number_is_reported(folder: Path) -> None:
    registry = loaded(folder)
    (folder / "power.yaml").unlink()
    await registry.refresh()
    with pytest.raises(NotFound):
        registry.for_did("95598")
    assert {problem.file for problem in registry.problems} == {"calls.dids"}


def test_two_files_with_one_name_are_reported(folder: Path) -> None:
    (folder / "zzz.yaml").write_text((folder / "power.yaml").read_text())
    registry = loaded(folder)
    assert [problem.message for problem in registry.problems] == ["power.yaml has a flow named 'power' too"]


def test_no_folder_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"paths\.flows"):
        FlowRegistry(tmp_path / "none").load()


async def test_watching_picks_up_a_change(folder: Path) -> None:
    registry = loaded(folder)
    changed = asyncio.Event()
    registry.subscribe(lambda _: changed.set())
    task = asyncio.create_task(registry.watch(every=0.001))
    edit(folder, "欢迎致电", "感谢致电")
    await asyncio.wait_for(changed.wait(), 30)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert "感谢致电" in registry.get("power").nodes["greeting"].say.root["zh"]  # type: ignore[union-attr]
