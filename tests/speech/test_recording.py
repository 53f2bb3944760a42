"""The recorded set that ships with the flows: complete, of today's texts, and fit to be heard."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from cti_server.domain.aloud import LANGUAGES, all_pieces
from cti_server.domain.flows.load import load_calendars, load_flow
from cti_server.domain.flows.schema import Flow
from cti_server.domain.phrases import phrase_texts
from cti_server.errors import InvalidValue
from cti_server.lab.sample_people import CALLERS
from cti_server.speech import audio, recording
from cti_server.speech.recording import Recorded, Wish
from cti_server.speech.texts import key, spoken

FLOWS = Path(__file__).parents[2] / "ivr_flows"
PROMPTS = FLOWS / "prompts"


def shipped_flows() -> list[Flow]:
    shared = load_calendars((FLOWS / "calendars.yaml").read_text("utf-8"), "calendars.yaml")
    files = [path for path in sorted(FLOWS.glob("*.yaml")) if path.name != "calendars.yaml"]
    return [load_flow(path.read_text("utf-8"), path.name, calendars=shared) for path in files]


@lru_cache
def wishes() -> frozenset[Wish]:
    return frozenset(recording.wanted(shipped_flows(), recording.read_more(PROMPTS)))


def test_the_set_asks_for_flows_phrases_and_pieces() -> None:
    texts = {(wish.language, wish.text) for wish in wishes()}
    assert shipped_flows()
    for language in LANGUAGES:
        assert {(language, text) for text in phrase_texts(language)} <= texts
        assert {(language, text) for text in all_pieces(language) - {"，"}} <= texts
    assert len(wishes()) > 1000


def test_the_demo_callers_addresses_are_recorded_for_both_languages() -> None:
    more = recording.read_more(PROMPTS)
    for caller in CALLERS:
        assert all(caller.customer.address in more[language] for language in LANGUAGES)


def test_every_text_has_its_recording() -> None:
    lacking = recording.missing(wishes(), PROMPTS)
    assert not lacking, (
        f"run scripts/render_prompts: {[(w.language, w.text) for w in lacking[:10]]}, {len(lacking)} in all"
    )


def test_no_recording_is_of_an_older_text() -> None:
    stale = recording.unused(wishes(), PROMPTS)
    assert not stale, f"run scripts/render_prompts: {len(stale)} files of texts that nobody speaks"
    for language in LANGUAGES:
        index = recording.read_index(PROMPTS, language)
        assert {text: line.key for text, line in index.items()} == {text: key(text, language) for text in index}
        assert set(index) == {wish.text for wish in wishes() if wish.language == language}


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_recording_can_be_heard(language: str) -> None:
    for text, line in recording.read_index(PROMPTS, language).items():
        samples = audio.read(PROMPTS / language / (line.key + audio.SUFFIX))
        assert samples.size * 1000 // audio.RATE == line.millis, text
        level = 20 * np.log10(audio.speech_rms(samples))
        assert -23 < level < -17, (text, level)
        peak = float(np.abs(samples).max())
        assert peak < 0.9, (text, peak)
        assert abs(float(samples.mean())) < 0.01, text


@pytest.mark.parametrize(("language", "least", "most"), [("zh", 110, 480), ("en", 110, 480)])
def test_no_recording_is_cut_short_or_runs_on(language: str, least: int, most: int) -> None:
    """Milliseconds a syllable: people speak 3 to 7 syllables a second, slower in single words."""
    for text, line in recording.read_index(PROMPTS, language).items():
        count = syllables(spoken(text, language), language)
        margin = 2 * 1000 * (audio.PIECE_MARGIN if text in all_pieces(language) else audio.SENTENCE_MARGIN)
        assert least * count - 100 < line.millis - margin < most * count + 500 + 350 * pauses(text), (text, line.millis)


def syllables(text: str, language: str) -> int:
    if language == "zh":
        return len(re.findall(r"[\u4e00-\u9fff\d]", text)) + len(re.findall("[A-Za-z]+", text))
    return len(re.findall(r"[aeiouy]+|\d", re.sub(r"e\b", "", text.lower()))) or 1


def pauses(text: str) -> int:
    return len(re.findall(r"[，。；：？！、,.;:?!]", text))


# ---- bringing a set up to date ---------------------------------------------------------------------------------


def make(folder: Path, *wanted: Wish, voice: str = "v") -> None:
    for wish in wanted:
        audio.write(audio.silence(0.1), wish.file(folder))
        index = recording.read_index(folder, wish.language) | {wish.text: Recorded(wish.key, voice, 100)}
        recording.write_index(folder, wish.language, index)


def test_only_what_is_missing_or_in_another_voice_is_rendered(tmp_path: Path) -> None:
    old, new = Wish(False, "zh", "请按1。"), Wish(False, "zh", "请按2。")
    make(tmp_path, old)
    assert recording.missing([old, new], tmp_path) == [new]
    assert recording.missing([old], tmp_path, {"zh": "v", "en": "v"}) == []
    assert recording.missing([old], tmp_path, {"zh": "w", "en": "v"}) == [old]
    old.file(tmp_path).unlink()
    assert recording.missing([old], tmp_path) == [old]


def test_prompts_of_texts_that_are_gone_are_removed(tmp_path: Path) -> None:
    stays, goes = Wish(False, "zh", "请按1。"), Wish(False, "zh", "请按2。")
    make(tmp_path, stays, goes)
    own = tmp_path / "zh/custom/x.alaw"
    audio.write(audio.silence(0.1), own)
    assert recording.tidy([stays], tmp_path) == 1
    assert not goes.file(tmp_path).exists()
    assert stays.file(tmp_path).exists()
    assert own.exists()
    assert list(recording.read_index(tmp_path, "zh")) == ["请按1。"]


def test_the_index_is_one_text_a_line_in_order(tmp_path: Path) -> None:
    make(tmp_path, *(Wish(False, "en", text) for text in ("two", "one", 'a "quoted" text')))
    lines = (tmp_path / "en/index.json").read_text("utf-8").splitlines()
    assert [line.split(": ")[0] for line in lines[1:-1]] == [r'"a \"quoted\" text"', '"one"', '"two"']


def test_more_texts_are_lines_of_language_and_text(tmp_path: Path) -> None:
    assert recording.read_more(tmp_path) == {}
    (tmp_path / "more.tsv").write_text("zh\t人民路8号\n\nen\t8 Renmin Road\nzh\t解放街3号\n", "utf-8")
    assert recording.read_more(tmp_path) == {"zh": ["人民路8号", "解放街3号"], "en": ["8 Renmin Road"]}
    (tmp_path / "more.tsv").write_text("zh\tgood\nfr\tbonjour\n", "utf-8")
    with pytest.raises(InvalidValue, match="line 2"):
        recording.read_more(tmp_path)


def test_sentences_come_before_pieces() -> None:
    ordered = sorted(
        [Wish(True, "zh", "一"), Wish(False, "zh", "再见。"), Wish(True, "en", "one"), Wish(False, "en", "Bye.")]
    )
    assert [wish.piece for wish in ordered] == [False, False, True, True]
