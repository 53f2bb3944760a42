"""Values read aloud: amounts, dates, numbers as pieces of speech that are recorded ahead.

A piece is a short text with one recording. Pieces are as long as the values allow, so that a sentence has few joins:
`128.50` is `一百 二十八元 五角` or `one hundred, twenty-eight yuan, fifty`. Nothing is rendered while a caller waits:
`all_pieces` is finite and holds every piece of every kind except `text`. A piece of punctuation only is a pause.

Words come from cn2an and num2words (aloud_zh, aloud_en); this module reads the values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache
from types import ModuleType
from typing import TypeVar

from cti_server.domain import aloud_en, aloud_zh
from cti_server.errors import InvalidValue

_T = TypeVar("_T")
Pieces = tuple[str, ...]
LANGUAGES: Mapping[str, ModuleType] = {"zh": aloud_zh, "en": aloud_en}

PAUSE = "，"
"""Between groups of digits; spoken as a short silence in every language."""

MOST_AMOUNT = Decimal("99999999.99")
MOST_NUMBER = 999_999_999_999
MOST_DIGITS = 64
MOST_DECIMALS = 6

_SEPARATORS = re.compile(r"[\s\-.()]")
_GROUPS = {5: (3, 2), 6: (3, 3), 7: (3, 4), 9: (3, 3, 3), 10: (3, 3, 4), 11: (3, 4, 4)}


def aloud(kind: str, value: object, language: str) -> Pieces:
    """The pieces that speak `value` in `language` (`zh`, `en`).

    Kinds: `amount` (yuan, to the fen), `number`, `ordinal`, `position` (place in a queue, from 1), `digits` and `order`
    (one by one, in groups), `date` (month and day), `month`, `time` (of day), `duration` (minutes, or a timedelta),
    `text` (as it is). Raises InvalidValue for a value that is none of its kind, an unknown kind or language.
    """
    words = _language(language)
    try:
        speak = _KINDS[kind]
    except KeyError:
        raise InvalidValue(f"cannot read a {kind!r} aloud; kinds are {', '.join(KINDS)}") from None
    return tuple(speak(words, value))


def all_pieces(language: str) -> frozenset[str]:
    """Every piece that any value of any kind except `text` can yield; these are recorded ahead."""
    return _all_pieces(_language(language))


@lru_cache
def _all_pieces(words: ModuleType) -> frozenset[str]:
    return frozenset(words.pieces()) | {PAUSE}


def is_pause(text: str) -> bool:
    """Nothing in it can be spoken: punctuation or nothing at all."""
    return not any(character.isalnum() for character in text)


def _language(language: str) -> ModuleType:
    try:
        return LANGUAGES[language]
    except KeyError:
        raise InvalidValue(f"no words for language {language!r}; languages are {', '.join(LANGUAGES)}") from None


def _decimal(value: object, most: Decimal | int) -> Decimal:
    """A finite number no larger than `most` either way; text may have thousands separators."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        raise InvalidValue(f"{type(value).__name__} is not a number that can be read aloud")
    try:
        number = Decimal(str(value).strip().replace(",", ""))
    except InvalidOperation:
        raise InvalidValue("not a number: it cannot be read aloud") from None
    if not number.is_finite() or abs(number) > most:
        raise InvalidValue(f"a number read aloud must lie between -{most} and {most}")
    return number


def _whole(value: object, least: int, most: int) -> int:
    number = _decimal(value, most)
    if number != number.to_integral_value() or number < least:
        raise InvalidValue(f"expected a whole number from {least} to {most}")
    return int(number)


def _amount(words: ModuleType, value: object) -> list[str]:
    fen = int((_decimal(value, MOST_AMOUNT) * 100).to_integral_value(ROUND_HALF_UP))
    sign = [words.MINUS] if fen < 0 else []
    return sign + list(words.amount(*divmod(abs(fen), 100)))


