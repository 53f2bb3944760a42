"""Text on its way to a voice: cleaned, named by its content, and spelled so that every engine reads it alike."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from functools import lru_cache

from cti_server.errors import InvalidValue

MOST_CHARACTERS = 1000
"""About three minutes of speech; no caller listens longer."""

_SPOKEN = {
    "zh": {"#": "井号", "*": "星号", "%": "百分之", "&": "和", "+": "加"},
    "en": {"#": " hash ", "*": " star ", "%": " percent ", "&": " and ", "+": " plus "},
}
_ONE_BY_ONE = {"zh": ("零幺二三四五六七八九", ""), "en": ("0123456789", " ")}
_LONG_NUMBER = re.compile(r"\d{4,}")
_HAN = re.compile("[\u4e00-\u9fff]")
_MARKUP = re.compile(r"<[^<>]*>|[<>\[\]{}|\\^~`=_$@]")


def clean(text: str) -> str:
    """NFC, no control or format characters, single spaces. Raises InvalidValue when nothing is left or it is too long."""
    if len(text) > MOST_CHARACTERS:
        raise InvalidValue(f"a prompt may have {MOST_CHARACTERS} characters, this has {len(text)}; split it")
    visible = (" " if unicodedata.category(c)[0] in "CZ" else c for c in unicodedata.normalize("NFC", text))
    cleaned = " ".join("".join(visible).split())
    if not cleaned:
        raise InvalidValue("a prompt without text cannot be spoken")
    return cleaned


@lru_cache(maxsize=8192)
def key(text: str, language: str, voice: str = "") -> str:
    """Name of a sound file: 16 hex digits of its content. Recordings have no `voice`; rendered ones have the engine's."""
    return hashlib.sha256(f"{language}\0{clean(text)}\0{voice}".encode()).hexdigest()[:16]


def slug(text: str) -> str:
    """The text as a file name a person can type: `请稍候。` → `请稍候`, `Please wait.` → `please-wait`."""
    return "-".join(re.findall(r"\w+", text.casefold()))


def voice_of(text: str, language: str) -> str:
    """The language whose voice reads a text: a Chinese address in an English call is read by the Chinese voice."""
    return "zh" if _HAN.search(text) else language


def spoken(text: str, language: str) -> str:
    """No markup an engine could obey; signs as words; numbers of four or more digits digit by digit (95598, 10000018)."""
    digits, gap = _ONE_BY_ONE[language]
    plain = _MARKUP.sub(" ", clean(text))
    plain = _LONG_NUMBER.sub(lambda found: gap.join(digits[int(d)] for d in found.group()), plain)
    for sign, word in _SPOKEN[language].items():
        plain = plain.replace(sign, word)
    return " ".join(plain.split())
