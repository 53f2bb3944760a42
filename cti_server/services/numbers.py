"""What a phone number tells by itself: where it is from and who carries it (libphonenumber's tables, no network).

A carrier is that of the number range: a ported number still names the first one.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import phonenumbers
from phonenumbers import carrier, geocoder

LANGUAGES = ("zh", "en")


@lru_cache(4096)
def describe(number: str) -> dict[str, Any] | None:
    """`wire.NumberInfo` of an E.164 number; None for what is none."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return None
    return {
        "number": number,
        "region": {language: geocoder.description_for_number(parsed, language) for language in LANGUAGES},
        "carrier": {language: carrier.name_for_number(parsed, language) for language in LANGUAGES},
    }