def _number(words: ModuleType, value: object) -> list[str]:
    number = _decimal(value, MOST_NUMBER).quantize(Decimal(1).scaleb(-MOST_DECIMALS), ROUND_HALF_UP)
    whole, _, decimals = f"{abs(number):f}".partition(".")
    spoken = [words.MINUS] if number < 0 else []
    spoken += words.integer(int(whole))
    decimals = decimals.rstrip("0")
    return spoken + ([words.POINT, *(words.DIGITS[int(d)] for d in decimals)] if decimals else [])


def _digits(words: ModuleType, value: object) -> list[str]:
    text = _SEPARATORS.sub("", str(value)).removeprefix("+")
    if not (text.isascii() and text.isdigit()) or len(text) > MOST_DIGITS or isinstance(value, bool | float):
        raise InvalidValue(f"expected 1 to {MOST_DIGITS} digits")
    spoken: list[str] = []
    for group in _groups(text):
        spoken += [*([PAUSE] if spoken else []), *_pairs(words, group)]
    return spoken


def _groups(text: str) -> list[str]:
    """As people say them: 139 0000 0001, 1000 0018, 123 456."""
    groups, rest = [], text
    for size in _GROUPS.get(len(text), ()):
        groups.append(rest[:size])
        rest = rest[size:]
    return groups + [rest[i : i + 4] for i in range(0, len(rest), 4)]


def _pairs(words: ModuleType, group: str) -> list[str]:
    """Two digits a piece, the odd one first: fewer joins than one by one."""
    odd = len(group) % 2
    pairs = [words.PAIRS[int(group[i : i + 2])] for i in range(odd, len(group), 2)]
    return ([words.SINGLES[int(group[0])]] if odd else []) + pairs


def _ordinal(words: ModuleType, value: object) -> list[str]:
    return list(words.ordinal(_whole(value, 1, 9999)))


def _position(words: ModuleType, value: object) -> list[str]:
    return list(words.position(_whole(value, 1, 9999)))


def _date(words: ModuleType, value: object) -> list[str]:
    day = _parsed(value, date, date.fromisoformat, "a date such as 2026-12-05")
    return list(words.date(day.month, day.day))


def _month(words: ModuleType, value: object) -> list[str]:
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d", value):
        value = f"{value}-01"
    if isinstance(value, int) or (isinstance(value, str) and value.isdigit()):
        return [words.MONTHS[_whole(value, 1, 12) - 1]]
    day = _parsed(value, date, date.fromisoformat, "a month such as 2026-12")
    return [words.MONTHS[day.month - 1]]


def _time(words: ModuleType, value: object) -> list[str]:
    moment = value.time() if isinstance(value, datetime) else value
    moment = _parsed(moment, time, time.fromisoformat, "a time such as 14:30")
    return list(words.time(moment.hour, moment.minute))


def _parsed(value: object, kind: type[_T], parse: Callable[[str], _T], wanted: str) -> _T:
    if isinstance(value, kind):
        return value
    try:
        return parse(str(value).strip())
    except ValueError:
        raise InvalidValue(f"expected {wanted}") from None


def _duration(words: ModuleType, value: object) -> list[str]:
    minutes = value / timedelta(minutes=1) if isinstance(value, timedelta) else value
    number = _decimal(minutes, MOST_NUMBER)
    if number < 0:
        raise InvalidValue("a duration cannot be negative")
    return list(words.duration(int(number.to_integral_value(ROUND_CEILING)) if number >= 1 else 0))


def _text(_: ModuleType, value: object) -> list[str]:
    text = str(value).strip()
    return [text] if text else []


_KINDS: Mapping[str, Callable[[ModuleType, object], list[str]]] = {
    "amount": _amount,
    "number": _number,
    "ordinal": _ordinal,
    "position": _position,
    "digits": _digits,
    "order": _digits,
    "date": _date,
    "month": _month,
    "time": _time,
    "duration": _duration,
    "text": _text,
}
KINDS = tuple(_KINDS)
