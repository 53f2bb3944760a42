"""The Speaker: recorded, cached, rendered, or an error in time; never silence."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import soundfile
import structlog

from cti_server.config import PathSettings, Settings, SpeechSettings
from cti_server.domain.phrases import ESSENTIAL, PHRASES, essential_texts, phrase, phrase_texts
from cti_server.errors import BadSettings, InvalidValue, SpeechUnavailable
from cti_server.speech import audio
from cti_server.speech.process import SpeechProcess
from cti_server.speech.speaker import Engine, PromptSpeaker, from_settings
from cti_server.speech.texts import key

ROOT = Path(__file__).parents[2]


class SlowEngine:
    """Takes as long as the test says; counts what it was asked."""

    voices: Mapping[str, str] = {"zh": "slow", "en": "slow"}

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.go = asyncio.Event()
        self.fails = False

    async def render(self, text: str, language: str, target: Path, margin: float) -> int:
        self.asked.append(text)
        await self.go.wait()
        if self.fails:
            raise SpeechUnavailable("as the test wants")
        audio.write(audio.silence(0.1), target)
        return 100

    async def close(self) -> None:
        pass


def record(folder: Path, text: str, language: str = "zh") -> bytes:
    path = folder / language / f"{key(text, language)}{audio.SUFFIX}"
    audio.write(audio.silence(0.1) + np.float32(len(text) / 100), path)
    return path.read_bytes()


def speaker(tmp_path: Path, engine: Engine | None, *, on_switch: str = "", over_http: str = "") -> PromptSpeaker:
    made = PromptSpeaker(
        recorded=tmp_path / "recorded",
        sounds=tmp_path / "sounds",
        engine=engine,
        on_switch=on_switch,
        over_http=over_http,
    )
    made.load()
    return made


def heard(path: str) -> bytes:
    return Path(path + audio.SUFFIX).read_bytes()


async def test_a_recorded_prompt_is_ready_and_needs_no_engine(tmp_path: Path) -> None:
    recorded = record(tmp_path / "recorded", "请稍候。")
    made = speaker(tmp_path, None)
    ready = made.ready("请稍候。", "zh")
    assert ready is not None
    assert heard(ready) == recorded
    assert await made.sound(" 请稍候。 ", "zh") == ready
    assert made.ready("请稍候。", "en") is None


async def test_a_changed_text_is_never_spoken_by_the_old_recording(tmp_path: Path) -> None:
    record(tmp_path / "recorded", "请按1。")
    made = speaker(tmp_path, None)
    assert made.ready("请按2。", "zh") is None
    with pytest.raises(SpeechUnavailable, match="no live engine"):
        await made.sound("请按2。", "zh")


@pytest.mark.parametrize("name", ["请稍候", key("请稍候。", "zh"), "please_wait"])
def test_an_own_recording_wins_by_text_key_or_phrase_name(tmp_path: Path, name: str) -> None:
    recorded = record(tmp_path / "recorded", "请稍候。")
    own = tmp_path / f"recorded/zh/custom/{name}.wav"
    own.parent.mkdir()
    soundfile.write(own, 0.1 * np.sin(np.arange(44_100) / 20), 44_100)
    made = speaker(tmp_path, None)
    ready = made.ready("请稍候。", "zh")
    assert ready is not None
    assert ready.isascii()
    assert heard(ready) != recorded
    assert len(heard(ready)) == pytest.approx(8000 * 1.3, rel=0.03)
    own.unlink()
    made.load()
    again = made.ready("请稍候。", "zh")
    assert again is not None
    assert heard(again) == recorded


async def test_a_replaced_recording_is_played_after_a_reload(tmp_path: Path) -> None:
    record(tmp_path / "recorded", "再见。")
    made = speaker(tmp_path, None)
    path = tmp_path / f"recorded/zh/{key('再见。', 'zh')}.alaw"
    path.unlink()
    audio.write(audio.silence(0.7), path)
    os.utime(path, ns=(1, 1))
    await made.reload()
    ready = made.ready("再见。", "zh")
    assert ready is not None
    assert heard(ready) == path.read_bytes()


def test_an_unreadable_own_recording_is_logged_and_left_out(tmp_path: Path) -> None:
    own = tmp_path / "recorded/zh/custom/请稍候.wav"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"no sound at all")
    with structlog.testing.capture_logs() as logs:
        made = speaker(tmp_path, None)
    assert made.ready("请稍候", "zh") is None
    assert [entry["event"] for entry in logs] == ["own_recording_unreadable"]


@pytest.mark.parametrize(("text", "millis"), [("，", 200), ("。", 400), ("...", 400), (" - ", 200)])
def test_punctuation_is_a_pause(tmp_path: Path, text: str, millis: int) -> None:
    ready = speaker(tmp_path, None).ready(text, "zh")
    assert ready is not None
    assert len(heard(ready)) == millis * 8


async def test_forty_callers_with_the_same_text_render_it_once(tmp_path: Path) -> None:
    engine = SlowEngine()
    made = speaker(tmp_path, engine)
    waiting = [asyncio.create_task(made.sound("人民路8号", "zh")) for _ in range(40)]
    await asyncio.sleep(0)
    engine.go.set()
    assert len(set(await asyncio.gather(*waiting))) == 1
    assert engine.asked == ["人民路8号"]
    assert made.ready("人民路8号", "zh") == waiting[0].result()
    await made.close()


async def test_a_caller_out_of_time_or_gone_does_not_spoil_it_for_the_next(tmp_path: Path) -> None:
    engine = SlowEngine()
    made = speaker(tmp_path, engine)
    with pytest.raises(SpeechUnavailable, match="within"):
        await made.sound("人民路8号", "zh", within=0.01)
    gone = asyncio.create_task(made.sound("人民路8号", "zh"))
    await asyncio.sleep(0)
    gone.cancel()
    engine.go.set()
    assert heard(await made.sound("人民路8号", "zh"))
    assert engine.asked == ["人民路8号"]
    await made.close()


async def test_a_failed_rendering_is_tried_again_by_the_next_caller(tmp_path: Path) -> None:
    engine = SlowEngine()
    engine.fails = True
    engine.go.set()
    made = speaker(tmp_path, engine)
    with pytest.raises(SpeechUnavailable):
        await made.sound("人民路8号", "zh")
    engine.fails = False
    assert await made.sound("人民路8号", "zh")
    await made.close()


async def test_closing_in_the_middle_of_a_rendering_leaves_nothing(tmp_path: Path) -> None:
    made = speaker(tmp_path, SlowEngine())
    wish = asyncio.create_task(made.sound("人民路8号", "zh"))
    await asyncio.sleep(0.01)
    await made.close()
    with pytest.raises(asyncio.CancelledError):
        await wish


async def test_what_was_rendered_is_there_after_a_restart(tmp_path: Path, engine: SpeechProcess) -> None:
    first = speaker(tmp_path, engine)
    path = await first.sound("朝阳区人民路8号", "zh", within=30)
    assert speaker(tmp_path, engine).ready("朝阳区人民路8号", "zh") == path
    other = SlowEngine()
    assert speaker(tmp_path, other).ready("朝阳区人民路8号", "zh") is None, "another voice is another sound"


@pytest.mark.parametrize("text", ["好" * 10_000, "", "\x00", " \n "])
async def test_what_cannot_be_a_prompt_is_refused(tmp_path: Path, text: str) -> None:
    made = speaker(tmp_path, SlowEngine())
    assert made.ready(text, "zh") is None
    with pytest.raises(InvalidValue):
        await made.sound(text, "zh")


async def test_a_language_without_a_voice_is_refused(tmp_path: Path) -> None:
    made = speaker(tmp_path, None)
    assert made.ready("bonjour", "fr") is None
    with pytest.raises(InvalidValue):
        await made.sound("bonjour", "fr")


def test_asterisk_is_told_its_own_path_or_an_address(tmp_path: Path) -> None:
    record(tmp_path / "recorded", "请稍候。")
    name = key("请稍候。", "zh")
    assert speaker(tmp_path, None, on_switch="/srv/sounds/").ready("请稍候。", "zh") == f"/srv/sounds/zh/{name}"
    over = speaker(tmp_path, None, over_http="http://127.0.0.1:8080/sounds")
    address = over.ready("请稍候。", "zh")
    assert address is not None
    assert address.startswith("http://127.0.0.1:8080/sounds/zh/-")
    assert address.endswith(f"-{name}.alaw")
    assert len(address) > 100, "Asterisk needs room for the path of its own copy"
    for asked in (name, f"{name}.alaw", address.rpartition("/")[2]):
        file = over.file("zh", asked)
        assert file is not None
        assert file.is_file()


@pytest.mark.parametrize(
    ("language", "name"),
    [("zh", "../../x"), ("zh", "..%2f"), ("..", "x"), ("zh", "0" * 16), ("fr", "pause-long"), ("zh", ""), ("zh", ".")],
)
def test_only_known_names_lead_to_a_file(tmp_path: Path, language: str, name: str) -> None:
    assert speaker(tmp_path, None).file(language, name) is None


def test_a_sound_folder_that_cannot_be_written_is_said_at_start(tmp_path: Path) -> None:
    (tmp_path / "sounds").write_text("a file, not a folder")
    with pytest.raises(SpeechUnavailable, match="cannot be written"):
        speaker(tmp_path, None)


def test_settings_choose_the_engine(tmp_path: Path) -> None:
    paths = PathSettings(data=tmp_path / "data", flows=ROOT / "ivr_flows")
    silent = from_settings(Settings(paths=paths, speech=SpeechSettings(engine="none")))
    silent.load()
    assert all(silent.ready(text, language) for language in ("zh", "en") for text in essential_texts(language))
    with pytest.raises(BadSettings, match="KOKORO_MODEL"):
        from_settings(Settings(paths=paths, speech=SpeechSettings(engine="kokoro")))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_phrase_is_there_in_every_language(language: str) -> None:
    values = {"position": 3, "minutes": 5, "number": "13900000001", "agent": "1001"}
    for name in PHRASES:
        spoken = phrase(name, language, **values)
        assert spoken
        assert all(text.strip() == text and text for text in spoken)
    assert essential_texts(language) <= phrase_texts(language)
    assert set(ESSENTIAL) <= set(PHRASES)


def test_every_phrase_the_calls_ask_for_is_there() -> None:
    sources = [path.read_text() for path in (ROOT / "cti_server").rglob("*.py")]
    named = {name for text in sources for name in re.findall(r"(?:say_)?phrase\(\s*\"(\w+)\"", text)}
    assert "callback_enter_number" in named
    assert named <= set(PHRASES)


def test_phrases_speak_their_values() -> None:
    assert phrase("queue_position", "zh", position=3) == ("座席正忙，您目前排在", "第三位")
    assert phrase("agent_number", "zh", agent="1001") == ("工号", "幺零", "零幺", "为您服务。")
    with pytest.raises(InvalidValue, match="needs a value for agent"):
        phrase("agent_number", "zh")
    with pytest.raises(InvalidValue, match="no phrase"):
        phrase("nonsense", "zh")
