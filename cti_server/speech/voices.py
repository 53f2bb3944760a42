"""Which voice speaks which language. The names go into cache keys, so a changed voice is rendered anew."""

from __future__ import annotations

from collections.abc import Mapping

ESPEAK: Mapping[str, str] = {"zh": "sit/cmn", "en": "gmw/en-us"}
ESPEAK_RATE = 150
"""Words a minute: slower than espeak's own 175, for a telephone."""
KOKORO: Mapping[str, str] = {"zh": "zf_xiaoxiao", "en": "af_heart"}

NAMES: Mapping[str, Mapping[str, str]] = {
    "pyttsx3": {language: f"espeak-ng-1.52/{voice}/{ESPEAK_RATE}" for language, voice in ESPEAK.items()},
    "kokoro": {language: f"kokoro-82m/{voice}" for language, voice in KOKORO.items()},
}
