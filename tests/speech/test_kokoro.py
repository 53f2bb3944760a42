"""Kokoro's letters, and the model itself where it is installed (CTI_SPEECH__KOKORO_MODEL)."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from cti_server.domain.aloud import all_pieces
from cti_server.errors import InvalidValue, SpeechUnavailable
from cti_server.speech import audio
from cti_server.speech.kokoro import KokoroVoice, check_sums
from cti_server.speech.phonemes import chinese, english
from cti_server.speech.process import kokoro_engine

MODEL = os.environ.get("CTI_SPEECH__KOKORO_MODEL", "")
LETTERS = frozenset(
    ';:,.!?—…"()“” ̃ʣʥʦʨᵝꭧAIOQSTWYᵊabcdefhijklmnopqrstuvwxyzɑɐɒæβɔɕçɖðʤəɚɛɜɟɡɥɨɪʝɯɰŋɳɲɴøɸθœɹɾɻʁɽʂʃʈʧʊʋʌɣɤχʎʒʔˈˌːʰʲ↓→↗↘ᵻ'
)
"""The alphabet of Kokoro-82M 1.0 (its vocab.json)."""

pytest.importorskip("misaki", reason="the kokoro extra is not installed")


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("Hello, please wait.", "həlˈO, plˈiz wˈAt."),
        ("twenty-eight yuan fifty", "twˈɛntiˈAt juˈɑn fˈɪfti"),
        ("Goodbye. Choose!", "ɡʊdbˈI. ʧˈuz!"),
        ("button", "bˈʌtᵊn"),
    ],
)
def test_english_letters(text: str, letters: str) -> None:
    assert english(text) == letters


@pytest.mark.parametrize(
    ("text", "letters"), [("二十八元", "ɚ↘ʂɨ↗pa→ ɥɛ↗n"), ("一百。", "i↘pai↓."), ("按A键", "a↘n ˈA ʨjɛ↘n")]
)
def test_chinese_letters(text: str, letters: str) -> None:
    assert chinese(text) == letters


def test_every_piece_is_spelled_in_letters_the_model_knows() -> None:
    for read, language in ((chinese, "zh"), (english, "en")):
        for piece in all_pieces(language) - {"，"}:
            assert read(piece)
            assert set(read(piece)) <= LETTERS, piece


def model_folder(tmp_path: Path) -> Path:
    (tmp_path / "m/voices").mkdir(parents=True)
    for name in ("kokoro.onnx", "vocab.json", "voices/zf_xiaoxiao.bin", "voices/af_heart.bin"):
        (tmp_path / "m" / name).write_bytes(name.encode())
    files = sorted(p for p in (tmp_path / "m").rglob("*") if p.is_file())
    sums = [f"{hashlib.sha256(p.read_bytes()).hexdigest()}  ./m/{p.relative_to(tmp_path / 'm')}" for p in files]
    (tmp_path / "SHA256SUMS").write_text("\n".join(sums))
    return tmp_path / "m"


def test_a_model_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    model = model_folder(tmp_path)
    check_sums(model, [model / "kokoro.onnx"])
    (model / "kokoro.onnx").write_bytes(b"something else")
    with pytest.raises(InvalidValue, match="not what SHA256SUMS says"):
        KokoroVoice(model)
    (model / "kokoro.onnx").unlink()
    with pytest.raises(InvalidValue, match="lacks"):
        KokoroVoice(model)
    (tmp_path / "SHA256SUMS").unlink()
    with pytest.raises(InvalidValue, match="no SHA256SUMS"):
        KokoroVoice(model)


async def test_a_missing_model_is_said_by_the_engine(tmp_path: Path) -> None:
    engine = kokoro_engine(tmp_path)
    with pytest.raises(SpeechUnavailable, match="SHA256SUMS"):
        await engine.render("你好", "zh", tmp_path / "x.alaw", 0.1)


@pytest.mark.skipif(not MODEL, reason="CTI_SPEECH__KOKORO_MODEL is not set")
@pytest.mark.parametrize(("language", "text"), [("zh", "请稍候。"), ("en", "Please wait.")])
async def test_the_real_model_speaks(tmp_path: Path, language: str, text: str) -> None:
    engine = kokoro_engine(Path(MODEL))
    try:
        millis = await engine.render(text, language, tmp_path / "x.alaw", audio.SENTENCE_MARGIN)
    finally:
        await engine.close()
    assert 700 < millis < 2500
    assert audio.speech_rms(audio.read(tmp_path / "x.alaw")) == pytest.approx(audio.SPEECH_RMS, rel=0.2)
