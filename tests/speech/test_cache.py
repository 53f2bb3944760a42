"""Rendered prompts beyond the limit go, the least used first; recordings and what is in use stay."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from cti_server.domain.ids import SECOND, Micros
from cti_server.speech import audio, cache
from cti_server.speech.speaker import PromptSpeaker
from tests.speech.test_speaker import SlowEngine, record

NOW: Micros = 1_780_000_000 * SECOND


class Hand:
    """A clock moved by hand."""

    at = NOW

    def now(self) -> Micros:
        return self.at

    def monotonic(self) -> float:
        return self.at / SECOND


async def rendered(folder: Path, clock: Hand, most: int, *texts: str) -> tuple[PromptSpeaker, SlowEngine]:
    """A speaker that has rendered these, one a minute."""
    engine = SlowEngine()
    engine.go.set()
    made = PromptSpeaker(
        recorded=folder / "recorded", sounds=folder / "sounds", engine=engine, most_cached=most, clock=clock
    )
    made.load()
    for text in texts:
        path = Path(await made.sound(text, "zh") + audio.SUFFIX)
        os.utime(path, ns=(clock.at * 1000, clock.at * 1000))
        clock.at += 60 * SECOND
    return made, engine


async def test_the_least_used_go_and_can_be_had_again(tmp_path: Path) -> None:
    record(tmp_path / "recorded", "请稍候。")
    clock = Hand()
    speaker, engine = await rendered(tmp_path, clock, 2, "一号", "二号", "三号", "四号")
    clock.at += 2 * cache.IN_USE
    assert speaker.ready("一号", "zh")
    clock.at += 2 * cache.IN_USE
    assert await speaker.prune() == 2
    assert [bool(speaker.ready(text, "zh")) for text in ("一号", "二号", "三号", "四号")] == [True, False, False, True]
    assert speaker.ready("请稍候。", "zh")
    assert await speaker.sound("二号", "zh")
    assert engine.asked.count("二号") == 2
    await speaker.close()


async def test_what_was_used_last_outlives_a_restart(tmp_path: Path) -> None:
    clock = Hand()
    first, _ = await rendered(tmp_path, clock, 3, "一号", "二号", "三号")
    clock.at += 2 * cache.IN_USE
    assert first.ready("一号", "zh")
    assert await first.prune() == 0
    await first.close()
    second, _ = await rendered(tmp_path, clock, 1)
    assert await second.prune() == 2
    assert second.ready("一号", "zh")
    await second.close()


async def test_what_is_in_use_stays_however_many_there_are(tmp_path: Path) -> None:
    clock = Hand()
    speaker, _ = await rendered(tmp_path, clock, 0, "一号", "二号")
    assert await speaker.prune() == 0
    clock.at += 2 * cache.IN_USE
    pruning = asyncio.create_task(speaker.prune())
    while not speaker._files_change.locked():
        await asyncio.sleep(0)
    path = speaker.ready("二号", "zh")  # a caller asks while the files are looked through
    assert await pruning == 1
    assert path is not None
    assert Path(path + audio.SUFFIX).is_file()
    assert speaker.ready("一号", "zh") is None
    await speaker.close()
