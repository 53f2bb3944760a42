"""The real pyttsx3 in its process: it speaks, dies, hangs and comes back."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from cti_server.errors import SpeechUnavailable
from cti_server.speech import audio
from cti_server.speech.process import SpeechProcess


class Substitute(SpeechProcess):
    """A process that runs a script of the test's instead of an engine."""

    def __init__(self, script: str, **deadlines: float) -> None:
        super().__init__("pyttsx3", voices={}, **deadlines)
        self._command = (sys.executable, "-c", script)


HANGS_WHEN_ASKED = "import sys, time; print('{}', flush=True); sys.stdin.readline(); time.sleep(60)"
NEVER_STARTS = "import time; time.sleep(60)"
TALKS_NONSENSE = "import sys; print('{}', flush=True); sys.stdin.readline(); print('hello', flush=True)"
CANNOT_START = """print('{"error": "no such voice"}', flush=True)"""


def alike(one: Path, other: Path) -> bool:
    """The same words: espeak breathes a little differently each time, but no louder and no longer."""
    a, b = audio.read(one), audio.read(other)
    return abs(a.size - b.size) <= 240 and abs(audio.speech_rms(a) - audio.speech_rms(b)) < 0.01


async def render(engine: SpeechProcess, target: Path, text: str = "请稍候", language: str = "zh") -> int:
    return await engine.render(text, language, target, audio.SENTENCE_MARGIN)


@pytest.mark.parametrize(
    ("language", "text", "least", "most"),
    [
        ("zh", "您好，请稍候，正在为您查询余额。", 2000, 6000),
        ("en", "Please hold while we look up your balance.", 1500, 5000),
    ],
)
async def test_it_speaks(
    engine: SpeechProcess, tmp_path: Path, language: str, text: str, least: int, most: int
) -> None:
    target = tmp_path / "x.alaw"
    assert least < await render(engine, target, text, language) < most
    samples = audio.read(target)
    assert audio.speech_rms(samples) == pytest.approx(audio.SPEECH_RMS, rel=0.3)


async def test_chinese_is_not_read_as_letters(engine: SpeechProcess, tmp_path: Path) -> None:
    """espeak-ng 1.51 says 'cha two' for 查: seven syllables take it more than twice as long."""
    characters = await render(engine, tmp_path / "a.alaw", "查询余额请按二")
    assert characters < 7 * 450


async def test_a_killed_engine_is_replaced_and_the_caller_hears_nothing_of_it(
    engine: SpeechProcess, tmp_path: Path
) -> None:
    await render(engine, tmp_path / "before.alaw")
    assert engine.pid
    first = engine.pid
    os.kill(first, signal.SIGKILL)
    await render(engine, tmp_path / "after.alaw")
    assert engine.pid != first
    assert alike(tmp_path / "after.alaw", tmp_path / "before.alaw")


async def test_forty_texts_at_once_are_spoken_one_by_one(engine: SpeechProcess, tmp_path: Path) -> None:
    """Two voices in turn, as calls ask for them: each file has its own text, none is missing."""
    wishes = [(f"number {n}", "en") if n % 2 else (f"第{n}号", "zh") for n in range(40)]
    await asyncio.gather(*(render(engine, tmp_path / f"{n}.alaw", *wish) for n, wish in enumerate(wishes)))
    alone = tmp_path / "alone.alaw"
    for n in (0, 13, 27, 38):
        await render(engine, alone, *wishes[n])
        assert alike(alone, tmp_path / f"{n}.alaw")


@pytest.mark.parametrize(
    "text",
    ["<speak><break time='9s'/></speak>好", "[[aI]] hello", "a\x00b\x1b[31m\r\n", "好" * 900, "'; rm -rf /", "\\n"],
)
async def test_hostile_text_is_only_text(engine: SpeechProcess, tmp_path: Path, text: str) -> None:
    await render(engine, tmp_path / "x.alaw")
    before = engine.pid
    await render(engine, tmp_path / "y.alaw", text, "en")
    assert engine.pid == before, "the engine survived it"


async def test_an_unwritable_place_is_reported_and_the_engine_lives_on(engine: SpeechProcess, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SpeechUnavailable, match="Error"):
        await render(engine, tmp_path / "file/x.alaw")
    before = engine.pid
    await render(engine, tmp_path / "x.alaw")
    assert engine.pid == before


async def test_a_hanging_engine_is_killed_at_its_deadline(tmp_path: Path) -> None:
    engine = Substitute(HANGS_WHEN_ASKED, utterance_seconds=0.2)
    with pytest.raises(SpeechUnavailable, match="did not answer"):
        await render(engine, tmp_path / "x.alaw")
    assert engine.pid is None


async def test_an_engine_that_never_starts_is_killed_and_not_tried_again_at_once(tmp_path: Path) -> None:
    engine = Substitute(NEVER_STARTS, start_seconds=0.2)
    for reason in ("did not answer", "a moment ago"):
        with pytest.raises(SpeechUnavailable, match=reason):
            await render(engine, tmp_path / "x.alaw")
    assert engine.pid is None


@pytest.mark.parametrize(
    ("script", "reason"), [(TALKS_NONSENSE, "died twice"), (CANNOT_START, "no such voice"), ("", "ended at once")]
)
async def test_a_broken_engine_says_why(tmp_path: Path, script: str, reason: str) -> None:
    engine = Substitute(script)
    with pytest.raises(SpeechUnavailable, match=reason):
        await render(engine, tmp_path / "x.alaw")
    await engine.close()


async def test_giving_up_in_the_middle_leaves_no_process(tmp_path: Path) -> None:
    engine = Substitute(HANGS_WHEN_ASKED)
    wish = asyncio.create_task(render(engine, tmp_path / "x.alaw"))
    while engine.pid is None:
        await asyncio.sleep(0.01)
    wish.cancel()
    with pytest.raises(asyncio.CancelledError):
        await wish
    assert engine.pid is None
