"""Text on its way to a voice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti_server.errors import InvalidValue
from cti_server.speech.texts import MOST_CHARACTERS, clean, key, slug, spoken, voice_of


@given(st.text(min_size=1, max_size=200), st.sampled_from(["zh", "en"]))
def test_no_control_character_or_markup_reaches_an_engine(text: str, language: str) -> None:
    try:
        heard = spoken(text, language)
    except InvalidValue:
        return
    assert heard.isprintable()
    assert not set(heard) & set("<>[]{}|\\\n\r\x00")


@given(st.text(min_size=1, max_size=100))
def test_cleaning_twice_changes_nothing(text: str) -> None:
    try:
        once = clean(text)
    except InvalidValue:
        return
    assert clean(once) == once
    assert key(text, "zh") == key(once, "zh")


@pytest.mark.parametrize("text", ["", "  ", "\x00\x07", "\u200b", "好" * (MOST_CHARACTERS + 1)])
def test_what_cannot_be_a_prompt_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        clean(text)


def test_a_key_names_text_language_and_voice() -> None:
    keys = {key("再见", "zh"), key("再见。", "zh"), key("再见", "en"), key("再见", "zh", "a"), key("再见", "zh", "b")}
    assert len(keys) == 5
    assert key(" 再见\n", "zh") == key("再见", "zh")


@pytest.mark.parametrize(
    ("text", "language", "heard"),
    [
        ("请按1，拨打95598。", "zh", "请按1，拨打九五五九八。"),
        ("按井号键 # 或 * 键", "zh", "按井号键 井号 或 星号 键"),
        ("Call 95598, then press #.", "en", "Call 9 5 5 9 8, then press hash ."),
        ("<speak>十<break/>二</speak>", "zh", "十 二"),
        ("[[hVl'oU]] hello", "en", "hVl'oU hello"),
    ],
)
def test_every_engine_is_given_plain_words(text: str, language: str, heard: str) -> None:
    assert spoken(text, language) == heard


def test_a_chinese_address_is_read_by_the_chinese_voice_in_every_language() -> None:
    assert voice_of("滨河路18号", "en") == "zh"
    assert voice_of("18 Binhe Road", "en") == "en"
    assert voice_of("95598", "zh") == "zh"


def test_a_slug_can_be_typed_as_a_file_name() -> None:
    assert slug("请稍候。") == "请稍候"
    assert slug("Please wait, ../../etc/passwd!") == "please-wait-etc-passwd"
