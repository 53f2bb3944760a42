"""Text to the letters Kokoro was trained on. Only for use inside the worker process.

Chinese: misaki's table of pinyin, jieba's words. English: espeak-ng's IPA (with `^` tying the two parts of a sound), mapped
as misaki maps it when a word is not in its dictionary.
"""

from __future__ import annotations

import ctypes
import os
import re
from functools import lru_cache
from typing import Any

import espeakng_loader

_TIED = {
    "a^ɪ": "I", "a^ʊ": "W", "d^ʒ": "ʤ", "e^ɪ": "A", "t^ʃ": "ʧ", "ɔ^ɪ": "Y", "o^ʊ": "O", "ə^l": "ᵊl", "ɚ": "əɹ", "r": "ɹ",
    "x": "k", "ç": "k", "ɐ": "ə", "ɬ": "l", "\u0303": "", "ʲ": "", "e": "A", "ɜːɹ": "ɜɹ", "ɜː": "ɜɹ", "ɪə": "iə", "ː": "",
    "o": "ɔ", "ɾ": "T", "ʔ": "t", "^": "",
}  # fmt: skip
"""In this order: whole tied sounds before their letters."""
_LEXICON = {"yuan": "juˈɑn", "jiao": "ʤjˈW", "fen": "fˈʌn"}
"""Words that espeak reads as if they were English."""
_SYLLABIC = re.compile(r"(\S)\u0329")
_PUNCTUATION = re.compile(r"([.,;:!?])")
_FOREIGN = re.compile(rf"\b({'|'.join(_LEXICON)})\b", re.IGNORECASE)
_LATIN = re.compile(r"[A-Za-z][A-Za-z' .]*")
_AUDIO_OUTPUT_SYNCHRONOUS, _CHARS_UTF8, _PHONEMES_IPA, _TIE = 2, 1, 0x02, 0x80


def chinese(text: str) -> str:
    """Chinese with English words in it."""
    spoken, at = "", 0
    for latin in _LATIN.finditer(text):
        spoken += f"{_mandarin(text[at : latin.start()])} {english(latin.group().strip())} "
        at = latin.end()
    return (spoken + _mandarin(text[at:])).strip()


def _mandarin(text: str) -> str:
    return str(_misaki()(text)[0]) if text.strip() else ""


@lru_cache
def _misaki() -> Any:
    import logging

    import jieba
    from misaki.zh import ZHG2P

    jieba.setLogLevel(logging.WARNING)
    return ZHG2P()


def english(text: str) -> str:
    """espeak drops punctuation, but Kokoro phrases by it: it is put back where it stood."""
    return " ".join("".join(map(_english_part, _PUNCTUATION.split(text))).split())


def _english_part(part: str) -> str:
    if _PUNCTUATION.fullmatch(part) or not part.strip():
        return part
    words = _FOREIGN.split(part)
    sounds = (_LEXICON[word.lower()] if index % 2 else _letters(word) for index, word in enumerate(words))
    return ("" if part[0].isalnum() else " ") + " ".join(filter(None, sounds))


def _letters(words: str) -> str:
    ipa = _ipa(words) if words.strip() else ""
    for old, new in _TIED.items():
        ipa = ipa.replace(old, new)
    return _SYLLABIC.sub(r"ᵊ\1", ipa).strip()


def _ipa(text: str) -> str:
    library = _espeak()
    pointer = ctypes.c_char_p(text.encode())
    cursor = ctypes.cast(ctypes.pointer(pointer), ctypes.POINTER(ctypes.c_void_p))
    spoken = []
    while pointer.value is not None and cursor[0]:
        mode = _PHONEMES_IPA | _TIE | ord("^") << 8
        spoken.append(library.espeak_TextToPhonemes(cursor, _CHARS_UTF8, mode).decode())
    return " ".join(spoken)


@lru_cache
def _espeak() -> ctypes.CDLL:
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    library.espeak_TextToPhonemes.restype = ctypes.c_char_p
    data = os.path.dirname(espeakng_loader.get_data_path()).encode()
    if library.espeak_Initialize(_AUDIO_OUTPUT_SYNCHRONOUS, 0, data, 0) < 0:
        raise RuntimeError("espeak-ng did not initialise")
    library.espeak_SetVoiceByName(b"en-us")
    return library
